// SPDX-License-Identifier: Apache-2.0

package filesystem

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

// TestImages makes a filesystem by each row and probes it: format, label and UUID are those that were
// asked for, and making it again over itself asks nobody.
func TestImages(t *testing.T) {
	for _, f := range rows {
		if f.Program == "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(f.Program); err != nil {
				t.Skipf("making %s needs %s of package %s", f.Name, f.Program, f.Package)
			}
			image, err := os.Create(filepath.Join(t.TempDir(), "image"))
			if err != nil {
				t.Fatal(err)
			}
			defer image.Close()
			const size = 512 << 20
			if err := image.Truncate(size); err != nil {
				t.Fatal(err)
			}
			label, uuid := "FIRSTLIGHT", "5A1C0F3E-2F6B-4F0A-9C1D-0123456789AB"
			if f.Serial {
				uuid = "5A1C-0F3E"
			}
			for range 2 {
				if out, err := exec.Command(f.Program, append(f.Args(nil, &label, &uuid), image.Name())...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			found, err := probe.Probe(image, size, 512)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 {
				t.Fatalf("the probe sees %v", found)
			}
			if s := found[0]; s.Type != f.Name || s.Label != label || NormalUUID(f.Name, s.UUID) != NormalUUID(f.Name, uuid) {
				t.Errorf("asked for %s %s %s, the probe sees %v", f.Name, label, uuid, s)
			}
		})
	}
}
