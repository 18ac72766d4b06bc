// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Disks implements Devices. It leaves out the paths below a multipath device: their contents belong to that device.
func (*Host) Disks() ([]string, error) {
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return nil, fmt.Errorf("list disks: %w", err)
	}
	var nodes []string
	for _, e := range entries {
		size, err := readNumber("/sys/block/"+e.Name(), "size")
		other := slices.ContainsFunc([]string{"loop", "ram", "zram", "sr", "fd", "md"}, func(p string) bool {
			return strings.HasPrefix(e.Name(), p)
		})
		if err == nil && size > 0 && !other && !isPath("/sys/block/"+e.Name()) {
			nodes = append(nodes, "/dev/"+kernelNode(e.Name()))
		}
	}
	return nodes, nil
}

// isPath reports whether the device of a directory in sysfs is a path of a multipath device.
func isPath(dir string) bool {
	holders, _ := os.ReadDir(dir + "/holders")
	return slices.ContainsFunc(holders, func(h os.DirEntry) bool {
		return strings.HasPrefix(mappingUUID(dir+"/holders/"+h.Name()), "mpath-")
	})
}
