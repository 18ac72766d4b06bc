// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// castagnoli returns the table for CRC-32C. The first call makes it: made at start-up, it would be a tenth of the engine's time in
// stages that look at no device.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// magic is a byte string that a format has at a fixed place. A negative offset counts from the end of the device.
type magic struct {
	offset int64
	text   string
}

func (m magic) extent() Extent { return Extent{m.offset, int64(len(m.text))} }

// format is one row of the table of formats.
type format struct {
	name   string
	usage  Usage
	magics []magic
	// places returns magics whose offset must be calculated.
	places func(*device) []magic
	// check rejects data that only looks like the format, for the copy whose magic was found, and fills in the other fields;
	// nil accepts.
	check func(*device, magic, *Signature) bool
	label field
	uuid  field // 16 bytes are binary, any other length is text
}

// field is the place of a name in a format. The offset counts from the start of the device.
type field struct {
	offset, length int32 // length 0: the format has none
}

// formats is the table of known formats: members of arrays first, then in libblkid's order. The offsets come from the
// formats' own documentation and the kernel's headers.
var formats = [][]format{members, containers, filesystems, tables}

// probe looks for a format. Every copy that passes the check adds its magic; the first one provides the names.
func (f *format) probe(d *device) (s Signature, ok bool) {
	for _, m := range f.magics {
		if m.offset < 0 {
			m.offset += d.size
		}
		f.try(d, m, &s)
	}
	if f.places != nil {
		for _, m := range f.places(d) {
			f.try(d, m, &s)
		}
	}
	return s, len(s.Magics) > 0
}

// try adds one copy of a format to a signature, if it exists.
func (f *format) try(d *device, m magic, s *Signature) {
	if !d.has(m) {
		return
	}
	seen := Signature{Type: f.name, Usage: f.usage}
	if f.check != nil && !f.check(d, m, &seen) {
		return
	}
	if len(s.Magics) == 0 {
		f.names(d, &seen)
		*s = seen
	}
	s.Magics = append(s.Magics, m.extent())
}

// names reads the label and the UUID of formats that have them in plain fields.
func (f *format) names(d *device, s *Signature) {
	if n := int(f.label.length); n > 0 {
		s.Label = text(d.at(int64(f.label.offset), n))
	}
	if n := int(f.uuid.length); n == 16 {
		s.UUID = uuid(d.at(int64(f.uuid.offset), 16))
	} else if n > 0 {
		s.UUID = text(d.at(int64(f.uuid.offset), n))
	}
}

// text returns a field up to the first zero, without trailing white space.
func text(raw []byte) string {
	s, _, _ := strings.Cut(string(raw), "\x00")
	return strings.TrimRight(s, " \t\r\n\v\f")
}

// uuid returns the usual form of 16 bytes; all zero means none.
func uuid(b []byte) string {
	if zero(b) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// guid returns the usual form of 16 bytes whose first three parts are little-endian numbers.
func guid(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// utf16Text decodes a text up to the first zero, without trailing spaces.
func utf16Text(order binary.ByteOrder, raw []byte) string {
	var units []uint16
	for i := 0; i+1 < len(raw); i += 2 {
		u := order.Uint16(raw[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " ")
}

// order returns the byte order of a format that may have either.
func order(big bool) binary.ByteOrder {
	if big {
		return be
	}
	return le
}
