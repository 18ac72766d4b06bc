// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// device is the resource of a block device.
func device(node string) Resource { return Resource("device:" + node) }

// NameDevices makes the links below /run/ignition/dev_aliases, under which later steps use the devices.
type NameDevices struct {
	Paths []string `json:"paths"`
}

// Kind implements Op.
func (NameDevices) Kind() Kind { return "name-devices" }

// Describe implements Op.
func (o NameDevices) Describe() string { return "name devices " + strings.Join(o.Paths, ", ") }

// Touches implements Op.
func (NameDevices) Touches() []Resource { return []Resource{"device-names"} }

// Predict implements Op.
func (NameDevices) Predict(*facts.Facts) {}

// StopArray stops an array that udev has assembled from the leavings of an interrupted run, or closes a volume that an earlier
// attempt has opened on them.
type StopArray struct {
	Node    string   `json:"node"`
	Members []string `json:"members"`
}

// Kind implements Op.
func (StopArray) Kind() Kind { return "stop-array" }

// Describe implements Op.
func (o StopArray) Describe() string {
	return fmt.Sprintf("stop unfinished %s of %s", o.Node, strings.Join(o.Members, ", "))
}

// Touches implements Op.
func (o StopArray) Touches() []Resource {
	all := []Resource{device(o.Node)}
	for _, m := range o.Members {
		all = append(all, device(m))
	}
	return all
}

// Predict implements Op.
func (o StopArray) Predict(f *facts.Facts) {
	f.Block.Remove(o.Node)
	for _, m := range o.Members {
		d := f.Block.Devices[m]
		d.Holders = slices.DeleteFunc(d.Holders, func(a string) bool { return a == o.Node })
		f.Block.Devices[m] = d
	}
}

// WritePartitionTable gives a disk its new table, on the disk and in the kernel.
type WritePartitionTable struct {
	Device string `json:"device"` // path in the config
	Node   string `json:"node"`
	// Zap erases the existing table first, and Erase the signatures of filesystems and containers.
	Zap   []probe.Extent `json:"zap,omitempty"`
	Erase []probe.Extent `json:"erase,omitempty"`
	// Old is the table that the step was planned on; nil: the disk had none, or it is erased and so does not matter.
	Old *gpt.Table `json:"old,omitempty"`
	// Table is the new table; nil: none.
	Table *gpt.Table `json:"table,omitempty"`
	// Created lists the partitions that this step makes, even in the place of an identical one; Deleted those that are gone afterwards.
	Created []int            `json:"created,omitempty"`
	Deleted []int            `json:"deleted,omitempty"`
	Mark    *gpt.Mark        `json:"mark,omitempty"`
	Summary string           `json:"summary"`          // what changes, for people
	Losses  []string         `json:"losses,omitempty"` // what gets lost, for people
	Paths   map[int][]string `json:"paths,omitempty"`  // by number, what the config may call the partitions
}

// Kind implements Op.
func (WritePartitionTable) Kind() Kind { return "write-partition-table" }

// Describe implements Op.
func (o WritePartitionTable) Describe() string {
	return fmt.Sprintf("partition %s: %s", o.Device, o.Summary)
}

// Touches implements Op.
func (o WritePartitionTable) Touches() []Resource { return []Resource{device(o.Node)} }

// Extents returns all places that the step writes to, in bytes.
func (o WritePartitionTable) Extents() []probe.Extent {
	all := slices.Concat(o.Zap, o.Erase)
	if o.Table != nil {
		for _, b := range o.Table.Extents() {
			all = append(all, bytesOf(b, o.Table.SectorSize))
		}
	}
	return all
}

// bytesOf turns sectors into bytes.
func bytesOf(b gpt.Block, sectorSize int) probe.Extent {
	return probe.Extent{Offset: int64(b.First) * int64(sectorSize), Length: int64(b.Last-b.First+1) * int64(sectorSize)}
}

// Predict implements Op: partitions that are gone lose their devices. New partitions get new devices, whose contents are what
// lies in their places now.
func (o WritePartitionTable) Predict(f *facts.Facts) {
	disk := f.Block.Disks[o.Node]
	whole := f.Block.Devices[o.Node]
	for _, n := range append(slices.Clone(o.Deleted), o.Created...) {
		f.Block.Remove(f.Block.Partition(o.Node, n))
	}
	for _, n := range o.Deleted {
		delete(disk.Partitions, n)
	}
	whole.Signatures, whole.Udev = nil, nil
	if o.Table != nil && len(o.Table.Partitions) > 0 {
		whole.Signatures = []probe.Signature{{Type: "gpt", Usage: probe.PartTable}, {Type: "PMBR", Usage: probe.PartTable}}
	}
	f.Block.Devices[o.Node] = whole
	disk.Table, disk.Other = nil, ""
	if o.Table != nil {
		disk.Table = &gpt.Found{Table: *o.Table, Mark: o.Mark}
		disk.Table.Table.Protected = true
		for _, p := range o.Table.Partitions {
			o.predictPartition(f, disk, p)
		}
	}
	f.Block.Disks[o.Node] = disk
}

func (o WritePartitionTable) predictPartition(f *facts.Facts, disk facts.Disk, p gpt.Partition) {
	node := f.Block.Partition(o.Node, p.Number)
	d := f.Block.Devices[node]
	size := int64(p.Size()) * int64(o.Table.SectorSize)
	if _, exists := f.Block.Devices[node]; !exists || slices.Contains(o.Created, p.Number) {
		d = facts.Device{Predicted: true, SectorSize: o.Table.SectorSize, Signatures: disk.Regions[facts.Region(p)]}
	}
	d.Size = size
	d.Unfinished = o.Mark != nil && slices.Contains(o.Mark.Content, p.Number)
	f.Block.Add(node, d, o.Paths[p.Number]...)
}

// MarkDisk replaces the mark in a disk's backup table, which records what a run is making on the disk, or removes it (nil).
type MarkDisk struct {
	Device string    `json:"device"`
	Node   string    `json:"node"`
	Mark   *gpt.Mark `json:"mark,omitempty"`
	// Header is the place of the backup table's header, which is all that the step writes to.
	Header probe.Extent `json:"header"`
}

// MarkHeader returns the place in which a table keeps its mark.
func MarkHeader(t gpt.Table) probe.Extent {
	return bytesOf(gpt.Block{First: t.Backup, Last: t.Backup}, t.SectorSize)
}

// Kind implements Op.
func (MarkDisk) Kind() Kind { return "mark-disk" }

// Describe implements Op.
func (o MarkDisk) Describe() string {
	if o.Mark == nil || o.Mark.Finished {
		return "note that the work on " + o.Device + " is finished"
	}
	return "note that work on " + o.Device + " begins"
}

// Touches implements Op.
func (o MarkDisk) Touches() []Resource { return []Resource{device(o.Node)} }

// Predict implements Op.
func (o MarkDisk) Predict(f *facts.Facts) {
	disk := f.Block.Disks[o.Node]
	if disk.Table == nil {
		return // the note is part of a table
	}
	found := *disk.Table
	found.Mark = o.Mark
	disk.Table = &found
	f.Block.Disks[o.Node] = disk
	for _, p := range disk.Table.Table.Partitions {
		node := f.Block.Partition(o.Node, p.Number)
		d, ok := f.Block.Devices[node]
		if ok {
			d.Unfinished = o.Mark != nil && slices.Contains(o.Mark.Content, p.Number)
			f.Block.Devices[node] = d
		}
	}
}
