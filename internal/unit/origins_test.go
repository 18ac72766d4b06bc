// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"slices"
	"testing"
)

// TestOrigins: for each way in which units come later, the file that brings one.
func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		unit, path string
		want       bool
	}{
		{"web.service", "/etc/containers/systemd/web.container", true},
		{"web.service", "/usr/share/containers/systemd/web.kube", true},
		{"web@a.service", "/etc/containers/systemd/web@.container", true},
		{"data-volume.service", "/etc/containers/systemd/data.volume", true},
		{"data-network.service", "/etc/containers/systemd/data.network", true},
		{"app-pod.service", "/etc/containers/systemd/app.pod", true},
		{"-volume.service", "/etc/containers/systemd/.volume", false},
		{"web.socket", "/etc/containers/systemd/web.container", false},
		{"legacy.service", "/etc/init.d/legacy", true},
		{"legacy@x.service", "/etc/init.d/legacy@", false},
		{"srv-data.mount", "/etc/fstab", true},
		{"dev-vdb.swap", "/etc/fstab", true},
		{"web.service", "/etc/fstab", false},
		{"systemd-cryptsetup@data.service", "/etc/crypttab", true},
		{"kubelet.service", "/etc/extensions/", true},
		{"kubelet.timer", "/usr/lib/confexts/", true},
	} {
		got := slices.ContainsFunc(Origins(c.unit), func(o Origin) bool { return o.Path == c.path && o.What != "" })
		if got != c.want {
			t.Errorf("%s of %s: got %v", c.path, c.unit, got)
		}
	}
}
