// SPDX-License-Identifier: Apache-2.0

package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// varied makes something of every kind.
const varied = `{"passwd":{"users":[{"name":"core","passwordHash":"h","sshAuthorizedKeys":["k"]}],"groups":[{"name":"team"}]},
	"storage":{"directories":[{"path":"/d/e"},{"path":"/m/n","mode":1535}],"links":[{"path":"/l/m","target":"x"},{"path":"/h/i","target":"/d/f","hard":true}],
	"files":[{"path":"/d/f","contents":{"source":"data:,x"}},{"path":"/p/q","mode":2541,"user":{"id":7}},{"path":"/etc/motd","append":[{"source":"data:,y"}]},
		{"path":"/home/core/a/b"}]},
	"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Install]\nWantedBy=b.target\n","dropins":[{"name":"c.conf","contents":"[Unit]\n"}]},{"name":"m.service","mask":true}]}}`

// TestPrivate: nobody but its owner can read a file before it is complete, even where nothing masks modes.
func TestPrivate(t *testing.T) {
	doc, err := parse(varied)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, mask := range []int{0o022, 0} {
		m := newMachine(t)
		m.grow(t, base+"f /etc/motd old\n")
		seen := 0
		m.before = func(effect string) error {
			kind, name, _ := strings.Cut(effect, " ")
			if kind != "write" && kind != "chown" && kind != "chmod" {
				return nil
			}
			all, _ := filepath.Glob(filepath.Dir(m.dir+name) + "/tmp*")
			for _, temporary := range all {
				if info, err := os.Lstat(temporary); err == nil && info.Mode().IsRegular() {
					if seen++; info.Mode().Perm()&0o077 != 0 {
						t.Errorf("%s has mode %o at %s", temporary, info.Mode().Perm(), effect)
					}
				}
			}
			return nil
		}
		old := unix.Umask(mask)
		err := m.run(doc)
		unix.Umask(old)
		if err != nil {
			t.Fatalf("%04o: %v", mask, err)
		}
		if seen == 0 {
			t.Error("no file was seen before it was complete")
		}
		got := tree(t, m.dir)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("umask %04o: -0022 +it\n%s", mask, diff)
		}
	}
}
