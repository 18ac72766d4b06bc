// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// TestReadFile: a file that is longer than its limit is an error, never cut, and costs neither memory nor time. What is not a regular
// file is not even opened.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, "f limit 12345678\nf longer 123456789\nf sparse x\np fifo")
	if err := os.Truncate(filepath.Join(dir, "sparse"), 1<<40); err != nil {
		t.Fatal(err)
	}
	opened, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err == nil {
		defer unix.Close(opened)
		_, err = unix.InotifyAddWatch(opened, filepath.Join(dir, "fifo"), unix.IN_OPEN)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if text, err := r.ReadFile("/limit", 8); err != nil || string(text) != "12345678" {
		t.Errorf("got %q, %v", text, err)
	}
	for name, want := range map[string]string{"/longer": "longer than 8 bytes", "/sparse": "longer than 8 bytes", "/fifo": "not a regular file"} {
		if text, err := r.ReadFile(name, 8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %d bytes, %v", name, len(text), err)
		}
	}
	if n, _ := unix.Read(opened, make([]byte, 4096)); n > 0 {
		t.Error("the FIFO was opened")
	}
}
