// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"io/fs"
	"os"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// DevicePath turns a device as root= or fstab(5) name it into a path: LABEL=x, UUID=x, PARTLABEL=x and PARTUUID=x
// stand for udev's links. Anything that does not lead to a device is "".
func DevicePath(spec string) string {
	for _, by := range []struct{ prefix, dir string }{
		{"LABEL=", "by-label"}, {"UUID=", "by-uuid"}, {"PARTLABEL=", "by-partlabel"}, {"PARTUUID=", "by-partuuid"},
	} {
		if name, ok := strings.CutPrefix(spec, by.prefix); ok {
			return "/dev/disk/" + by.dir + "/" + facts.EncodeLabel(strings.Trim(name, `"`))
		}
	}
	if strings.HasPrefix(spec, "/dev/") && spec != "/dev/nfs" { // which stands for a network (nfsroot.rst of the kernel)
		return spec
	}
	return ""
}

// IsBlockDevice reports whether a path leads to a block device now.
func IsBlockDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
}
