// SPDX-License-Identifier: Apache-2.0

package files

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the cases expect")

// base is the initial tree of every case.
const base = `
f /etc/passwd root:x:0:0:root:/root:/bin/bash\nadm:x:3:4:adm:/var/adm:/sbin/nologin\nold:x:1000:1000::/home/old:/bin/sh\n
f /etc/group root:x:0:\nadm:x:4:\nsudo:x:27:old\nusers:x:100:\nold:x:1000:\n
f /etc/shadow root:*:1::::::\nold:!:1:0:99999:7:::\n 640 0:42
f /etc/gshadow root:*::\nsudo:*::old\n 640 0:42
f /etc/default/useradd SHELL=/bin/sh\n
f /etc/login.defs USERGROUPS_ENAB\syes\nUMASK\s022\n
f /etc/skel/.profile profile\n
l /lib usr/lib
d /usr/lib/systemd/system
`

// fileCase is one case of a file in testdata: the existing tree, the config, and the result: the changes of the whole tree,
// or an error and no change.
type fileCase struct{ name, start, config, want string }

func readCases(t *testing.T, file string) []fileCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []fileCase
	for _, part := range strings.Split("\n"+string(text), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		start, rest, ok := strings.Cut(rest, "--- config\n")
		config, want, ok2 := strings.Cut(rest, "--- want\n")
		if !ok || !ok2 {
			t.Fatalf("%s: case %q has no config or no want", file, name)
		}
		cases = append(cases, fileCase{name, start, config, want})
	}
	return cases
}

func writeCases(t *testing.T, file string, cases []fileCase) {
	t.Helper()
	var b strings.Builder
	for _, c := range cases {
		b.WriteString("=== " + c.name + "\n" + c.start + "--- config\n" + c.config + "--- want\n" +
			strings.TrimRight(c.want, "\n") + "\n\n")
	}
	if err := os.WriteFile(file, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCases runs all cases of testdata.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	count := 0
	for _, file := range files {
		cases := readCases(t, file)
		count += len(cases)
		for i := range cases {
			t.Run(filepath.Base(file)+"/"+cases[i].name, func(t *testing.T) {
				got := cases[i].run(t)
				if *update {
					cases[i].want = got
				} else if diff := cmp.Diff(strings.TrimRight(cases[i].want, "\n"), strings.TrimRight(got, "\n")); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
		if *update {
			writeCases(t, file, cases)
		}
	}
	if count < 120 {
		t.Errorf("there are only %d cases", count)
	}
}

func (c fileCase) run(t *testing.T) string {
	m := newMachine(t)
	m.grow(t, base+c.start)
	before := tree(t, m.dir)
	doc, err := parse(c.config)
	if err != nil {
		return "invalid: " + err.Error()
	}
	m.state.NotatedDirectories = partsOf(c.start)
	err = m.run(doc)
	diff := changes(before, tree(t, m.dir))
	if err != nil {
		text := strings.ReplaceAll(err.Error(), m.dir, "ROOT")
		text, _, _ = strings.Cut(text, " data: URL") // the error's text is package fetch's
		return "error: " + text + "\n" + strings.Join(diff, "\n")
	}
	for _, w := range m.untrue(doc) {
		if c.name != "hard through a link of the config" { // its target has moved
			t.Errorf("not as predicted: %s", w)
		}
	}
	for _, l := range m.log {
		if _, msg, ok := strings.Cut(l, "msg="); ok {
			diff = append(diff, "log: "+strings.TrimSpace(strings.ReplaceAll(msg, m.dir, "ROOT")))
		}
	}
	return strings.Join(diff, "\n")
}

// partsOf reads the directories that the mount stage made: lines "# mounted PATH".
func partsOf(start string) []string {
	var parts []string
	for line := range strings.Lines(start) {
		if part, ok := strings.CutPrefix(strings.TrimSpace(line), "# mounted "); ok {
			parts = append(parts, part)
		}
	}
	return parts
}
