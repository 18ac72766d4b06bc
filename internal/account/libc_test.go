// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLibc compares which lines are accounts, and what their fields are, with the C library: random files are put in
// place of the system's, where nobody else sees it, and read with getent(1).
func TestLibc(t *testing.T) {
	if _, err := exec.LookPath("getent"); err != nil || os.Getuid() != 0 {
		t.Skip("comparing with the C library needs getent, and root to put files in the system's place")
	}
	pieces := []string{":", ":", ":", ":", ":", ":", "x", "0", "7", "1000", "00012", "4294967296", "-", "+", "#", " ", "\t", "name", ",", "/", "-1", "99999999999999999999"}
	whole := []string{"a:x:1:2:c:/h:/s", "b:x:3:4:c:/h", "c:x:5:6", "d:x:7", " e:x:8:9:::", "f:x:1:2:c:/h:/s:t:u", "g:x:a:1:::", "h:x::1:::", "i:x:-1:-2:::",
		"j:x:1", "k:x:2:a,b", "l:x:3:a,,b", "m:x:4: a, b", "n:x:5:a:b", "o:x:6:a b"}
	for _, f := range []File{Passwd, Group} {
		r := rand.New(rand.NewPCG(17, 4))
		lines := append([]string{}, whole...)
		for range 4000 {
			var b strings.Builder
			fmt.Fprintf(&b, "%s:x:%d", pieces[r.IntN(len(pieces))], r.IntN(9))
			for range r.IntN(12) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			lines = append(lines, b.String())
		}
		text := strings.Join(lines, "\n") + "\n"
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("mount --bind %s %s && getent -s files %s", name, f, filepath.Base(string(f)))
		out, err := exec.Command("unshare", "--mount", "sh", "-c", script).Output()
		if err != nil {
			t.Fatalf("read %s with getent in a mount namespace: %v", f, err)
		}
		var theirs, ours []string
		for line := range strings.Lines(string(out)) {
			if strings.IndexByte(":+-", line[0]) < 0 { // without a name; for other sources
				theirs = append(theirs, strings.TrimSuffix(line, "\n"))
			}
		}
		for _, l := range parseTable(text, layouts[f], true).understood() {
			if !strings.Contains(l.fields[len(l.fields)-1], ":") { // which getent does not show
				ours = append(ours, asLibc(f, l))
			}
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%s: -libc +ours\n%s", f, diff)
		}
	}
}

// asLibc is a line as getent writes it.
func asLibc(f File, l *line) string {
	if f == Group {
		return fmt.Sprintf("%s:%s:%d:%s", l.fields[0], l.fields[1], l.id(2), strings.Join(l.list(3).names, ","))
	}
	return fmt.Sprintf("%s:%s:%d:%d:%s:%s:%s", l.fields[0], l.fields[1], l.id(2), l.id(3), l.fields[4], l.fields[5], l.fields[6])
}
