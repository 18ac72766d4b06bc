// SPDX-License-Identifier: Apache-2.0

package filesystem

import (
	"strings"
	"testing"
)

func TestArgs(t *testing.T) {
	label, uuid, empty := "data", "A1B2-C3D4", ""
	cases := []struct {
		format      string
		options     []string
		label, uuid *string
		want        string
	}{
		{"ext4", []string{"-O", "^has_journal"}, &label, &uuid, "-O ^has_journal -F -U a1b2-c3d4 -L data "},
		{"btrfs", nil, &label, nil, "--force -L data "},
		{"xfs", nil, &label, &uuid, "-f -m uuid=a1b2-c3d4 -L data "},
		{"vfat", []string{"-F", "32"}, &label, &uuid, "-F 32 -i a1b2c3d4 -n data "},
		{"swap", nil, nil, nil, "-f "},
		{"ext4", nil, &empty, nil, "-F -L  "},
	}
	for _, c := range cases {
		f, ok := Find(c.format)
		if !ok {
			t.Fatalf("no row for %s", c.format)
		}
		if got := f.Args(c.options, c.label, c.uuid); strings.Join(append(got, ""), " ") != c.want {
			t.Errorf("%s: %q, want %q", c.format, got, c.want)
		}
	}
}

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
