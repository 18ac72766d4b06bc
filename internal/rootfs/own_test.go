// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChownSpecial: a change of the owner that is stopped anywhere and repeated keeps the special bits and the attributes of a
// file, and the names of one with several.
func TestChownSpecial(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("setting owners needs root")
	}
	stopped := errors.New("stopped")
	for n := 0; ; n++ {
		dir := t.TempDir()
		build(t, dir, "d home/x\nf home/x/program text")
		r := open(t, dir)
		name := filepath.Join(dir, "home/x/program")
		err := errors.Join(os.Chown(name, 1000, 1000), unix.Chmod(name, 0o6711), unix.Setxattr(name, "trusted.label", []byte("kept"), 0))
		if errors.Is(err, unix.EOPNOTSUPP) {
			t.Skip("the filesystem has no extended attributes")
		} else if err != nil {
			t.Fatal(err)
		}
		left := n
		r.Before(func(string) error {
			if left--; left < 0 {
				return stopped
			}
			return nil
		})
		first := r.ChownTree("/home/x", 1000, 1000, 5, 6)
		if first != nil && !errors.Is(first, stopped) {
			t.Fatal(first)
		}
		r.Before(nil)
		if err := r.ChownTree("/home/x", 1000, 1000, 5, 6); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%o %d:%d", st.Mode&0o7777, st.Uid, st.Gid); got != "6711 5:6" {
			t.Errorf("stopped after %d changes: %s", n, got)
		}
		value := make([]byte, 10)
		if size, err := unix.Getxattr(name, "trusted.label", value); err != nil || string(value[:size]) != "kept" {
			t.Errorf("stopped after %d changes: the attribute is %q, %v", n, value, err)
		}
		if names, err := os.ReadDir(filepath.Dir(name)); err != nil || len(names) != 1 {
			t.Errorf("stopped after %d changes: %v, %v", n, names, err)
		}
		if first == nil {
			break
		}
	}
	dir := t.TempDir()
	build(t, dir, "d home/x\nf home/x/program text")
	r := open(t, dir)
	name, other := filepath.Join(dir, "home/x/program"), filepath.Join(dir, "home/other")
	if err := errors.Join(os.Chown(name, 1000, 1000), unix.Chmod(name, 0o4711), os.Link(name, other), r.ChownTree("/home/x", 1000, 1000, 5, 6)); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(other, &st); err != nil || st.Mode&0o7777 != 0o4711 || st.Uid != 5 {
		t.Errorf("a file with two names: %o %d, %v", st.Mode, st.Uid, err)
	}
}
