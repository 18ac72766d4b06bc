// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Partitions decides what happens to the disks, and looks ahead to what later parts make on them. That is noted on each disk
// before the work begins, so that a boot after a power cut knows what not to trust.
func Partitions(b *builder) {
	b.checkPrograms()
	b.checkDevices()
	disks := Disks(b.c, b.facts.Block, b.in.Seed)
	named := b.nameDevices(DiskPaths(b.c))
	for _, d := range disks {
		b.checkDisk(d)
	}
	if b.report.HasErrors() {
		return
	}
	before := append(named, b.stopArrays(disks)...)
	ahead, making := b.foresee(disks)
	if b.report.HasErrors() {
		return
	}
	before = append(before, b.checkKeys(ahead, before)...)
	before = append(before, b.fetchKeys()...)
	for _, d := range disks {
		path := at("storage", "disks", d.Index)
		mark := b.mark(d, making)
		switch {
		case d.writes():
			b.add(path, b.writeTable(d, mark), "", before...)
		case len(mark.Content) > 0 && d.Facts.Table != nil && d.Facts.Table.Table.Backup == d.Facts.Table.Table.Sectors-1:
			b.add(path, op.MarkDisk{Device: d.Disk.Device, Node: d.Node, Mark: mark, Header: op.MarkHeader(d.Facts.Table.Table)}, "", before...)
		}
	}
}

// checkDisk reports everything that keeps a disk from matching the config.
func (b *builder) checkDisk(d DiskPlan) {
	path, wipe := at("storage", "disks", d.Index), types.True(d.Disk.WipeTable)
	if d.Err != nil {
		b.fail(path, fmt.Sprintf("%s cannot be partitioned: %s", d.Disk.Device, d.Err), "use another disk, or the whole of this one without partitions")
		return
	}
	if d.Facts.Other != "" && !wipe {
		b.fail(path, fmt.Sprintf("%s has a partition table of type %s, not gpt", d.Disk.Device, d.Facts.Other),
			"set wipeTable to have it destroyed")
		return
	}
	if why := unpartitioned(d); why != "" && !wipe {
		b.fail(path, fmt.Sprintf("%s (%s) has no partition table, but %s", d.Disk.Device, sizeText(d.Device.Size), why),
			"set wipeTable to have it destroyed")
		return
	}
	if d.Facts.Table != nil && !wipe && !d.Unfinished() {
		for _, f := range d.Facts.Table.Findings {
			if f.Problem.Hides() {
				b.fail(path, fmt.Sprintf("the partition table of %s is damaged, and the kernel does not see it: %s", d.Disk.Device, f),
					"repair it (sgdisk --load-backup, or gdisk's recovery menu), or set wipeTable to have it destroyed")
				return
			}
			b.warn(path, fmt.Sprintf("%s: %s", d.Disk.Device, f), "firstlight fixes this when it next writes the table")
		}
	}
	b.checkUses(d, wipe)
	for _, c := range d.Conflicts {
		b.fail(at("storage", "disks", d.Index, "partitions", c.Entry),
			fmt.Sprintf("%s does not match the config: %s", b.partitionText(d, c.Number, c.Old), c.Reason), c.Hint)
	}
}

// unpartitioned returns the contents of a disk that has no partition table and would get one.
func unpartitioned(d DiskPlan) string {
	if d.Facts.Table != nil || !d.writes() {
		return ""
	}
	if s, _, ok := probe.Content(d.Device.Signatures); ok {
		return "it holds " + s.String()
	}
	return recorded(d.Device)
}

// freeIt is the hint about devices in use, which are never changed (dracut.cmdline(7)).
const freeIt = "take it out of the config, or keep the initramfs from mounting or assembling it: rd.auto=0, rd.md=0, rd.lvm=0, rd.luks=0"

// checkUses refuses changes to devices in use.
func (b *builder) checkUses(d DiskPlan, wipe bool) {
	path := at("storage", "disks", d.Index)
	partitions := 0
	for _, number := range slices.Sorted(maps.Keys(d.Facts.Partitions)) {
		node := d.Facts.Partitions[number]
		device := b.facts.Block.Devices[node]
		if device.Uses() == "" || b.isLeaving(d, node) {
			continue
		}
		partitions++
		if wipe {
			b.fail(path, fmt.Sprintf("the table of %s cannot be wiped: %s is %s", d.Disk.Device, node, device.Uses()), freeIt)
		}
	}
	if uses := d.Device.Uses(); uses != "" && partitions == 0 {
		b.fail(path, fmt.Sprintf("%s cannot be partitioned: it is %s", d.Disk.Device, uses), freeIt)
	}
	for _, c := range d.Changes {
		node := b.facts.Block.Partition(d.Node, c.Number())
		if uses := b.facts.Block.Devices[node].Uses(); uses != "" && c.Verb != gpt.Keep && !b.isLeaving(d, node) && !wipe {
			b.fail(at("storage", "disks", d.Index, "partitions", c.Entry),
				fmt.Sprintf("%s is %s, so firstlight cannot %s it", b.partitionText(d, c.Number(), &c.Old), uses, c.Verb), freeIt)
		}
	}
}

// isLeaving reports whether a node is a partition that an unfinished run made.
func (b *builder) isLeaving(d DiskPlan, node string) bool {
	return slices.ContainsFunc(d.Leavings, func(p gpt.Partition) bool { return b.facts.Block.Partition(d.Node, p.Number) == node })
}

// partitionText names a partition for people, with its contents.
func (b *builder) partitionText(d DiskPlan, number int, old *gpt.Partition) string {
	text := fmt.Sprintf("partition %d of %s", number, d.Disk.Device)
	if old == nil || old.Number == 0 {
		return text
	}
	var what []string
	if old.Label != "" {
		what = append(what, fmt.Sprintf("labeled %q", old.Label))
	}
	what = append(what, describe(b.facts.Block.Devices[b.facts.Block.Partition(d.Node, number)]),
		sizeText(int64(old.Size())*int64(d.Base.SectorSize)))
	return text + " (" + strings.Join(what, ", ") + ")"
}

// describe returns the contents of a device, for people.
func describe(d facts.Device) string {
	s, _, ok := probe.Content(d.Signatures)
	switch {
	case !ok && len(d.Signatures) > 0:
		return "a partition table of type " + d.Signatures[0].Type
	case !ok && len(d.Udev) > 0:
		return "contents that only udev's database knows, " + strings.Join(d.Udev, " ")
	case !ok:
		return "empty"
	}
	return s.String()
}

// sizeText writes a size for people.
func sizeText(n int64) string {
	const unit = 1024
	value, names := float64(n), []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for value >= unit && i < len(names)-1 {
		value, i = value/unit, i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + " " + names[i]
}

// stopArrays stops everything that is built on the leavings of an unfinished run: udev has assembled arrays from them, and an
// earlier attempt in the same boot may have opened volumes. It returns the steps.
func (b *builder) stopArrays(disks []DiskPlan) []int {
	leaving := map[string]string{} // node -> path of its disk in the config
	for _, d := range disks {
		path := at("storage", "disks", d.Index)
		for _, p := range d.Leavings {
			leaving[b.facts.Block.Partition(d.Node, p.Number)] = path
		}
		for _, p := range d.Base.Partitions {
			if node := b.facts.Block.Partition(d.Node, p.Number); b.facts.Block.Devices[node].Unfinished {
				leaving[node] = path
			}
		}
	}
	var steps []int
	for _, node := range sorted(leaving) {
		steps = append(steps, b.stopHolders(leaving[node], node, leaving)...)
	}
	return steps
}

// stopHolders stops everything that is built on a node, the topmost first. Stopped devices count as leavings too.
func (b *builder) stopHolders(path, node string, leaving map[string]string) []int {
	var steps []int
	for _, holder := range slices.Clone(b.facts.Block.Devices[node].Holders) {
		d := b.facts.Block.Devices[holder]
		foreign := slices.ContainsFunc(d.Members, func(m string) bool { return leaving[m] == "" })
		if foreign || len(d.Members) == 0 || len(d.MountedOn) > 0 {
			b.fail(path, fmt.Sprintf("%s is left over from an unfinished run, but it is part of %s, which is in use or has other members", node, holder),
				"stop it by hand (umount, mdadm --stop, cryptsetup close), and boot again")
			continue
		}
		leaving[holder] = path
		steps = append(steps, b.stopHolders(path, holder, leaving)...)
		steps = append(steps, b.add(path, op.StopArray{Node: holder, Members: d.Members}, "", steps...))
	}
	return steps
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// mark records which partitions this run makes, and the contents of which.
func (b *builder) mark(p DiskPlan, making map[string]bool) *gpt.Mark {
	m := &gpt.Mark{Entry: p.entryDigest()}
	for _, n := range p.New() {
		m.Created = append(m.Created, n.Number)
	}
	for _, o := range p.Result.Partitions {
		if making[b.facts.Block.Partition(p.Node, o.Number)] {
			m.Content = append(m.Content, o.Number)
			if p.doubted(o.Number) {
				m.Again = append(m.Again, o.Number)
			}
		}
	}
	for _, c := range p.Changes {
		if p.Disk.Partitions[c.Entry].Number == 0 {
			m.Numbers = append(m.Numbers, c.Number())
		}
	}
	slices.Sort(m.Created)
	return m
}

// foresee finds the partitions whose contents will be made, by applying the decisions of later parts to a copy of the facts in
// which all tables are written already. It returns that copy, too.
func (b *builder) foresee(disks []DiskPlan) (*facts.Block, map[string]bool) {
	ahead, err := b.facts.Clone()
	if err != nil {
		b.fail("$.storage", err.Error(), "")
		return nil, nil
	}
	for _, d := range disks {
		if d.writes() {
			before := &gpt.Mark{}
			if d.Facts.Table != nil && d.Facts.Table.Mark != nil {
				before.Content = d.Facts.Table.Mark.Content
			}
			b.writeTable(d, before).Predict(&ahead)
		}
	}
	making := map[string]bool{}
	b.lookAhead(ahead.Block, making)
	return ahead.Block, making
}

// writeTable is the step that gives a disk its table.
func (b *builder) writeTable(d DiskPlan, mark *gpt.Mark) op.WritePartitionTable {
	o := op.WritePartitionTable{Device: d.Disk.Device, Node: d.Node, Zap: d.zap(), Paths: map[int][]string{}}
	if d.Facts.Table != nil && !types.True(d.Disk.WipeTable) {
		o.Old = &d.Facts.Table.Table
	}
	if d.starts() { // what the whole disk was used for; a table that is wiped goes with Zap, after all that its mark speaks of
		o.Erase = probe.Erase(slices.DeleteFunc(slices.Clone(d.Device.Signatures), func(s probe.Signature) bool {
			return o.Zap != nil && s.Usage == probe.PartTable
		}))
	}
	for _, p := range d.Deleted() {
		o.Deleted = append(o.Deleted, p.Number)
	}
	for _, p := range d.New() {
		o.Created = append(o.Created, p.Number)
		if slices.Contains(mark.Content, p.Number) {
			o.Erase = append(o.Erase, moved(probe.Erase(d.Facts.Regions[facts.Region(p)]), int64(p.First)*int64(d.Base.SectorSize))...)
		}
	}
	if len(d.Result.Partitions) > 0 || !d.starts() {
		o.Table, o.Mark = &d.Result, mark
		if d.starts() {
			o.Table.Protected = false
		}
		for _, p := range d.Result.Partitions {
			o.Paths[p.Number] = b.partitionPaths(d, p)
		}
	}
	o.Summary, o.Losses = b.summary(d), b.lost(d)
	return o
}

func moved(extents []probe.Extent, by int64) []probe.Extent {
	for i := range extents {
		extents[i].Offset += by
	}
	return extents
}

// partitionPaths returns the paths by which a config may name a partition, in addition to its node.
func (b *builder) partitionPaths(d DiskPlan, p gpt.Partition) []string {
	paths := []string{"/dev/disk/by-partuuid/" + strings.ToLower(p.ID.String())}
	if p.Label != "" {
		paths = append(paths, "/dev/disk/by-partlabel/"+facts.EncodeLabel(p.Label))
	}
	for alias, node := range b.facts.Block.Paths {
		if node == d.Node {
			paths = append(paths, fmt.Sprintf("%s-part%d", alias, p.Number), facts.PartitionNode(alias, p.Number))
		}
	}
	if name := d.Facts.Mapping; name != "" { // kpartx(8), -p: distributions differ
		for _, alias := range []string{"/dev/mapper/" + name, "/dev/disk/by-id/dm-name-" + name} {
			for _, delimiter := range []string{"", "p", "-part"} {
				paths = append(paths, fmt.Sprint(alias, delimiter, p.Number))
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// summary describes what happens to a disk, losses first.
func (b *builder) summary(d DiskPlan) string {
	words := b.losses(d)
	for _, c := range d.Changes {
		if c.Verb == gpt.Keep {
			continue
		}
		text := string(c.Verb) + " " + b.partitionText(d, c.Number(), &c.Old)
		if c.Verb != gpt.Delete {
			text += " " + sizeText(int64(c.New.Size())*int64(d.Base.SectorSize))
			if c.New.Label != "" && c.New.Label != c.Old.Label {
				text += fmt.Sprintf(" %q", c.New.Label)
			}
		}
		words = append(words, text)
	}
	return strings.ReplaceAll(strings.Join(words, "; "), " of "+d.Disk.Device, "")
}

// lost lists the partitions with contents that will be gone, and what the whole disk is used for.
func (b *builder) lost(d DiskPlan) []string {
	var all []string
	for _, word := range b.losses(d) {
		if what, ok := strings.CutPrefix(word, "destroy "); ok {
			if !strings.Contains(what, d.Disk.Device) {
				what = d.Disk.Device + ": " + what
			}
			all = append(all, what)
		}
	}
	for _, c := range d.Changes {
		if c.Verb == gpt.Delete || c.Verb == gpt.Replace {
			all = append(all, b.partitionText(d, c.Number(), &c.Old))
		}
	}
	return all
}

// losses describes what is removed before anything is made.
func (b *builder) losses(d DiskPlan) []string {
	var words []string
	switch {
	case types.True(d.Disk.WipeTable):
		words = append(words, "wipe its table")
	case d.starts():
		words = append(words, "make a table")
	}
	var old []gpt.Partition
	if d.Facts.Table != nil {
		old = d.Facts.Table.Table.Partitions
	}
	for _, p := range old {
		changed := slices.ContainsFunc(d.Changes, func(c gpt.Change) bool { return c.Verb != gpt.Create && c.Number() == p.Number })
		if left := slices.Contains(d.Leavings, p); !left && (d.starts() || !changed) {
			if _, stays := d.Result.Find(p.Number); d.starts() || !stays {
				words = append(words, "destroy "+b.partitionText(d, p.Number, &p))
			}
		}
	}
	if s, _, ok := probe.Content(d.Device.Signatures); ok && d.starts() {
		words = append(words, "destroy "+s.String())
	} else if d.starts() && len(d.Device.Udev) > 0 {
		words = append(words, "destroy "+describe(facts.Device{Udev: d.Device.Udev}))
	}
	return words
}
