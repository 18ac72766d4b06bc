// SPDX-License-Identifier: Apache-2.0

package account

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// TestRead: account files through links of the image, and files of sysusers.d with what hides them.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Texts{
		"/usr/etc/passwd": "root:x:0:0:::\n", Group: "root:x:0:\n", LibGroup: "wheel:x:10:\n", LoginDefs: "UID_MIN 500\n",
		"/usr/lib/sysusers.d/a.conf": "g a 900\n", "/usr/lib/sysusers.d/b.conf": "g b 901\n", "/usr/lib/sysusers.d/README": "no",
		"/run/sysusers.d/c.conf": "g c 902\n", "/usr/lib/sysusers.d/dir.conf/x": "no",
	})
	for name, target := range map[string]string{
		string(Passwd): "/usr/etc/passwd", "/etc/sysusers.d": "../srv", "/srv/b.conf": "/dev/null", "/srv/gone.conf": "/nowhere",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	texts, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	want := Texts{
		Passwd: "root:x:0:0:::\n", Group: "root:x:0:\n", LibGroup: "wheel:x:10:\n", LoginDefs: "UID_MIN 500\n",
		"/usr/lib/sysusers.d/a.conf": "g a 900\n", "/usr/lib/sysusers.d/b.conf": "g b 901\n", "/run/sysusers.d/c.conf": "g c 902\n",
		"/etc/sysusers.d/b.conf": "",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	db := Parse(texts, today)
	if _, found := db.GroupID("b"); found {
		t.Error("a hidden group is known")
	}
	if gid, _ := db.GroupID("c"); gid != 902 {
		t.Error("a group of /run is not known")
	}
	if err := os.Mkdir(filepath.Join(dir, "etc/shadow"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(root); err == nil {
		t.Error("a directory was read as an account file")
	}
}
