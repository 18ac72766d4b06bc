// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A DiskPlan is the plan for one disk of a config: the table that it will have, and how it gets that table.
type DiskPlan struct {
	Index  int        // in the config
	Disk   types.Disk // as the config has it
	Node   string
	Device facts.Device
	Facts  facts.Disk
	// Base is the table that the rules are applied to: the one on the disk without what an unfinished run made, or an empty one.
	Base gpt.Table
	// Leavings are the partitions that an unfinished run made.
	Leavings  []gpt.Partition
	Result    gpt.Table
	Changes   []gpt.Change
	Conflicts []gpt.Conflict
	// Err says why the disk cannot have a table at all.
	Err error
}

// Disks plans the tables of all disks of a config that exist.
func Disks(c *types.Config, b *facts.Block, seed string) []DiskPlan {
	var all []DiskPlan
	for i, d := range c.Storage.Disks {
		node, device, ok := b.Lookup(d.Device)
		if !ok {
			continue
		}
		p := DiskPlan{Index: i, Disk: d, Node: node, Device: device, Facts: b.Disks[node]}
		p.plan(seed)
		all = append(all, p)
	}
	return all
}

// invent derives a random-looking identifier from the seed of the run (RFC 9562, version 4).
func invent(seed string, what ...string) gpt.GUID {
	sum := sha256.Sum256([]byte(seed + "\x00" + strings.Join(what, "\x00")))
	id := gpt.GUID(sum[:16])
	id[7] = id[7]&0x0F | 0x40 // on disk the third field is little-endian
	id[8] = id[8]&0x3F | 0x80
	return id
}

// entryDigest identifies a config's entry for a disk.
func (p *DiskPlan) entryDigest() [32]byte {
	text, err := json.Marshal(p.Disk)
	if err != nil {
		return [32]byte{} // structs of strings, numbers and truth values can be written as JSON
	}
	return sha256.Sum256(text)
}

func (p *DiskPlan) plan(seed string) {
	choices := gpt.Choices{NewID: func(number int) gpt.GUID { return invent(seed, p.Disk.Device, string(rune(number))) }}
	if p.starts() {
		p.Base, p.Err = gpt.New(p.Device.SectorSize, gpt.Sectors(p.Device.Size/int64(max(1, p.Device.SectorSize))),
			invent(seed, p.Disk.Device))
	} else {
		choices.Numbers = p.fromTable()
	}
	if p.Err == nil {
		p.Result, p.Changes, p.Conflicts = p.Base.Plan(wanted(p.Disk), choices)
	}
}

// starts reports whether the plan starts from an empty table.
func (p *DiskPlan) starts() bool { return types.True(p.Disk.WipeTable) || p.Facts.Table == nil }

// fromTable makes the disk's table, without what an unfinished run made, the base. It returns the numbers that an earlier run
// for the same entry gave.
func (p *DiskPlan) fromTable() []int {
	p.Base = p.Facts.Table.Table
	mark := p.Facts.Table.Mark
	if mark == nil {
		return nil
	}
	var numbers []int
	if mark.Entry == p.entryDigest() {
		numbers = mark.Numbers
	}
	if mark.Finished {
		return numbers
	}
	p.Base.Partitions = slices.Clone(p.Base.Partitions)
	p.Base.Partitions = slices.DeleteFunc(p.Base.Partitions, func(o gpt.Partition) bool {
		left := slices.Contains(mark.Created, o.Number)
		if left {
			p.Leavings = append(p.Leavings, o)
		}
		return left
	})
	return numbers
}

// Unfinished reports whether an unfinished run of firstlight changed the disk.
func (p DiskPlan) Unfinished() bool {
	return p.Facts.Table != nil && p.Facts.Table.Mark != nil && !p.Facts.Table.Mark.Finished
}

// doubted reports whether the contents of a partition cannot be trusted.
func (p DiskPlan) doubted(number int) bool {
	return p.Facts.Table != nil && p.Facts.Table.Mark != nil && slices.Contains(p.Facts.Table.Mark.Content, number)
}

// New returns the partitions that will be made, each in its place.
func (p DiskPlan) New() []gpt.Partition {
	var made []gpt.Partition
	for _, c := range p.Changes {
		if c.Verb == gpt.Create || c.Verb == gpt.Replace {
			made = append(made, c.New)
		}
	}
	return made
}

// Deleted returns the partitions on the disk that will be gone.
func (p DiskPlan) Deleted() []gpt.Partition {
	if p.Facts.Table == nil {
		return nil
	}
	var gone []gpt.Partition
	for _, o := range p.Facts.Table.Table.Partitions {
		if _, stays := p.Result.Find(o.Number); !stays {
			gone = append(gone, o)
		}
	}
	return gone
}

// writes reports whether the table must be written.
func (p DiskPlan) writes() bool {
	if types.True(p.Disk.WipeTable) {
		return p.Facts.Table != nil || p.Facts.Other != "" || len(p.Device.Signatures) > 0 || len(p.Changes) > 0
	}
	if len(p.Leavings) > 0 {
		return true
	}
	if p.Facts.Table != nil && p.Unfinished() {
		if len(p.Facts.Table.Findings) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(p.Changes, func(c gpt.Change) bool { return c.Verb != gpt.Keep })
}

// wanted returns the partitions of a disk as its rules want them. The config's identifiers have been validated.
func wanted(d types.Disk) []gpt.Wanted {
	var all []gpt.Wanted
	for _, p := range d.Partitions {
		w := gpt.Wanted{
			Number: p.Number, Label: p.Label, StartMiB: p.StartMiB, SizeMiB: p.SizeMiB,
			Absent: p.ShouldExist != nil && !*p.ShouldExist, Wipe: types.True(p.WipePartitionEntry), Resize: types.True(p.Resize),
		}
		w.Type, _ = gpt.ParseGUID(types.Text(p.TypeGUID))
		w.ID, _ = gpt.ParseGUID(types.Text(p.GUID))
		all = append(all, w)
	}
	return all
}

// zap returns the places of the tables that are to be erased.
func (p DiskPlan) zap() []probe.Extent {
	if !types.True(p.Disk.WipeTable) {
		return nil
	}
	var old *gpt.Table
	if p.Facts.Table != nil {
		old = &p.Facts.Table.Table
	}
	var all []probe.Extent
	size := int64(p.Device.SectorSize)
	for _, b := range gpt.ZapExtents(p.Device.SectorSize, gpt.Sectors(p.Device.Size/size), old) {
		all = append(all, probe.Extent{Offset: int64(b.First) * size, Length: int64(b.Last-b.First+1) * size})
	}
	return all
}
