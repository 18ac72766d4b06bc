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

// Partitions asks for everything that any part of the disks stage uses, since all of them are planned before the first disk is
// written to: the config's disks with their tables first, then the devices of the later parts, then the places in which
// partitions will be. Devices that the config itself makes are looked at as far as they exist; all others are waited for.
func Partitions(c *types.Config, f *facts.Facts) facts.Questions {
	disks := plan.DiskPaths(c)
	q := facts.Questions{
		Programs: programs(f, append(slices.Sorted(maps.Keys(plan.Programs(c))), plan.Kpartx)...),
		Await:    unknown(f, disks), Handover: f.Handover == nil,
	}
	others := slices.Concat(plan.RAIDPaths(c), plan.LUKSPaths(c), plan.FilesystemPaths(c))
	if len(disks)+len(others) == 0 {
		return facts.Questions{}
	}
	if len(q.Await) > 0 {
		return q
	}
	q.Tables = tables(f, disks)
	q.Resolve = unknown(f, diskLinks(others))
	if len(q.Tables)+len(q.Resolve) > 0 {
		return q
	}
	made := plan.Produced(c, f.Block)
	for _, path := range unknown(f, others) {
		if made[path] {
			q.Look = append(q.Look, path)
		} else {
			q.Await = append(q.Await, path)
		}
	}
	q.Regions = regions(c, f)
	return q
}

// RAID asks for the members of all arrays.
func RAID(c *types.Config, f *facts.Facts) facts.Questions {
	return later(c, f, plan.RAIDPaths(c))
}

// LUKS asks for the devices of all encrypted volumes.
func LUKS(c *types.Config, f *facts.Facts) facts.Questions {
	q := later(c, f, plan.LUKSPaths(c))
	q.Handover = f.Handover == nil && len(plan.LUKSPaths(c)) > 0
	return q
}

// Filesystems asks for the devices of all filesystems, and which devices the arrays and volumes were made on: which of them a
// later boot could not reuse is noted on the disks by the last step.
func Filesystems(c *types.Config, f *facts.Facts) facts.Questions {
	q := later(c, f, plan.FilesystemPaths(c))
	q.Resolve = append(q.Resolve, unknown(f, slices.Concat(plan.RAIDPaths(c), plan.LUKSPaths(c)))...)
	return q
}

// later asks for the devices of a part and the marks on the disks.
func later(c *types.Config, f *facts.Facts, paths []string) facts.Questions {
	disks := plan.DiskPaths(c)
	return facts.Questions{Await: unknown(f, paths), Resolve: unknown(f, disks), Tables: tables(f, disks)}
}

// tables returns those of the disks whose tables are not known yet.
func tables(f *facts.Facts, disks []string) []string {
	var nodes []string
	for _, path := range disks {
		node, _, found := f.Block.Lookup(path)
		if _, known := block(f).Disks[node]; found && !known && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

func block(f *facts.Facts) facts.Block {
	if f.Block == nil {
		return facts.Block{}
	}
	return *f.Block
}

// diskLinks returns udev's names for the disks of partitions that udev names after them: NAME-partNUMBER.
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

// regions asks for the places where partitions are going to be that the kernel does not have now: what they hold is what the
// partitions will hold. Of a table that a power cut has damaged the kernel has none, not even those that stay.
func regions(c *types.Config, f *facts.Facts) []facts.Place {
	var all []facts.Place
	for _, d := range plan.Disks(c, f.Block, "") {
		made := d.New()
		for _, p := range d.Result.Partitions {
			if _, exists := d.Facts.Partitions[p.Number]; exists && !slices.Contains(made, p) {
				continue
			}
			if _, known := d.Facts.Regions[facts.Region(p)]; !known {
				all = append(all, facts.Place{Node: d.Node, Partition: p, SectorSize: d.Device.SectorSize})
			}
		}
	}
	return all
}
