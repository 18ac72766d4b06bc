// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// Partitions asks for everything that any part of the disks stage uses, because all parts are planned before the first write:
// first the config's disks with their tables, then the devices of the later parts, then the places of future partitions. Devices
// that the config itself makes are looked at if they exist; all others are waited for.
func Partitions(c *types.Config, f *facts.Facts, q *facts.Questions) {
	disks := plan.DiskPaths(c)
	others := slices.Concat(plan.RAIDPaths(c), plan.LUKSPaths(c), plan.FilesystemPaths(c))
	if len(disks)+len(others) == 0 {
		return
	}
	programs(f, q, slices.Sorted(maps.Keys(plan.Programs(c)))...)
	programs(f, q, plan.Kpartx)
	handover(f, q)
	if wait := unknown(f, disks); len(wait) > 0 {
		q.Await = append(q.Await, wait...)
		return
	}
	unread, links := tables(f, disks), unknown(f, diskLinks(others))
	if len(unread)+len(links) > 0 {
		q.Tables, q.Resolve = append(q.Tables, unread...), append(q.Resolve, links...)
		return
	}
	made := plan.Produced(c, f.Block)
	for _, path := range unknown(f, others) {
		if made[path] {
			q.Look = append(q.Look, path)
		} else {
			q.Await = append(q.Await, path)
		}
	}
	regions(c, f, q)
}

// RAID asks for the members of all arrays.
func RAID(c *types.Config, f *facts.Facts, q *facts.Questions) { later(c, f, q, plan.RAIDPaths(c)) }

// LUKS asks for the devices of all encrypted volumes.
func LUKS(c *types.Config, f *facts.Facts, q *facts.Questions) { later(c, f, q, plan.LUKSPaths(c)) }

// Filesystems asks for the devices of all filesystems, and for the devices under arrays and volumes: the last step notes on the
// disks which of them a later boot cannot reuse.
func Filesystems(c *types.Config, f *facts.Facts, q *facts.Questions) {
	later(c, f, q, plan.FilesystemPaths(c))
	q.Resolve = append(q.Resolve, unknown(f, append(plan.RAIDPaths(c), plan.LUKSPaths(c)...))...)
}

// later asks for the devices of a part and the marks on the disks.
func later(c *types.Config, f *facts.Facts, q *facts.Questions, paths []string) {
	disks := plan.DiskPaths(c)
	q.Await = append(q.Await, unknown(f, paths)...)
	q.Resolve = append(q.Resolve, unknown(f, disks)...)
	q.Tables = append(q.Tables, tables(f, disks)...)
	handover(f, q)
}

// tables returns the disks whose tables are not known yet.
func tables(f *facts.Facts, disks []string) []string {
	var nodes []string
	for _, path := range disks {
		node, _, found := f.Block.Lookup(path)
		if !found {
			continue
		}
		if _, known := f.Block.Disks[node]; !known && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// diskLinks returns udev's names for the disks of partitions that udev names after their disk: NAME-partNUMBER.
func diskLinks(paths []string) []string {
	var disks []string
	for _, path := range paths {
		at := strings.LastIndex(path, "-part")
		if at < 0 || !strings.HasPrefix(path, "/dev/disk/by-") {
			continue
		}
		if _, err := strconv.ParseUint(path[at+len("-part"):], 10, 16); err == nil {
			disks = append(disks, path[:at])
		}
	}
	return disks
}

// regions asks for the places of future partitions that the kernel does not have now: their contents will be those of the
// partitions. If a power cut damaged a table, the kernel has none of its partitions, not even those that stay.
func regions(c *types.Config, f *facts.Facts, q *facts.Questions) {
	for _, d := range plan.Disks(c, f.Block, "") {
		made := d.New()
		for _, p := range d.Result.Partitions {
			if _, exists := d.Facts.Partitions[p.Number]; exists && !slices.Contains(made, p) {
				continue
			}
			if _, known := d.Facts.Regions[facts.Region(p)]; !known {
				q.Regions = append(q.Regions, facts.Place{Node: d.Node, Partition: p, SectorSize: d.Device.SectorSize})
			}
		}
	}
}
