// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

func newRoot(t *testing.T) (*rootfs.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func TestSeal(t *testing.T) {
	root, dir := newRoot(t)
	read := func() *Seal {
		t.Helper()
		s, err := Read(root)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := read(); s != nil {
		t.Fatalf("a new root is sealed: %+v", s)
	}
	open(t, root)
	if err := write(root, Seal{Config: "digest", BootID: "some-boot"}); err != nil {
		t.Fatal(err)
	}
	if s := read(); s == nil || s.Config != "digest" || s.BootID != "some-boot" {
		t.Fatalf("the seal reads %+v", s)
	}
	if err := os.WriteFile(filepath.Join(dir, Dir, clearedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, Dir, goneFile), []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := read(); s == nil || !s.Cleared || !slices.Equal(s.Gone, []string{"one", "two"}) {
		t.Fatalf("the notes read %+v", s)
	}
	if err := errors.Join(Lift(root), write(root, Seal{Config: "again"})); err != nil {
		t.Fatal(err)
	}
	if s := read(); s == nil || s.Config != "again" || s.Cleared || slices.Contains(s.Gone, "one") {
		t.Fatalf("the machine was provisioned again, the seal reads %+v", s)
	}
}

// write writes a seal as an engine does that was not interrupted.
func write(root *rootfs.Root, s Seal) error {
	f, err := Draft(root, s)
	if err != nil {
		return err
	}
	return errors.Join(root.Sync(), f.Replace(), root.Sync())
}

func open(t *testing.T, root *rootfs.Root) *os.Root {
	t.Helper()
	dir, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

// endless makes /dev/zero, or where only root may do that, a FIFO: neither ever ends.
func endless(p string) error {
	if os.Getuid() != 0 {
		return syscall.Mkfifo(p, 0o600)
	}
	return syscall.Mknod(p, syscall.S_IFCHR|0o600, 1<<8|5)
}

// TestHostile: whatever somebody has put in the place of the seal, reading it ends, and nothing outside the root counts.
func TestHostile(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "seal.json")
	if err := os.WriteFile(outside, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		put func(seal string) error
		err bool // else there is no seal
	}{
		"a broken seal":           {func(p string) error { return os.WriteFile(p, []byte("{"), 0o600) }, true},
		"a FIFO":                  {func(p string) error { return syscall.Mkfifo(p, 0o600) }, true},
		"a device without an end": {endless, true},
		"a directory":             {func(p string) error { return os.Mkdir(p, 0o700) }, true},
		"a link out of the root":  {func(p string) error { return os.Symlink(outside, p) }, true},
		"a large file":            {func(p string) error { return os.WriteFile(p, make([]byte, mostSeal+1), 0o600) }, true},
		"nothing":                 {func(string) error { return nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			root, dir := newRoot(t)
			open(t, root)
			if err := c.put(filepath.Join(dir, Dir, sealFile)); err != nil {
				t.Fatal(err)
			}
			if s, err := Read(root); s != nil || (err != nil) != c.err {
				t.Errorf("read %+v, %v", s, err)
			}
		})
	}
}

// TestLinkedEtc: an absolute link in place of /etc leads to the directory below the root.
func TestLinkedEtc(t *testing.T) {
	root, dir := newRoot(t)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "data/etc"), 0o755), os.Symlink("/data/etc", filepath.Join(dir, "etc"))); err != nil {
		t.Fatal(err)
	}
	open(t, root)
	if err := write(root, Seal{Config: "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data/etc/.firstlight/seal.json")); err != nil {
		t.Error(err)
	}
	if s, err := Read(root); s == nil || err != nil {
		t.Errorf("read %+v, %v", s, err)
	}
}

// TestLock: of two runs on one root the second stops at once.
func TestLock(t *testing.T) {
	root, dir := newRoot(t)
	first, err := Lock(root)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Lock(other); !errors.Is(err, rootfs.ErrLocked) {
		t.Errorf("a second run: %v", err)
	}
	first.Close()
	second, err := Lock(other)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

// TestResult: the result of an earlier provisioning is kept, that of the same run is not.
func TestResult(t *testing.T) {
	root, dir := newRoot(t)
	const name = "/etc/.ignition-result.json"
	p := handover.Progress{Source: "qemu"}
	p.Add("disks", 2*time.Second, 0)
	write := func(run string, live bool) bool {
		t.Helper()
		f, again, err := DraftResult(root, name, Result{BootID: "b", Run: run, Progress: p, Live: func() bool { return live }})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Replace(); err != nil {
			t.Fatal(err)
		}
		return again
	}
	for range 2 {
		if write("one", false) {
			t.Error("a run counts itself as an earlier one")
		}
	}
	if !write("two", false) {
		t.Error("an earlier run was not found")
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !strings.Contains(string(text), `"previousReport"`) || !strings.Contains(string(text), `"disks": 2`) {
		t.Errorf("the result is %s, %v", text, err)
	}
	if write("three", true) {
		t.Error("on a live system an earlier result counts")
	}
}
