// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

// TestSampleImages compares the probe with libblkid on the images from util-linux's own tests. The programs of each system
// wrote them.
func TestSampleImages(t *testing.T) {
	u := needReference(t)
	need(t, "xz")
	dir, err := images()
	if err != nil {
		t.Skipf("the images are unavailable: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.img.xz"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d images in %s (%v)", len(files), dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".img.xz"), func(t *testing.T) { checkImage(t, u, file) })
	}
	t.Logf("%d images", len(files))
}

func checkImage(t *testing.T, u utilLinux, file string) {
	t.Helper()
	image := unpack(t, file)
	d := target{image, size(t, image), 512}
	have, found := u.blkid(image), d.probe(t)
	content, ambiguous, _ := probe.Content(found)
	if want := have["AMBIVALENT"] != ""; ambiguous != want {
		t.Errorf("ambiguous is %v, libblkid says %v: %v", ambiguous, have, found)
	}
	if have["AMBIVALENT"] == "" {
		for name, value := range map[string]string{"TYPE": content.Type, "USAGE": string(content.Usage), "LABEL": content.Label, "UUID": content.UUID} {
			if have[name] != visible(value) {
				t.Errorf("%s is %q, libblkid says %q", name, value, have[name])
			}
		}
	}
	if table := have["PTTYPE"]; table != "" {
		i := slices.IndexFunc(found, func(s probe.Signature) bool { return s.Type == table })
		if i < 0 {
			t.Errorf("partition table %s was not found: %v", table, found)
		} else if id := found[i].UUID; id != have["PTUUID"] {
			t.Errorf("identifier of the table is %q, libblkid says %q", id, have["PTUUID"])
		}
	}
	scratch := image + ".scratch"
	run(t, "cp", "--sparse=always", image, scratch)
	if out, err := u.try("wipefs", "--all", "--force", scratch); err != nil {
		t.Errorf("wipefs: %v\n%s", err, out)
	}
	for _, s := range (target{scratch, d.size, 512}).probe(t) {
		if s.Type != "bsd" { // wipefs does not know it, though libblkid lists its partitions
			t.Errorf("after wipefs we see %v", s)
		}
	}
	for _, e := range probe.Erase(found) {
		patch(t, image, e.Offset, make([]byte, e.Length))
	}
	if left := d.probe(t); len(left) > 0 {
		t.Errorf("after our erasing we see %v", left)
	}
	if left, _ := u.try("wipefs", "--noheadings", image); left != "" {
		t.Errorf("after our erasing wipefs sees %s", left)
	}
	if left := u.blkid(image); len(left) > 0 {
		t.Errorf("after our erasing libblkid sees %v", left)
	}
}

// unpack decompresses an image.
func unpack(t *testing.T, file string) string {
	t.Helper()
	image := blank(t, 0)
	out, err := os.OpenFile(image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("xz", "-dc", file)
	cmd.Stdout = out
	if err := cmp.Or(cmd.Run(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return image
}
