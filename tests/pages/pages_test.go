// SPDX-License-Identifier: Apache-2.0

// Package pages tests the documentation: every example is valid, every console session prints what its page shows, and every
// link has a target.
package pages

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
)

const top = "../.."

var update = flag.Bool("update", false, "write the output of the sessions into the pages")

// TestExamples checks every config below docs/examples. A document in YAML with a JSON file of the same name builds to that.
func TestExamples(t *testing.T) {
	count := 0
	for _, file := range examples(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		switch filepath.Ext(file) {
		case ".ign", ".bu":
		default:
			continue
		}
		count++
		if report := lint.Check(diag.NewSource(name, text)); len(report) > 0 {
			var b strings.Builder
			if err := diag.Text(&b, report, true); err != nil {
				t.Fatal(err)
			}
			t.Error(b.String())
		}
		built, err := os.ReadFile(strings.TrimSuffix(file, ".bu") + ".ign")
		if filepath.Ext(file) != ".bu" || errors.Is(err, os.ErrNotExist) {
			continue
		}
		got, code := session(t, install(t), "firstlight build --strict --pretty docs/examples/"+name)
		if diff := cmp.Diff(string(built), got); diff != "" || code != 0 {
			t.Errorf("%s builds to something else than the .ign file (exit code %d):\n%s", name, code, diff)
		}
	}
	if count < 3 {
		t.Errorf("there are %d examples", count)
	}
}

func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(top + "/docs/examples/*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSessions runs the blocks of kind "console" in all pages, in the order of a page and from the top of the tree. A line
// that begins with "$ " is a shell command; the lines up to the next one are its whole output. The programs are those of
// this tree.
func TestSessions(t *testing.T) {
	pages, err := filepath.Glob(top + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := install(t)
	for _, page := range append(pages, top+"/README.md") {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, bin, string(text))
			if *update {
				if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("the page shows another output; run go test ./tests/pages -update and read the difference\n%s", diff)
			}
		})
	}
}

// TestDocuments builds every document that a page shows in a block of kind "yaml", and checks every config in one of kind "json".
func TestDocuments(t *testing.T) {
	pages, err := filepath.Glob(top + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(text), "```") {
			kind, document, _ := strings.Cut(block, "\n")
			isConfig := kind == "yaml" && strings.Contains(document, "variant:") || kind == "json" && strings.Contains(document, `"version"`)
			if i%2 == 0 || !isConfig {
				continue
			}
			count++
			_, report := config.Parse(diag.NewSource(filepath.Base(page), []byte(document)))
			if err := report.Err(); err != nil {
				t.Errorf("%s, block %d: %v", filepath.Base(page), i/2+1, err)
			}
		}
	}
	if count < 5 {
		t.Errorf("the pages have %d documents", count)
	}
}

// TestLinks checks that every link within the tree leads to an existing file and heading.
func TestLinks(t *testing.T) {
	count := 0
	for _, page := range allPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links(string(text)) {
			if strings.Contains(link, "://") {
				continue
			}
			count++
			file, heading, _ := strings.Cut(link, "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			content, err := os.ReadFile(target)
			if info, failed := os.Stat(target); failed == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: the link to %s has no target", page, link)
			} else if heading != "" && !slices.Contains(headings(string(content)), heading) {
				t.Errorf("%s: %s has no heading for the link to %s", page, target, link)
			}
		}
	}
	if count < 50 {
		t.Errorf("there are %d links", count)
	}
}

// TestDecisions: decisions are numbered without a gap, and the index has a row for each.
func TestDecisions(t *testing.T) {
	const dir = top + "/docs/decisions/"
	index, err := os.ReadFile(dir + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		name := filepath.Base(file)
		number := fmt.Sprintf("%04d", i+1)
		if !strings.HasPrefix(name, number+"-") {
			t.Errorf("%s should have number %s", name, number)
		}
		if !strings.Contains(string(index), "| ["+number+"]("+name+") |") {
			t.Errorf("the index has no row for %s", name)
		}
	}
}

// allPages lists the pages for people.
func allPages(t *testing.T) []string {
	t.Helper()
	all := []string{top + "/tests/README.md"}
	for _, pattern := range []string{"/*.md", "/docs/*.md", "/docs/*/*.md"} {
		found, err := filepath.Glob(top + pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// links returns the targets of the links of a page: [text](target).
func links(page string) []string {
	var all []string
	for i, part := range strings.Split(page, "](") {
		if target, _, closed := strings.Cut(part, ")"); i > 0 && closed && !strings.ContainsAny(target, " \n") {
			all = append(all, target)
		}
	}
	return all
}

// headings returns the link anchors of a page's headings: lower case, without punctuation, dashes for spaces.
func headings(page string) []string {
	var all []string
	for line := range strings.Lines(page) {
		title, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !found || !strings.HasPrefix(line, "#") {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title)))
	}
	return all
}

// replay returns a page with the current output of its sessions.
func replay(t *testing.T, bin, page string) string {
	t.Helper()
	const open, end = "```console\n", "```"
	var out strings.Builder
	for {
		before, block, found := strings.Cut(page, open)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString(open)
		shown, rest, closed := strings.Cut(block, end)
		if !closed {
			t.Fatal("a console session does not end")
		}
		for line := range strings.Lines(shown) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				printed, _ := session(t, bin, strings.TrimSpace(command))
				out.WriteString(line + printed)
			}
		}
		out.WriteString(end)
		page = rest
	}
}

// session runs a shell command and returns its output, of both streams, and its exit code.
func session(t *testing.T, bin, command string) (printed string, code int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// install builds the people's tool into a directory and returns the directory.
func install(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(bin, "firstlight"), "./internal/cmd/firstlight")
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, name := range []string{"ignition-validate", "butane"} {
		if err := os.Symlink("firstlight", filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}
