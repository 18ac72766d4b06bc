// SPDX-License-Identifier: Apache-2.0

package unitfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// words are the messages of systemd about the problems that it finds.
var words = map[string]Problem{
	"Assignment outside of section":     NoSection,
	"Missing '='":                       NoEquals,
	"Missing key name":                  NoName,
	"Invalid section header":            BadSection,
	"Bad characters in section header":  BadName,
	"String is not UTF-8 clean":         NotUTF8,
	"Unit t.service failed to load":     -1,
	"No buffer space available":         HugeLine,
	"Unknown key 'Probe' in section [U": -2,
}

// pieces are the parts of random units. The option Probe shows where systemd sees an option of [Unit].
var pieces = []string{
	"[Unit]", "[Install]", "[Service]", "[", "]", "Probe=1", "Probe", "=", "x", " ", "\t", "\r", "\n", "\n", "\n", "\n", "\n", "\n",
	"\\\n", "\\\\\n", "\\", "#", ";", "# c", "\x00", "\ufeff", "\xff", "\v", "'", "[Unit]\nProbe=2\n", "Probe=3\\\n4\n",
}

// TestDifferential compares the reading of random texts with what systemd-analyze says about them: which lines are
// ignored, which options of [Unit] are seen, and whether the file is refused.
func TestDifferential(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("comparing with systemd needs systemd-analyze")
	}
	const batches, each = 12, 250
	for batch := range uint64(batches) {
		r := rand.New(rand.NewPCG(batch, 14))
		dir := t.TempDir()
		texts := map[string]string{}
		args := []string{"verify", "--man=no"}
		for i := range each {
			var b strings.Builder
			for range r.IntN(14) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			name := filepath.Join(dir, fmt.Sprintf("u%d.service", i))
			texts[name] = b.String()
			args = append(args, name)
			if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("systemd-analyze", args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, _ := cmd.CombinedOutput() // its status says that there are problems
		said := map[string][]string{}
		for line := range strings.Lines(string(out)) {
			for phrase, p := range words {
				if name, rest, ok := strings.Cut(line, ".service:"); ok && strings.Contains(rest, ": "+phrase) {
					number, _, _ := strings.Cut(rest, ":")
					name += ".service"
					said[name] = append(said[name], finding(texts[name], p, number))
				}
			}
		}
		for name, text := range texts {
			if diff := cmp.Diff(said[name], ours(text)); diff != "" {
				t.Errorf("%q: -systemd +ours\n%s", text, diff)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// finding is a problem with its line, or without one if systemd counts the last of continued lines.
func finding(text string, p Problem, line string) string {
	if strings.Contains(text, "\\") {
		line = "?"
	}
	return fmt.Sprintf("%d in line %s", p, line)
}

// inUnknown reports whether a line is in a section that systemd does not know. systemd does not report problems in those.
func inUnknown(f File, line int) bool {
	name := "Unit"
	for _, s := range f.Sections {
		if s.Line < line {
			name = s.Name
		}
	}
	return name != "Unit" && name != "Install" && name != "Service"
}

// ours are our findings in the form of systemd's.
func ours(text string) []string {
	var found []string
	add := func(p Problem, line int) { found = append(found, finding(text, p, fmt.Sprint(line))) }
	f := Parse(text)
	ignored := slices.DeleteFunc(slices.Clone(f.Ignored), func(e SyntaxError) bool { return inUnknown(f, e.Line) })
	before := func(line int) {
		for len(ignored) > 0 && ignored[0].Line < line {
			add(ignored[0].Problem, ignored[0].Line)
			ignored = ignored[1:]
		}
	}
	for _, s := range f.Sections {
		for _, o := range s.Options {
			if before(o.Line); s.Name == "Unit" && o.Name == "Probe" {
				add(-2, o.Line)
			}
		}
	}
	before(1 << 30)
	if f.Fatal != nil {
		add(f.Fatal.Problem, f.Fatal.Line)
	}
	return found
}
