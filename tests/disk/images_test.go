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

// TestSampleImages compares us with libblkid on the images that util-linux tests itself with: what the programs of each system once wrote.
func TestSampleImages(t *testing.T) {
	u := needReference(t)
	need(t, "xz")
	dir, err := images()
	if err != nil {
		t.Skipf("the images are not to be had: %v", err)
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
	target := target{image, size(t, image), 512}
	have, found := u.blkid(image), target.probe(t)
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
	for _, e := range probe.Erase(found) {
		patch(t, image, e.Offset, make([]byte, e.Length))
	}
	if left := target.probe(t); len(left) > 0 {
		t.Errorf("after our erasing we see %v", left)
	}
	if left, _ := u.try("wipefs", "--noheadings", image); left != "" {
		t.Errorf("after our erasing wipefs sees %s", left)
	}
	if left := u.blkid(image); len(left) > 0 {
		t.Errorf("after our erasing libblkid sees %v", left)
	}
}

// unpack makes an image of a compressed one.
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
