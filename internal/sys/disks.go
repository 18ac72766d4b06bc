// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Disks returns the nodes of all devices that may hold a partition table.
func Disks() ([]string, error) {
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
		if err == nil && size > 0 && !other {
			nodes = append(nodes, "/dev/"+kernelNode(e.Name()))
		}
	}
	return nodes, nil
}
