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
	"strings"
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

// String names a signature for people: type, label, UUID.
func (s Signature) String() string {
	text := s.Type
	if s.Label != "" {
		text += fmt.Sprintf(" labelled %q", s.Label)
	}
	if s.UUID != "" {
		text += " (" + s.UUID + ")"
	}
	return text
}

// Probe returns all signatures of a device of size bytes: members of arrays first, containers, then filesystems,
// partition tables last.
func Probe(r io.ReaderAt, size int64, sectorSize int) ([]Signature, error) {
	d := &device{r: r, size: size, sector: int64(sectorSize), blocks: map[int64][]byte{}}
	var found []Signature
	for _, f := range formats() {
		if s, ok := f.probe(d); ok {
			found = append(found, s)
		}
		if d.err != nil {
			return nil, fmt.Errorf("look for signatures: %w", d.err)
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

func optical(s Signature) bool { return s.Type == "udf" || s.Type == "iso9660" }

// Erase returns the extents that have to be zeroed for the signatures to be gone.
func Erase(found []Signature) []Extent {
	var all []Extent
	for _, s := range found {
		all = append(all, s.Magics...)
	}
	return all
}

// device reads from a device through a cache of blocks, since many formats look at the same few places.
type device struct {
	r      io.ReaderAt
	size   int64
	sector int64 // logical sector, bytes
	blocks map[int64][]byte
	err    error
}

const blockSize = 64 << 10

// at returns n bytes at an offset, or zeros where the device has none, so that no caller has to check lengths.
func (d *device) at(offset int64, n int) []byte {
	out := make([]byte, n)
	if offset < 0 || offset > d.size-int64(n) {
		return out
	}
	for filled := 0; filled < n; {
		b := d.block((offset + int64(filled)) / blockSize)
		filled += copy(out[filled:], b[min(int64(len(b)), (offset+int64(filled))%blockSize):])
		if d.err != nil {
			break
		}
	}
	return out
}

func (d *device) block(i int64) []byte {
	if b, ok := d.blocks[i]; ok {
		return b
	}
	b := make([]byte, min(blockSize, d.size-i*blockSize))
	if n, err := d.r.ReadAt(b, i*blockSize); n < len(b) && d.err == nil {
		d.err = fmt.Errorf("read %d bytes at %d: %w", len(b), i*blockSize, err)
	}
	d.blocks[i] = b
	return b
}

// magic is a byte string that a format has at a fixed place.
type magic struct {
	offset int64
	text   string
}

func (m magic) extent() Extent { return Extent{m.offset, int64(len(m.text))} }

func (d *device) has(m magic) bool {
	return m.offset >= 0 && m.offset+int64(len(m.text)) <= d.size && string(d.at(m.offset, len(m.text))) == m.text
}

// format is one row of the table of formats.
type format struct {
	name   string
	usage  Usage
	magics []magic
	// places returns magics whose place depends on the device.
	places func(*device) []magic
	// check refuses what only looks like the format, for the copy whose magic was found, and fills in the rest;
	// nil accepts.
	check func(*device, magic, *Signature) bool
	label field
	uuid  field
}

// field is where a format keeps a name. The offset counts from the start of the device.
type field struct {
	offset int64
	length int // 0: the format has none
}

// probe looks for a format. Every copy that stands the check adds its magic; the first one names it.
func (f format) probe(d *device) (Signature, bool) {
	s := Signature{Type: f.name, Usage: f.usage}
	magics := f.magics
	if f.places != nil {
		magics = append(magics[:len(magics):len(magics)], f.places(d)...)
	}
	for _, m := range magics {
		if !d.has(m) {
			continue
		}
		seen := Signature{Type: f.name, Usage: f.usage}
		if f.check != nil && !f.check(d, m, &seen) {
			continue
		}
		if len(s.Magics) == 0 {
			seen.Magics = s.Magics
			s = seen
			f.names(d, &s)
		}
		s.Magics = append(s.Magics, m.extent())
	}
	return s, len(s.Magics) > 0
}

// names reads the label and the UUID of formats that have them in plain fields.
func (f format) names(d *device, s *Signature) {
	if f.label.length > 0 {
		s.Label = text(d.at(f.label.offset, f.label.length))
	}
	if f.uuid.length == 16 {
		s.UUID = uuid(d.at(f.uuid.offset, 16))
	} else if f.uuid.length > 0 {
		s.UUID = text(d.at(f.uuid.offset, f.uuid.length))
	}
}

// text returns a field up to the first zero, without trailing white space.
func text(raw []byte) string {
	s, _, _ := strings.Cut(string(raw), "\x00")
	return strings.TrimRight(s, " \t\r\n\v\f")
}

// uuid returns the usual form of 16 bytes; all zero means none.
func uuid(b []byte) string {
	if string(b) == strings.Repeat("\x00", 16) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
