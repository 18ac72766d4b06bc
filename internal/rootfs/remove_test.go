// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Operations replace a directory only if the caller asks for it.
func TestDirectoriesStay(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, "d etc/passwd-\nf etc/passwd-/own text\nd skel\nf skel/x text\nd home/x/own")
	r := open(t, dir)
	before := tree(t, dir)
	for name, do := range map[string]func() error{
		"write":       func() error { return r.WriteFile("/etc/passwd-", []byte("new"), 0, 0, 0o600) },
		"copy":        func() error { return r.CopyTree("/skel", "/home", CopyOptions{UID: -1, GID: -1}) },
		"remove file": func() error { return r.RemoveFile("/etc/passwd-") },
		"link":        func() error { return r.Symlink("x", "/etc/passwd-", 0, 0, false) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after := tree(t, dir); after != before {
			t.Errorf("%s: the tree is now\n%s", name, after)
		}
	}
	if err := errors.Join(r.RemoveFile("/skel/x"), r.RemoveFile("/none"), r.Symlink("x", "/etc/passwd-", 0, 0, true)); err != nil {
		t.Error(err)
	}
}

// A name that an image may contain is not a temporary name, and nodes that firstlight never makes are not taken for its
// leftovers.
func TestTemporaryNamesTaken(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	sum := sha256.Sum256([]byte("/x"))
	build(t, dir, fmt.Sprintf("f tmp%x own", sum[:10]))
	if err := r.WriteFile("/x", []byte("new"), -1, -1, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("tmp%x", sum[:10]))); err != nil || string(text) != "own" {
		t.Errorf("the file of the image is %q, %v", text, err)
	}
	for _, line := range []string{"d TEMPORARY(/x)/own", "p TEMPORARY(/x)"} {
		build(t, dir, temporaryNames(r, line))
		before := tree(t, dir)
		for name, err := range map[string]error{
			"write": r.WriteFile("/x", nil, -1, -1, 0o600), "symlink": r.Symlink("y", "/x", 0, 0, true), "link": r.Link("/x", "/x", true),
		} {
			if err == nil || !strings.Contains(err.Error(), "is taken by a") || tree(t, dir) != before {
				t.Errorf("%s over %s: %v\n%s", name, line, err, tree(t, dir))
			}
		}
		if err := r.Remove(temporaryNames(r, "/TEMPORARY(/x)")); err != nil {
			t.Fatal(err)
		}
	}
	build(t, dir, temporaryNames(r, "f TEMPORARY(/x) left"))
	if err := r.WriteFile("/x", []byte("again"), -1, -1, 0o600); err != nil {
		t.Error(err)
	}
}

// A tree with a mount in it is not removed, nor replaced, in part.
func TestMountPointsStay(t *testing.T) {
	for name, c := range map[string]struct{ on, what string }{
		"on it":          {"x", ""},
		"below it":       {"x/a/b", ""},
		"a bound file":   {"x/z", "own"},
		"the same again": {"x/a/b", "own/dir"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			build(t, dir, "d x/a/b\nf x/0 text\nf x/a/0 text\nf x/z text\nf own text\nl x/l own")
			if c.what == "own/dir" {
				build(t, dir, "d bound\nf bound/file text")
			}
			on := filepath.Join(dir, c.on)
			err := unix.Mount("none", on, "tmpfs", 0, "size=64k")
			switch c.what {
			case "own":
				err = unix.Mount(filepath.Join(dir, "own"), on, "", unix.MS_BIND, "")
			case "own/dir":
				unix.Unmount(on, 0)
				err = unix.Mount(filepath.Join(dir, "bound"), on, "", unix.MS_BIND, "")
			}
			if err != nil {
				t.Skipf("mounting takes root: %v", err)
			}
			defer unix.Unmount(on, unix.MNT_DETACH)
			if c.what == "" {
				build(t, on, "f file text")
			}
			r := open(t, dir)
			before := tree(t, dir)
			replace := func() error {
				f, err := r.Create("/x")
				if err != nil {
					return err
				}
				return f.Commit(true)
			}
			for name, do := range map[string]func() error{
				"remove":  func() error { return r.Remove("/x") },
				"replace": replace,
				"symlink": func() error { return r.Symlink("y", "/x", 0, 0, true) },
				"link":    func() error { return r.Link("/own", "/x", true) },
			} {
				var known *Error
				if err := do(); !errors.Is(err, unix.EBUSY) || !errors.As(err, &known) || !strings.Contains(known.Hint(), "unmount") {
					t.Errorf("%s: %v", name, err)
				}
				if after := tree(t, dir); after != before {
					t.Fatalf("%s: the tree is now\n%s\nbefore\n%s", name, after, before)
				}
			}
			if err := unix.Unmount(on, 0); err != nil {
				t.Fatal(err)
			}
			if err := r.Remove("/x"); err != nil {
				t.Error(err)
			}
		})
	}
}
