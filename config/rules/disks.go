// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/firstlight-boot/firstlight/config/types"
)

// diskRules are about disks and their partitions.
var diskRules = []Rule{
	{ID: "V301", Check: diskDevice, About: "A disk has a device."},
	{ID: "V302", Check: diskDevice, About: "The device of a disk is an absolute path in its simplest form."},
	{ID: "V303", Check: sameNumber, About: "Numbers of partitions, other than 0, are unique on a disk."},
	{ID: "V304", Check: overlap, About: "Partitions of a disk do not overlap, as far as start and size are given."},
	{ID: "V305", Check: sameLabel, About: "Labels of partitions are unique on a disk."},
	{ID: "V306", Check: absentPartition, About: "A partition that should not exist has no other properties."},
	{ID: "V307", Check: partitionKey, About: "A partition has a number or a label."},
	{ID: "V308", Check: partitionLabel, About: "The label of a partition has at most 36 bytes."},
	{ID: "V309", Check: partitionLabel, About: "The label of a partition has no `:`."},
	{ID: "V310", Check: partitionGUID, About: "GUIDs of partitions are hexadecimal digits in groups of 8-4-4-4-12."},
	{ID: "V311", Kind: Accepts, About: "A disk may have partitions with number 0 and partitions that should not exist."},
	{ID: "V312", Kind: Accepts, About: "Numbers, starts and sizes of partitions may have any value."},
}

// diskDevice reports devices that break the running rule.
func diskDevice(c *Context, config *types.Config) {
	for i := range config.Storage.Disks {
		device := config.Storage.Disks[i].Device
		summary, hint := uncleanDevice(device)
		if summary != "" && (device == "") == (c.rule.ID == "V301") {
			c.Report(summary, hint, "storage", "disks", i, "device")
		}
	}
}

// eachTable calls f with the partitions of every disk that has a device.
func eachTable(config *types.Config, f func(disk int, list []types.Partition)) {
	for i := range config.Storage.Disks {
		if d := &config.Storage.Disks[i]; d.Device != "" {
			f(i, d.Partitions)
		}
	}
}

// firstRepeat returns the first element whose key an earlier one has. An element without key has no counterpart.
func firstRepeat[K comparable](list []types.Partition, key func(*types.Partition) (K, bool)) (first, second int, found bool) {
	seen := make(map[K]int, len(list))
	for i := range list {
		k, ok := key(&list[i])
		if !ok {
			continue
		}
		if j, ok := seen[k]; ok {
			return j, i, true
		}
		seen[k] = i
	}
	return 0, 0, false
}

func sameNumber(c *Context, config *types.Config) {
	eachTable(config, func(disk int, list []types.Partition) {
		i, j, found := firstRepeat(list, func(p *types.Partition) (int, bool) { return p.Number, p.Number != 0 })
		if found {
			c.Report(fmt.Sprintf("duplicate partition number %d: entry %d has it too", list[j].Number, i), fmt.Sprintf("the next free number is %d", freeNumber(list)),
				"storage", "disks", disk, "partitions", j)
		}
	})
}

// freeNumber returns the lowest number that no partition has.
func freeNumber(list []types.Partition) int {
	used := make(map[int]bool, len(list))
	for i := range list {
		used[list[i].Number] = true
	}
	n := 1
	for used[n] {
		n++
	}
	return n
}

func sameLabel(c *Context, config *types.Config) {
	eachTable(config, func(disk int, list []types.Partition) {
		i, j, found := firstRepeat(list, func(p *types.Partition) (string, bool) {
			if p.Label == nil {
				return "", false
			}
			return *p.Label, true
		})
		if found {
			c.Report(fmt.Sprintf("duplicate partition label %s: entry %d has it too", shown(*list[j].Label), i), "leave the label out if it does not matter",
				"storage", "disks", disk, "partitions", j)
		}
	})
}

// An extent is the range of MiB that an entry covers, both ends included.
type extent struct{ index, start, end int }

// extentOf returns the extent of an entry that takes part: start and size are given, and start is not 0.
func extentOf(i int, p *types.Partition) (extent, bool) {
	if p.StartMiB == nil || p.SizeMiB == nil || *p.StartMiB == 0 || *p.SizeMiB < 0 {
		return extent{}, false
	}
	e := extent{i, *p.StartMiB, *p.StartMiB}
	if size := *p.SizeMiB; size > 0 {
		e.end += size - 1
		if e.end < e.start {
			e.end = math.MaxInt
		}
	}
	return e, true
}

func overlap(c *Context, config *types.Config) {
	eachTable(config, func(disk int, list []types.Partition) {
		first, second, found := firstOverlap(list)
		if !found {
			return
		}
		a, _ := extentOf(first, &list[first])
		b, _ := extentOf(second, &list[second])
		c.Report(fmt.Sprintf("this partition covers MiB %d to %d, which overlaps MiB %d to %d of entry %d", b.start, b.end, a.start, a.end, first),
			fmt.Sprintf("start it at MiB %d or later, or change a size", saturate(a.end)), "storage", "disks", disk, "partitions", second)
	})
}

func saturate(end int) int {
	if end == math.MaxInt {
		return end
	}
	return end + 1
}

// firstOverlap returns the first pair of entries that overlap: the first entry in the list that overlaps any
// other, and the first entry that overlaps it. Sorting makes it unnecessary to compare all pairs.
func firstOverlap(list []types.Partition) (first, second int, found bool) {
	extents := make([]extent, 0, len(list))
	for i := range list {
		if e, ok := extentOf(i, &list[i]); ok {
			extents = append(extents, e)
		}
	}
	sorted := slices.Clone(extents)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].start < sorted[j].start })
	var one extent
	reach := 0 // the end of what was seen so far
	for i, e := range sorted {
		before := i > 0 && e.start <= reach
		behind := i+1 < len(sorted) && sorted[i+1].start <= e.end
		if (before || behind) && (!found || e.index < one.index) {
			one, found = e, true
		}
		if i == 0 || e.end > reach {
			reach = e.end
		}
	}
	if !found {
		return 0, 0, false
	}
	for _, e := range extents {
		if e.index != one.index && e.start <= one.end && one.start <= e.end {
			return one.index, e.index, true
		}
	}
	return 0, 0, false
}

// eachPartition calls f with every partition.
func eachPartition(config *types.Config, f func(p *types.Partition, disk, i int)) {
	for disk := range config.Storage.Disks {
		list := config.Storage.Disks[disk].Partitions
		for i := range list {
			f(&list[i], disk, i)
		}
	}
}

func absentPartition(c *Context, config *types.Config) {
	eachPartition(config, func(p *types.Partition, disk, i int) {
		if p.ShouldExist == nil || *p.ShouldExist {
			return
		}
		var has []string
		for _, m := range []struct {
			name string
			set  bool
		}{
			{"label", p.Label != nil}, {"startMiB", p.StartMiB != nil}, {"sizeMiB", p.SizeMiB != nil},
			{"guid", set(p.GUID)}, {"typeGuid", set(p.TypeGUID)},
		} {
			if m.set {
				has = append(has, m.name)
			}
		}
		if len(has) > 0 {
			c.Report("shouldExist is false, but the partition has "+strings.Join(has, ", "), "remove them, or shouldExist",
				"storage", "disks", disk, "partitions", i)
		}
	})
}

func partitionKey(c *Context, config *types.Config) {
	eachPartition(config, func(p *types.Partition, disk, i int) {
		if p.Number == 0 && p.Label == nil {
			c.Report("the partition has neither number nor label", "give one of them: merging needs to tell partitions apart",
				"storage", "disks", disk, "partitions", i)
		}
	})
}

// partitionLabel reports labels that break the running rule.
func partitionLabel(c *Context, config *types.Config) {
	const most = 36 // UTF-16 units of a GPT name; the format counts bytes
	eachPartition(config, func(p *types.Partition, disk, i int) {
		if p.Label == nil {
			return
		}
		switch l := *p.Label; {
		case len(l) > most && c.rule.ID == "V308":
			c.Report(tooLong(l, most, "GPT"), "the longest that fits is "+shown(clip(l, most)), "storage", "disks", disk, "partitions", i, "label")
		case len(l) <= most && strings.Contains(l, ":") && c.rule.ID == "V309":
			c.Report("a partition label must not contain a colon", "did you mean "+shown(strings.ReplaceAll(l, ":", "-"))+"?", "storage", "disks", disk, "partitions", i, "label")
		}
	})
}

// tooLong says that a label is too long.
func tooLong(label string, most int, where string) string {
	return fmt.Sprintf("the label has %d bytes; %s has room for %d", len(label), where, most)
}

// clip returns the longest start of a text that fits into n bytes, in whole characters.
func clip(text string, n int) string {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func partitionGUID(c *Context, config *types.Config) {
	eachPartition(config, func(p *types.Partition, disk, i int) {
		for _, m := range []struct {
			name  string
			value *string
		}{{"guid", p.GUID}, {"typeGuid", p.TypeGUID}} {
			if set(m.value) && !isGUID(*m.value) {
				c.Report(shown(*m.value)+" is not a GUID", guidHint(*m.value), "storage", "disks", disk, "partitions", i, m.name)
			}
		}
	})
}

// isGUID reports whether a text has the form 01234567-89ab-cdef-0123-456789abcdef.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

// guidHint puts the digits of a GUID in order, if there are as many as there should be.
func guidHint(s string) string {
	const code = 4 // digits, of sgdisk
	if len(s) == code && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		return "this is a code of sgdisk: write the GUID of the type, which sgdisk -i NUMBER DEVICE prints for a partition of that type"
	}
	var digits []byte
	for i := range len(s) {
		if isHex(s[i]) {
			digits = append(digits, s[i])
		} else if strings.IndexByte("-{}() ", s[i]) < 0 {
			return "write 32 hexadecimal digits in groups of 8-4-4-4-12"
		}
	}
	if len(digits) != 32 {
		return "write 32 hexadecimal digits in groups of 8-4-4-4-12"
	}
	d := string(digits)
	return "write it as " + d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}
