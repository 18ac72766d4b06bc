// SPDX-License-Identifier: Apache-2.0

// Package probe finds out what is on a block device: every filesystem, container and partition table whose signature
// it carries, not only the first.
//
// It reads bytes that others hand it, never a device of its own, and it changes nothing: what erasing the signatures
// takes is returned as extents. It refuses to guess where a signature is not certain: formats with short magics are
// checked further. The invariant: a device from which all extents of Erase are gone has no signature.
package probe

import (
	"fmt"
	"io"
	"strconv"
)

// Usage is what a signature makes of a device.
type Usage string

// The usages.
const (
	Filesystem Usage = "filesystem"
	RAID       Usage = "raid"   // member of an array, volume group or pool
	Crypto     Usage = "crypto" // encrypted container
	Other      Usage = "other"  // swap, hash trees, caches
	PartTable  Usage = "table"  // partition table
)

// An Extent is a place on a device, in bytes.
type Extent struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// A Signature is one format that a device carries. Type has the names that blkid(8) prints.
type Signature struct {
	Type    string `json:"type"`
	Usage   Usage  `json:"usage"`
	Version string `json:"version,omitempty"`
	Label   string `json:"label,omitempty"`
	UUID    string `json:"uuid,omitempty"`
	// Flags are those that a LUKS2 volume keeps for every opening, such as allow-discards.
	Flags  []string `json:"flags,omitempty"`
	Magics []Extent `json:"magics"` // of all its copies
	// Unfinished says that the program which made the format did not come to its end, by the format's own rules:
	// it cannot be mounted and holds nothing.
	Unfinished bool `json:"unfinished,omitempty"`
}

// String names a signature for people: type, label, UUID. Bytes that a terminal would act on are escaped.
func (s Signature) String() string {
	text := s.Type
	if s.Label != "" {
		text += fmt.Sprintf(" labelled %q", s.Label)
	}
	if s.UUID != "" {
		quoted := strconv.Quote(s.UUID)
		text += " (" + quoted[1:len(quoted)-1] + ")"
	}
	return text
}

// Mountable reports whether mount(8) could take the device by itself. Some formats that libblkid counts among the
// filesystems are members of a pool or raw stores of a program.
func (s Signature) Mountable() bool {
	switch s.Type {
	case "zfs_member", "oracleasm", "drbdproxy_datalog", "mpool", "nss":
		return false
	}
	return s.Usage == Filesystem
}

// Probe returns all signatures of a device of size bytes: members of arrays first, containers, then filesystems,
// partition tables last. Within these the order is libblkid's.
func Probe(r io.ReaderAt, size int64, sectorSize int) ([]Signature, error) {
	slots <- struct{}{}
	defer func() { <-slots }()
	d := newDevice(r, size, sectorSize)
	defer d.release()
	var found []Signature
	for _, table := range formats {
		for i := range table {
			if s, ok := table[i].probe(d); ok {
				found = append(found, s)
			}
			if d.err != nil {
				return nil, fmt.Errorf("look for signatures: %w", d.err)
			}
		}
	}
	return found, nil
}

// Content returns what a device is, as far as that decides what may be done to it: the first signature that is not
// a partition table. A member of an array or a container hides what lies behind it; several filesystems at
// once make the answer ambiguous, unless they are the two that optical media have together.
func Content(found []Signature) (s Signature, ambiguous, ok bool) {
	for _, f := range found {
		switch {
		case f.Usage == PartTable:
		case !ok:
			s, ok = f, true
			if f.Usage == RAID || f.Usage == Crypto {
				return s, false, true
			}
		case !optical(s) || !optical(f):
			ambiguous = true
		}
	}
	return s, ambiguous, ok
}

// Table returns the partition table that a device has partitions in, if it has one. A protective master boot record counts where
// the table that it protects is gone.
func Table(found []Signature) (table Signature, ok bool) {
	for _, f := range found {
		switch {
		case f.Usage != PartTable:
		case f.Type == "gpt" && f.Version == EmptyTable:
			return Signature{}, false
		case f.Version != EmptyTable && !ok:
			table, ok = f, true
		}
	}
	return table, ok
}

func optical(s Signature) bool { return s.Type == "udf" || s.Type == "iso9660" }

// Erase returns the extents that have to be zeroed for the signatures to be gone.
func Erase(found []Signature) []Extent {
	var all []Extent
	for _, s := range found {
		all = append(all, s.Magics...)
	}
	return all
}
