// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"io/fs"
	"os"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// DevicePath returns the path of a device in the notation of root= or fstab(5): LABEL=x, UUID=x, PARTLABEL=x and PARTUUID=x
// become udev's links. It returns "" for anything that does not name a device.
func DevicePath(spec string) string {
	for _, by := range []struct{ prefix, dir string }{
		{"LABEL=", "by-label"}, {"UUID=", "by-uuid"}, {"PARTLABEL=", "by-partlabel"}, {"PARTUUID=", "by-partuuid"},
	} {
		if name, ok := strings.CutPrefix(spec, by.prefix); ok {
			return "/dev/disk/" + by.dir + "/" + facts.EncodeLabel(strings.Trim(name, `"`))
		}
	}
	if strings.HasPrefix(spec, "/dev/") && spec != "/dev/nfs" { // /dev/nfs means a network root (the kernel's nfsroot.rst)
		return spec
	}
	return ""
}

// IsBlockDevice reports whether a path leads to a block device now.
func IsBlockDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
}
