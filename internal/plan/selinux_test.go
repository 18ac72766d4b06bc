// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// labeled returns the places that the plans of accounts and files give SELinux labels, and the units whose links get them.
func labeled(t *testing.T, sections string, f facts.Facts, in Inputs) string {
	t.Helper()
	in.Today, in.KeyFragment = 20000, true
	var lists []string
	for _, p := range []Planner{Accounts, Files} {
		r := Build("part", p, document(t, sections), f, in)
		for _, d := range r.Report.Errors() {
			t.Error(d.Line())
		}
		for i, s := range r.Plan.Steps {
			if o, ok := s.Op.(op.Relabel); ok {
				lists = append(lists, strings.Join(append(o.Paths, o.Units...), " "))
				if i != len(r.Plan.Steps)-1 || len(s.After) != i {
					t.Errorf("labels are step %d of %d, after %v", i, len(r.Plan.Steps), s.After)
				}
			}
		}
		f = r.After
	}
	return strings.Join(lists, " | ")
}

// TestLabels: what is written gets a label, and nothing else does: not what links lead to, not directories that existed, not the
// rest of a home directory.
func TestLabels(t *testing.T) {
	const accounts = "/etc/.pwd.lock /etc/group /etc/group- /etc/passwd /etc/passwd- /etc/shadow /etc/shadow-"
	missing := func(pairs ...string) func(*facts.Facts) {
		return func(f *facts.Facts) {
			f.Tree.Prepare()
			for i := 0; i < len(pairs); i += 2 {
				f.Tree.Missing[pairs[i]] = pairs[i+1]
			}
		}
	}
	node := func(place string, n facts.Node) func(*facts.Facts) {
		return func(f *facts.Facts) { f.Tree.Prepare(); f.Tree.Nodes[place] = n }
	}
	home := node("/root", facts.Node{Type: "directory", Mode: 0o700})
	const rootKey = `"passwd":{"users":[{"name":"root","sshAuthorizedKeys":["k"]}]}`
	for _, c := range []struct {
		name, config string
		facts        []func(*facts.Facts)
		want         string
	}{
		{"nothing to do", `"storage":{}`, nil, ""},
		{"a link, not what it leads to", `"storage":{"links":[{"path":"/var/lib/docker","target":"/srv"}]}`, nil, "/var/lib/docker"},
		{"a masked unit, not /dev/null", `"systemd":{"units":[{"name":"m.service","mask":true}]}`, nil, "/etc/systemd/system/m.service"},
		{"a new directory", `"storage":{"directories":[{"path":"/srv/www"}]}`, nil, "/srv/www"},
		{"a directory in place of another", `"storage":{"directories":[{"path":"/srv","overwrite":true}]}`, nil, "/srv"},
		{"a directory that existed keeps its label, and so does all in it", `"storage":{"directories":[{"path":"/srv","mode":448,"user":{"id":0}}]}`, nil, ""},
		{"an existing file", `"storage":{"files":[{"path":"/etc/motd","append":[{"source":"data:,y"}]}]}`, nil, "/etc/motd"},
		{"the topmost directory that is missing", `"storage":{"files":[{"path":"/var/a/b/f"},{"path":"/var/a/g"}]}`,
			[]func(*facts.Facts){missing("/var/a/b", "/var/a", "/var/a", "/var/a")}, "/var/a"},
		{"a further name of a file", `"storage":{"links":[{"path":"/etc/hard","target":"/etc/motd","hard":true}]}`, nil, ""},
		{"a further name of a file in a new directory", `"storage":{"links":[{"path":"/etc/x/hard","target":"/etc/motd","hard":true}]}`,
			[]func(*facts.Facts){missing("/etc/x", "/etc/x")}, "/etc/x"},
		{"units that are enabled", `"systemd":{"units":[{"name":"known.service","enabled":true},{"name":"o.service","enabled":false}]}`,
			[]func(*facts.Facts){missing("/etc/systemd/system", "/etc/systemd/system", "/etc/systemd/system-preset", "/etc/systemd/system-preset")},
			"/etc/systemd/system /etc/systemd/system-preset known.service"},
		{"a new user", `"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["k"]}]}`,
			[]func(*facts.Facts){missing("/home", "/home", "/home/core", "/home", "/home/core/.ssh/authorized_keys.d", "/home")}, accounts + " /home"},
		{"a key of an existing user: what is missing", rootKey, []func(*facts.Facts){home, missing("/root/.ssh/authorized_keys.d", "/root/.ssh")}, "/root/.ssh"},
		{"a key of an existing user: only the file", rootKey, []func(*facts.Facts){home}, "/root/.ssh/authorized_keys.d/ignition"},
		{"a home that is a link is the one exception", rootKey, []func(*facts.Facts){
			node("/root", facts.Node{Type: "link", Target: "var/roothome"}), missing("/var/roothome/.ssh/authorized_keys.d", "/var/roothome/.ssh"),
			func(f *facts.Facts) {
				f.Tree.Resolved["/root/.ssh/authorized_keys.d/ignition"] = "/var/roothome/.ssh/authorized_keys.d/ignition"
			}}, "/var/roothome/.ssh"},
		{"a key file that is a link", rootKey, []func(*facts.Facts){home,
			node("/root/.ssh/authorized_keys.d/ignition", facts.Node{Type: "link", Target: "keys"})}, "/root/.ssh/authorized_keys.d/keys"},
		{"account files that are links", `"passwd":{"groups":[{"name":"team"}]}`, []func(*facts.Facts){
			node("/etc/group", facts.Node{Type: "link", Target: "/usr/etc/group"})}, "/etc/.pwd.lock /usr/etc/group /usr/etc/group-"},
	} {
		f := target()
		f.SELinux, f.Programs = &facts.SELinux{Policy: "targeted"}, map[string]bool{"setfiles": true}
		for _, change := range c.facts {
			change(&f)
		}
		if got := labeled(t, c.config, f, Inputs{Relabel: true}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := labeled(t, c.config, f, Inputs{}); got != "" {
			t.Errorf("%s: without labels: %q", c.name, got)
		}
	}
}

// TestLabelsImpossible: what keeps labels from being set is reported before anything is changed, by the first part that sets any.
func TestLabelsImpossible(t *testing.T) {
	for _, c := range []struct {
		name string
		s    facts.SELinux
		want string
	}{
		{"no policy", facts.SELinux{Problem: "names no policy"}, "names no policy"},
		{"no program", facts.SELinux{Policy: "p"}, "setfiles"},
	} {
		f := target()
		f.SELinux = &c.s
		for name, p := range map[string]Planner{"accounts": Accounts, "files": Files} {
			r := Build(name, p, document(t, `"passwd":{"groups":[{"name":"team"}]},"storage":{"links":[{"path":"/l","target":"x"}]}`), f, Inputs{Today: 20000, Relabel: true})
			if errors := r.Report.Errors(); len(errors) != 1 || !strings.Contains(errors[0].Summary, c.want) || errors[0].Hint == "" {
				t.Errorf("%s, %s: %v", c.name, name, errors)
			}
		}
	}
}
