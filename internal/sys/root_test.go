// SPDX-License-Identifier: Apache-2.0

package sys

import "testing"

func TestDevicePath(t *testing.T) {
	for spec, want := range map[string]string{
		"LABEL=root":          "/dev/disk/by-label/root",
		"LABEL=my root/1":     `/dev/disk/by-label/my\x20root\x2f1`,
		"PARTLABEL=größe":     "/dev/disk/by-partlabel/größe",
		`UUID="12-ab"`:        "/dev/disk/by-uuid/12-ab",
		"PARTUUID=0fc63daf-1": "/dev/disk/by-partuuid/0fc63daf-1",
		"/dev/vda1":           "/dev/vda1",
		"/dev/disk/by-id/x":   "/dev/disk/by-id/x",
		"nfs:/export":         "",
		"":                    "",
	} {
		if got := DevicePath(spec); got != want {
			t.Errorf("%q leads to %q, want %q", spec, got, want)
		}
	}
}
