// SPDX-License-Identifier: Apache-2.0

package types

import "strconv"

// Disk is a disk with a GUID partition table.
type Disk struct {
	// Device, an absolute clean path.
	Device string `json:"device" since:"3.0" need:"3.0"`
	// Partitions. Keyed by number, or by label where the number is 0.
	Partitions []Partition `json:"partitions,omitempty" since:"3.0"`
	// Whether to destroy the partition table first.
	WipeTable *bool `json:"wipeTable,omitempty" since:"3.0"`
}

// Key identifies a disk: its device.
func (d Disk) Key() string { return d.Device }

// Partition is an entry of a GUID partition table.
type Partition struct {
	// GUID of the partition; unset and empty: a random one.
	GUID *string `json:"guid,omitempty" since:"3.0"`
	// Name of the partition, at most 36 bytes, without `:`. Unset: do not care.
	Label *string `json:"label,omitempty" since:"3.0"`
	// Number of the slot, from 1; 0: the next free one.
	Number int `json:"number,omitempty" since:"3.0"`
	// Whether a partition that differs only in size may be resized.
	Resize *bool `json:"resize,omitempty" since:"3.2"`
	// False: the slot must end up empty.
	ShouldExist *bool `json:"shouldExist,omitempty" since:"3.0"`
	// Size in MiB; 0: as large as possible.
	SizeMiB *int `json:"sizeMiB,omitempty" since:"3.0"`
	// Start in MiB; 0: the start of the largest free block.
	StartMiB *int `json:"startMiB,omitempty" since:"3.0"`
	// GUID of the partition's type; unset and empty: Linux data.
	TypeGUID *string `json:"typeGuid,omitempty" since:"3.0"`
	// Whether an entry that does not match may be deleted and recreated.
	WipePartitionEntry *bool `json:"wipePartitionEntry,omitempty" since:"3.0"`
}

// Key identifies a partition: its number, else its label. A number never equals a label.
func (p Partition) Key() string {
	switch {
	case p.Number != 0:
		return "number " + strconv.Itoa(p.Number)
	case p.Label != nil:
		return "label " + *p.Label
	}
	return ""
}
