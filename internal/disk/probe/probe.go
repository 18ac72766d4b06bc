// SPDX-License-Identifier: Apache-2.0

// Package probe finds the signatures of filesystems, containers and partition tables on a block device: all of them, not
// only the first.
//
// It reads only through the caller's reader, and changes nothing: it returns the extents to erase. It does not guess:
// formats with short magics are checked further. The invariant: after all extents of Erase are zeroed, a device has no
// signature.
package probe

import (
	"fmt"
	"io"
	"strconv"
)

// Usage is the use of a device according to a signature.
type Usage string

// The usages.
const (
	Filesystem Usage = "filesystem"
	RAID       Usage = "raid"   // member of an array, volume group or pool
	Crypto     Usage = "crypto" // encrypted container
	Other      Usage = "other"  // swap, hash trees, caches
	PartTable  Usage = "table"  // partition table
)

// An Extent is a range of a device, in bytes.
type Extent struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// A Signature is one format found on a device. Type has the names that blkid(8) prints.
type Signature struct {
	Type    string `json:"type"`
	Usage   Usage  `json:"usage"`
	Version string `json:"version,omitempty"`
	Label   string `json:"label,omitempty"`
	UUID    string `json:"uuid,omitempty"`
	// Flags are the persistent flags of a LUKS2 volume, such as allow-discards.
	Flags  []string `json:"flags,omitempty"`
	Magics []Extent `json:"magics"` // of all its copies
	// Unfinished is set if, by the format's own rules, the program that made it did not finish: it cannot be mounted and has
	// no data.
	Unfinished bool `json:"unfinished,omitempty"`
}

// String names a signature for people: type, label, UUID. Control characters are escaped.
func (s Signature) String() string {
	text := s.Type
	if s.Label != "" {
		text += fmt.Sprintf(" labeled %q", s.Label)
	}
	if s.UUID != "" {
		quoted := strconv.Quote(s.UUID)
		text += " (" + quoted[1:len(quoted)-1] + ")"
	}
	return text
}

// Mountable reports whether mount(8) could mount the device. Some formats that libblkid counts as filesystems are members of
// a pool or raw stores of a program.
func (s Signature) Mountable() bool {
	switch s.Type {
	case "zfs_member", "oracleasm", "drbdproxy_datalog", "mpool", "nss":
		return false
	}
	return s.Usage == Filesystem
}

// Probe returns all signatures of a device of size bytes: members of arrays, then containers, filesystems, and partition
// tables. Within each group the order is libblkid's.
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

// Content returns the signature that decides how a device may be treated: the first one that is not a partition table. A
// member of an array or a container hides other signatures. Several filesystems make the answer ambiguous, except for the
// two that optical media have together.
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

// Table returns the partition table that defines a device's partitions, if there is one. A protective master boot record
// counts if the table that it protects is missing.
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

// Erase returns the extents that must be zeroed to remove the signatures.
func Erase(found []Signature) []Extent {
	var all []Extent
	for _, s := range found {
		all = append(all, s.Magics...)
	}
	return all
}
