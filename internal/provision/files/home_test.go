// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	movedStart = "f /home/old/f text 600 1000:1000\nd /home/old/deep 711 1000:1000\nl /home/old/link /home/old/f - 1000:1000\nf /home/old/deep/g x 4755 1000:1000\n" +
		"d /home/old 700 1000:1000\n"
	moved = `{"passwd":{"users":[{"name":"old","homeDir":"/srv/home/old","uid":1500},{"name":"new"}]}}`
)

// stopped makes a root, on which /home is a filesystem of its own if apart is set, and stops a run after n changes. It reports
// whether the run had so many.
func stopped(t *testing.T, apart bool, n int) (m *machine, again func() error, was bool) {
	t.Helper()
	doc, err := parse(moved)
	if err != nil {
		t.Fatal(err)
	}
	m = newMachine(t)
	m.grow(t, base+"d /home\n")
	if apart {
		home := filepath.Join(m.dir, "home")
		if err := unix.Mount("tmpfs", home, "tmpfs", 0, "mode=755"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(home, 0) })
	}
	m.grow(t, movedStart)
	err = m.stopAfter(doc, n)
	if err != nil && !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	m.before = nil
	return m, func() error { return m.run(doc) }, err != nil
}

// TestHomeByHand: a directory that somebody makes in the place of a home directory, between a power cut and the next boot, stays
// with its contents, wherever the run was cut short. The next run names it, or leaves it and goes on. Once it is moved away,
// the run comes to the same tree as one that was not cut short.
func TestHomeByHand(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for name, c := range map[string]struct {
		apart  bool
		home   string
		goesOn bool
	}{
		"moved within a filesystem":   {false, "/srv/home/old", false},
		"moved to another filesystem": {true, "/srv/home/old", false},
		"new":                         {false, "/home/new", true},
	} {
		t.Run(name, func(t *testing.T) {
			whole, _, _ := stopped(t, c.apart, 1<<20)
			want := tree(t, whole.dir)
			if link := "l /srv/home/old/link /srv/home/old/f 1500:1000"; c.apart && !slices.Contains(want, link) {
				t.Errorf("the copy lacks %q:\n%s", link, strings.Join(want, "\n"))
			}
			stops, refused := 0, 0
			for n := 0; ; n++ {
				m, again, was := stopped(t, c.apart, n)
				if !was {
					break
				}
				stops++
				home := filepath.Join(m.dir, c.home)
				if _, err := os.Lstat(home); errors.Is(err, os.ErrNotExist) {
					m.grow(t, "f "+c.home+"/mine mine\n")
					if err := again(); (err == nil) != c.goesOn {
						t.Fatalf("stopped after %d changes: with a directory made by hand: %v", n, err)
					} else if err != nil {
						refused++
						if !strings.Contains(err.Error(), c.home) {
							t.Fatalf("stopped after %d changes: the error does not name the place: %v", n, err)
						}
					}
					if text, err := os.ReadFile(filepath.Join(home, "mine")); err != nil || string(text) != "mine" {
						t.Fatalf("stopped after %d changes: what was made by hand is %q, %v", n, text, err)
					}
					if names, err := os.ReadDir(home); err != nil || len(names) != 1 {
						t.Fatalf("stopped after %d changes: the directory made by hand has %v, %v", n, names, err)
					}
					if err := os.RemoveAll(home); err != nil {
						t.Fatal(err)
					}
					if c.goesOn {
						continue // the run is complete
					}
				}
				if err := again(); err != nil {
					t.Fatalf("stopped after %d changes: %v", n, err)
				}
				if diff := cmp.Diff(want, tree(t, m.dir)); diff != "" {
					t.Fatalf("stopped after %d changes: -want +got:\n%s", n, diff)
				}
			}
			t.Logf("%d stops, %d refused", stops, refused)
		})
	}
}
