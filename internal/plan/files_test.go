// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

func document(t *testing.T, sections string) config.Document {
	t.Helper()
	doc, report := config.Parse(diag.NewSource("test.ign", []byte(`{"ignition":{"version":"3.6.0"},`+sections+`}`)))
	if report.HasErrors() {
		t.Fatal(report.Errors()[0].Line())
	}
	return doc
}

// target is a root with a few things in it.
func target() facts.Facts {
	return facts.Facts{
		Tree: &facts.Tree{
			Resolved: map[string]string{"/via/f": "/real/f"},
			Nodes: map[string]facts.Node{
				"/etc":      {Type: "directory", Mode: 0o755},
				"/etc/motd": {Type: "file", Mode: 0o644, Size: 3, Digest: "d"},
				"/srv":      {Type: "directory", Mode: 0o700, UID: 5},
				"/srv/old":  {Type: "file", Mode: 0o644},
				"/real":     {Type: "directory", Mode: 0o755},
				"/link":     {Type: "link", Target: "/etc"},
			},
		},
		Accounts: &facts.Accounts{
			Texts: account.Texts{
				"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\nsudo:x:27:\n",
				"/etc/shadow": "root:x:1::::::\n", "/etc/login.defs": "USERGROUPS_ENAB yes\n",
			},
			Digests: map[string]string{"/etc/passwd": "p", "/etc/group": "g", "/etc/shadow": "s"},
		},
		Units: &facts.Units{Found: map[string]bool{"known.service": true}},
	}
}

const rich = `"passwd":{"users":[{"name":"core","groups":["sudo"],"sshAuthorizedKeys":["k"]}],"groups":[{"name":"team"}]},
	"storage":{
		"directories":[{"path":"/srv","overwrite":true,"mode":448},{"path":"/etc","mode":493,"user":{"id":0}},{"path":"/deep/er","mode":457}],
		"files":[{"path":"/deep/er/f","contents":{"source":"data:,x"},"user":{"name":"core"}},{"path":"/via/f","contents":{"source":"data:,x"}},
			{"path":"/etc/motd","append":[{"source":"data:,y"}]},{"path":"/srv/old","contents":{"source":"data:,z"}}],
		"links":[{"path":"/link","target":"/etc"},{"path":"/hard","target":"/deep/er/f","hard":true},{"path":"/hard2","target":"/hard","hard":true}]},
	"systemd":{"units":[{"name":"known.service","enabled":true},{"name":"a.service","contents":"x"},{"name":"m.service","mask":true}]}`

func build(t *testing.T, doc config.Document, f facts.Facts) ([]op.Step, facts.Facts) {
	t.Helper()
	var steps []op.Step
	for _, p := range []Planner{Accounts, Files} {
		r := Build("part", p, doc, f, Inputs{Today: 20000, KeyFragment: true})
		for _, d := range r.Report.Errors() {
			t.Error(d.Line())
		}
		steps, f = append(steps, r.Plan.Steps...), r.After
	}
	return steps, f
}

func outline(steps []op.Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.Path + ": " + s.Op.Describe() + "\n")
	}
	return b.String()
}

func TestFilesPlan(t *testing.T) {
	const want = `$.passwd: edit accounts: add group team (1000), add user core (1000:1001)
$.passwd.users.0: make home directory /home/core of user core from /etc/skel
$.passwd.users.0.sshAuthorizedKeys: write SSH keys of user core to /home/core/.ssh/authorized_keys.d/ignition
$.storage.directories.0: make directory /srv with mode 0700 in place of the existing one
$.storage.directories.2: make directory /deep/er with mode 0711
$.storage.files.1: write file /real/f
$.storage.files.2: append a fragment to file /etc/motd
$.storage.files.3: write file /srv/old
$.storage.files.0: write file /deep/er/f with user 1000
$.storage.links.1: make hard link /hard to /deep/er/f
$.storage.links.2: make hard link /hard2 to /hard
$.systemd.units.1: write unit /etc/systemd/system/a.service
$.systemd.units.2: mask unit /etc/systemd/system/m.service
$.systemd.units: enable known.service
`
	steps, _ := build(t, document(t, rich), target())
	if got := outline(steps); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFilesPure: the same config and facts give the same plan, byte for byte, and facts survive being stored.
func TestFilesPure(t *testing.T) {
	doc := document(t, rich)
	text, err := json.Marshal(target())
	if err != nil {
		t.Fatal(err)
	}
	var again facts.Facts
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	a, _ := build(t, doc, target())
	b, _ := build(t, doc, again)
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) || len(x) < 1000 {
		t.Errorf("the plans differ:\n%s\n%s", x, y)
	}
	if strings.Contains(string(x), `"k"`) {
		t.Error("the plan holds a key")
	}
}

// TestFilesOrder: what is below a directory that is made, or in place of what is removed, comes after that.
func TestFilesOrder(t *testing.T) {
	built := Build("files", Files, document(t, rich), target(), Inputs{}).Plan
	index := func(words string) int {
		return slices.IndexFunc(built.Steps, func(s op.Step) bool { return strings.Contains(s.Op.Describe(), words) })
	}
	for _, c := range [][2]string{
		{"make directory /srv ", "write file /srv/old"}, {"make directory /deep/er", "write file /deep/er/f"},
		{"write file /deep/er/f", "make hard link /hard "}, {"make hard link /hard ", "make hard link /hard2"},
		{"write unit", "enable known.service"}, {"mask unit", "enable known.service"},
	} {
		before, after := index(c[0]), index(c[1])
		if before < 0 || after < 0 || !slices.Contains(built.Steps[after].After, before) {
			t.Errorf("%q (%d) is not after %q (%d)", c[1], after, c[0], before)
		}
	}
}

// TestFilesConvergence: on what a plan predicts, directories, links and masks need nothing any more. Contents and fragments do: they are
// done once, which is a matter of the journal.
func TestFilesConvergence(t *testing.T) {
	doc := document(t, `"passwd":{"users":[{"name":"core","groups":["sudo"]}],"groups":[{"name":"team","gid":77}]},
		"storage":{"directories":[{"path":"/a/b","mode":448,"user":{"name":"core"}},{"path":"/srv","mode":493}],
		"files":[{"path":"/a/b/empty","mode":384}],"links":[{"path":"/l","target":"/x","user":{"id":3}}]},
		"systemd":{"units":[{"name":"m.service","mask":true},{"name":"u.service","mask":false}]}`)
	first, after := build(t, doc, target())
	if len(first) != 7 {
		t.Errorf("the first plan is\n%s", outline(first))
	}
	if again, _ := build(t, doc, after); len(again) > 0 {
		t.Errorf("the second plan is\n%s", outline(again))
	}
}

// TestHomeParents: the missing parents of an entry in a home directory belong to the user whose home it is, and those elsewhere to
// root.
func TestHomeParents(t *testing.T) {
	for _, c := range []struct{ name, storage, want string }{
		{"a file", `"files":[{"path":"/home/core/.config/app/f","user":{"id":0}}]`,
			"make directory /home/core/.config with user 1000, group 1001\n" +
				"make directory /home/core/.config/app with user 1000, group 1001\nwrite file /home/core/.config/app/f\n"},
		{"a link, and a second one", `"links":[{"path":"/home/core/.a/l","target":"x"},{"path":"/home/core/.a/m","target":"x"}]`,
			"make directory /home/core/.a with user 1000, group 1001\nmake link /home/core/.a/l to x\nmake link /home/core/.a/m to x\n"},
		{"a hard link and a directory", `"directories":[{"path":"/home/core/a/b"}],"links":[{"path":"/home/core/c/h","target":"/etc/motd","hard":true}]`,
			"make directory /home/core/a with user 1000, group 1001\nmake directory /home/core/a/b\n" +
				"make directory /home/core/c with user 1000, group 1001\nmake hard link /home/core/c/h to /etc/motd\n"},
		{"a directory of the config is made first", `"directories":[{"path":"/home/core/a","mode":448}],"files":[{"path":"/home/core/a/b/f"}]`,
			"make directory /home/core/a with mode 0700\nwrite file /home/core/a/b/f\n"},
		{"through the link to the homes", `"files":[{"path":"/users/core/x/f"}]`,
			"make directory /home/core/x with user 1000, group 1001\nwrite file /home/core/x/f\n"},
		{"a home of its own below another", `"files":[{"path":"/home/core/sub/x/f"}]`, "write file /home/core/sub/x/f\n"},
		{"nothing is missing", `"files":[{"path":"/home/core/f"}]`, "write file /home/core/f\n"},
		{"a directory that is not a home", `"files":[{"path":"/srv/x/f"}]`, "write file /srv/x/f\n"},
		{"a home that is the root directory", `"files":[{"path":"/lone/x/f"}]`, "write file /lone/x/f\n"},
		{"a home of root", `"files":[{"path":"/root/x/f"}]`, "write file /root/x/f\n"},
		{"a home that is missing", `"files":[{"path":"/home/none/x/f"}]`, "write file /home/none/x/f\n"},
	} {
		f := target()
		f.Accounts.Texts["/etc/passwd"] += "core:x:1000:1001::/home/core/:/bin/sh\nnone:x:1002:1002::/home/none:/bin/sh\nlone:x:1003:1003::/:/bin/sh\n"
		f.Tree.Resolved["/users/core/x/f"] = "/home/core/x/f"
		for place, uid := range map[string]int{"/home": 0, "/home/core": 1000, "/home/core/sub": 0, "/lone": 1003, "/root": 0} {
			f.Tree.Nodes[place] = facts.Node{Type: "directory", Mode: 0o755, UID: uid}
		}
		r := Build("files", Files, document(t, `"storage":{`+c.storage+`}`), f, Inputs{})
		var got strings.Builder
		for _, s := range r.Plan.Steps {
			got.WriteString(s.Op.Describe() + "\n")
		}
		if got.String() != c.want || r.Report.HasErrors() {
			t.Errorf("%s: got\n%s\nwant\n%s\n%v", c.name, &got, c.want, r.Report)
		}
	}
}
