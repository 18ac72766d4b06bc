// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"os"
	"testing"
)

// A filesystem has one identity: the same for all its paths and at every call. A mount point has that of the filesystem that
// it is on.
func TestIdentity(t *testing.T) {
	r := open(t, "/")
	identity := func(name string) string {
		t.Helper()
		id, err := r.Identity(name)
		if err != nil || id == "" {
			t.Fatalf("%s: %q, %v", name, id, err)
		}
		return id
	}
	top, proc := identity("/x"), identity("/proc/version")
	if top == proc {
		t.Errorf("/ and /proc have the identity %s", top)
	}
	for name, want := range map[string]string{
		"/": top, "/y": top, "/proc": top, "/no/such/directory/x": top, "/etc/../x": top,
		"/proc/sys/kernel/ostype": proc, "/proc/nothing": proc,
	} {
		if got := identity(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	again := open(t, "/")
	if id, err := again.Identity("/x"); err != nil || id != top {
		t.Errorf("opened again: %s, %v, want %s", id, err, top)
	}
}

// A path through a file, and one whose directory has vanished, belong to the nearest existing directory.
func TestIdentityOfMissing(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, "f file x\nd gone\n")
	r := open(t, dir)
	want, err := r.Identity("/")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir + "/gone"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/file/below", "/file/far/below", "/gone/x"} {
		if got, err := r.Identity(name); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
}
