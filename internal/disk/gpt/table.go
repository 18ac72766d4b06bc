// SPDX-License-Identifier: Apache-2.0

// Package gpt reads, plans and encodes GUID partition tables (UEFI 2.10, chapter 5).
//
// It decodes bytes that the caller has read and returns bytes for the caller to write; it never touches a device. It reads
// both copies of a table and reports every damage, but repairs nothing. It refuses any layout in which partitions overlap or
// leave the usable area. The invariant: after any prefix of Encode's writes, in order, Read returns the old table or the new
// one, never a third.
package gpt

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// Sectors is a number of logical sectors, or the address of one.
type Sectors uint64

// Limits of the tables that are read. The usual table has 128 slots of 128 bytes.
const (
	usualSlots   = 128
	entrySize    = 128
	maxArrayRead = 1 << 20 // bytes; a larger array counts as damage
	maxLabel     = 36      // UTF-16 code units
)

// A Table is a partition table as a value.
type Table struct {
	SectorSize  int         `json:"sectorSize"` // bytes
	Sectors     Sectors     `json:"sectors"`    // size of the disk
	ID          GUID        `json:"id"`
	FirstUsable Sectors     `json:"firstUsable"`
	LastUsable  Sectors     `json:"lastUsable"`
	Slots       int         `json:"slots"` // the number of slots for partitions
	EntrySize   int         `json:"entrySize"`
	Partitions  []Partition `json:"partitions,omitempty"` // by Number
	// Array is the first sector of the primary copy's entries. Only rare tools choose another than 2.
	Array Sectors `json:"array"`
	// Backup is the sector of the backup header; the last of the disk, unless the disk has grown since.
	Backup Sectors `json:"backup"`
	// Protected is set if the disk has a protective MBR. That is then not changed: it may be a hybrid MBR or have a boot
	// loader.
	Protected bool `json:"protected"`
}

// A Partition is one used slot of a table.
type Partition struct {
	Number     int     `json:"number"` // from 1
	Type       GUID    `json:"type"`
	ID         GUID    `json:"id"`
	Label      string  `json:"label,omitempty"`
	First      Sectors `json:"first"`
	Last       Sectors `json:"last"` // inclusive
	Attributes uint64  `json:"attributes,omitempty"`
}

// Size returns the length of the partition in sectors.
func (p Partition) Size() Sectors { return p.Last - p.First + 1 }

// New returns an empty table for a disk of the given size, laid out as by the usual tools: 128 slots, and the first usable
// sector right after them.
func New(sectorSize int, sectors Sectors, id GUID) (Table, error) {
	t := Table{
		SectorSize: sectorSize, Sectors: sectors, ID: id,
		Slots: usualSlots, EntrySize: entrySize, Array: 2,
	}
	if err := checkSectorSize(sectorSize); err != nil {
		return Table{}, err
	}
	if sectors < 2*(t.arraySectors()+2) {
		return Table{}, fmt.Errorf("make a partition table: a disk of %d sectors has no room for one", sectors)
	}
	t.FirstUsable = t.Array + t.arraySectors()
	t.LastUsable = t.lastUsableAtEnd()
	t.Backup = sectors - 1
	return t, nil
}

func checkSectorSize(n int) error {
	if n < 512 || n > 1<<16 || n%512 != 0 {
		return fmt.Errorf("logical sector size of %d bytes is not supported: want a multiple of 512", n)
	}
	return nil
}

// arraySectors returns the number of sectors of one copy of the entries.
func (t Table) arraySectors() Sectors {
	return Sectors((t.Slots*t.EntrySize + t.SectorSize - 1) / t.SectorSize)
}

// lastUsableAtEnd returns the last usable sector if the backup copy is at the end of the disk.
func (t Table) lastUsableAtEnd() Sectors { return t.Sectors - t.arraySectors() - 2 }

// Find returns the partition with a number.
func (t Table) Find(number int) (Partition, bool) {
	i, found := slices.BinarySearchFunc(t.Partitions, number, byNumber)
	if !found {
		return Partition{}, false
	}
	return t.Partitions[i], true
}

func byNumber(p Partition, number int) int { return cmp.Compare(p.Number, number) }

// without returns the table without one partition. It does not change the receiver.
func (t Table) without(number int) Table {
	t.Partitions = slices.DeleteFunc(slices.Clone(t.Partitions), func(p Partition) bool { return p.Number == number })
	return t
}

// with returns the table with one more partition, if the slot and the space are free.
func (t Table) with(p Partition) (Table, error) {
	i, taken := slices.BinarySearchFunc(t.Partitions, p.Number, byNumber)
	switch {
	case p.Number < 1 || p.Number > t.Slots:
		return t, fmt.Errorf("the table has slots 1 to %d", t.Slots)
	case taken:
		return t, fmt.Errorf("slot %d is taken", p.Number)
	case p.First > p.Last:
		return t, fmt.Errorf("it would end before it starts")
	case p.First < t.FirstUsable || p.Last > t.LastUsable || p.Last < p.First:
		return t, fmt.Errorf("sectors %d to %d are not within the usable sectors %d to %d",
			p.First, p.Last, t.FirstUsable, t.LastUsable)
	}
	for _, o := range t.Partitions {
		if p.First <= o.Last && o.First <= p.Last {
			return t, fmt.Errorf("sectors %d to %d overlap %s", p.First, p.Last, o)
		}
	}
	t.Partitions = slices.Insert(slices.Clone(t.Partitions), i, p)
	return t, nil
}

// String names a partition for people: its number, its label if it has one, and its sectors.
func (p Partition) String() string {
	if p.Label == "" {
		return fmt.Sprintf("partition %d (sectors %d to %d)", p.Number, p.First, p.Last)
	}
	return fmt.Sprintf("partition %d %q (sectors %d to %d)", p.Number, p.Label, p.First, p.Last)
}

// byFirst returns the partitions in their order on the disk.
func (t Table) byFirst() []Partition {
	all := slices.Clone(t.Partitions)
	sort.SliceStable(all, func(i, j int) bool { return all[i].First < all[j].First })
	return all
}

// check rejects a table that cannot be the base of a plan.
func (t Table) check() error {
	byFirst := t.byFirst()
	for i, p := range byFirst {
		if p.First > p.Last || p.Last >= t.Sectors {
			return fmt.Errorf("%s is not on the disk", p)
		}
		if i > 0 && p.First <= byFirst[i-1].Last {
			return fmt.Errorf("%s overlaps %s", p, byFirst[i-1])
		}
	}
	return nil
}
