// SPDX-License-Identifier: Apache-2.0

package filesystem

import "testing"

func TestMounts(t *testing.T) {
	for name, want := range map[string]bool{"ext4": true, "vfat": true, "virtiofs": true, "swap": false, "none": false, "": false} {
		if Mounts(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestNormalUUID(t *testing.T) {
	for _, c := range [][3]string{
		{"vfat", "A1B2-C3D4", "a1b2c3d4"}, {"vfat", "a1b2c3d4", "a1b2c3d4"}, {"vfat", "", ""}, {"ext4", "A1B2-C3D4", "a1b2-c3d4"},
	} {
		if got := NormalUUID(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}
