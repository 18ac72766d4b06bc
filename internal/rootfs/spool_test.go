// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestAdopt gives spools their names: without a copy on the same filesystem, and with one from other filesystems.
func TestAdopt(t *testing.T) {
	elsewhere, err := os.MkdirTemp("/dev/shm", "firstlight-")
	if err != nil {
		t.Skip("no second filesystem is available: ", err)
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere) })
	dir := t.TempDir()
	build(t, dir, "d real\nl link /real\nf real/there old")
	here, other := open(t, dir), open(t, elsewhere)
	unlinked, err := nameless(int(here.dir.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from    *Root
		path    string
		spool   *Spool
		replace bool
		copied  bool
		err     error
	}{
		"same filesystem":                    {from: here, path: "/real/a"},
		"through a link, not there yet":      {from: here, path: "/link/new/deep/b"},
		"other filesystem":                   {from: other, path: "/real/c", copied: true},
		"a name was taken away":              {spool: &Spool{stream{descriptor: descriptor(unlinked)}, here, "/real/d"}, path: "/real/d", copied: true},
		"in place of another":                {from: here, path: "/real/there", replace: true},
		"not in place of another":            {from: here, path: "/real/there", err: fs.ErrExist},
		"where the directory does not exist": {from: here, path: "/real/none/e", err: fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.spool
			if s == nil {
				if s, err = c.from.Spool(c.path); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Write([]byte("content")); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d", s.file.descriptor))
			if err != nil {
				t.Fatal(err)
			}
			path := c.path
			if path == "/link/new/deep/b" {
				path = "/real/b" // as resolved later
			}
			f, err := here.Adopt(path, s)
			if err == nil {
				err = f.Commit(c.replace)
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			got, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(filepath.Join(dir, path)); string(text) != "content" || got.Mode() != 0o644 {
				t.Errorf("there is %q with mode %s", text, got.Mode())
			}
			if os.SameFile(info, got) == c.copied {
				t.Errorf("copied: %v, want %v", !c.copied, c.copied)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "real/tmp*")); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}
