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

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// extSuper is where ext2, ext3 and ext4 have their superblock.
const extSuper = 1024

// extIs accepts a superblock of the ext family that is of one kind. Which one follows from its features
// (kernel, Documentation/filesystems/ext4/super.rst): what ext2 and ext3 know is listed, the rest is ext4.
func extIs(kind string) func(*device, magic, *Signature) bool {
	const (
		hasJournal   = 0x4   // compatible
		journalDev   = 0x8   // incompatible
		ext2Incompat = 0x12  // file types, meta block groups
		ext3Incompat = 0x16  // recovery as well
		oldReadOnly  = 0x7   // sparse superblocks, large files, b-tree directories
		metadataSum  = 0x400 // read-only compatible
		sumOffset    = 0x3FC
	)
	return func(d *device, _ magic, s *Signature) bool {
		sb := d.at(extSuper, 1024)
		compat, incompat, readOnly := le.Uint32(sb[92:]), le.Uint32(sb[96:]), le.Uint32(sb[100:])
		if readOnly&metadataSum != 0 && ^crc32.Update(0, castagnoli, sb[:sumOffset]) != le.Uint32(sb[sumOffset:]) {
			return false
		}
		is := "ext4"
		switch old := readOnly&^oldReadOnly == 0; {
		case incompat&journalDev != 0:
			is = "jbd"
		case compat&hasJournal == 0 && old && incompat&^ext2Incompat == 0:
			is = "ext2"
		case compat&hasJournal != 0 && old && incompat&^ext3Incompat == 0:
			is = "ext3"
		}
		s.Version = fmt.Sprintf("%d.%d", le.Uint32(sb[76:]), le.Uint16(sb[62:]))
		return is == kind
	}
}

// xfs refuses superblocks of impossible geometry; sb_inprogress is set while mkfs.xfs is at work.
func xfs(d *device, _ magic, s *Signature) bool {
	sb := d.at(0, 512)
	s.Unfinished = sb[126] != 0
	blockSize := be.Uint32(sb[4:])
	return blockSize >= 512 && blockSize <= 64<<10 && blockSize&(blockSize-1) == 0 && be.Uint32(sb[88:]) > 0
}

// btrfs copies lie at 64 KiB, 64 MiB and 256 GiB; each says where it is.
func btrfs(d *device, m magic, s *Signature) bool {
	start := m.offset - 0x40
	sb := d.at(start, 0x1000)
	s.Label, s.UUID = text(sb[0x12B:][:256]), uuid(sb[0x20:][:16])
	return le.Uint64(sb[0x30:]) == uint64(start)
}

func f2fs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 2048)
	s.UUID, s.Label = uuid(sb[108:][:16]), utf16Text(sb[124:][:1024])
	return le.Uint16(sb[4:]) > 0
}

// utf16Text decodes a little-endian text up to the first zero.
func utf16Text(raw []byte) string {
	var units []uint16
	for i := 0; i+1 < len(raw); i += 2 {
		u := le.Uint16(raw[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " ")
}

// swap of version 1 keeps its names behind 1024 bytes for a boot loader.
func swap(d *device, m magic, s *Signature) bool {
	h := d.at(1024, 44)
	if le.Uint32(h) != 1 && be.Uint32(h) != 1 {
		return false
	}
	s.Version, s.UUID, s.Label = "1", uuid(h[12:28]), text(h[28:44])
	return true
}

// nilfsBackup is where the second superblock is: in the last whole block of 4 KiB.
func nilfsBackup(d *device) []magic { return []magic{{d.size&^4095 - 4096 + 6, "\x34\x34"}} }

func nilfs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset-6, 1024)
	n := int(le.Uint16(sb[8:]))
	if n < 248 || n > 1024 {
		return false
	}
	seed, want := le.Uint32(sb[12:]), le.Uint32(sb[16:])
	clear(sb[16:20])
	s.UUID, s.Label = uuid(sb[152:168]), text(sb[168:248])
	return ^crc32.Update(^seed, crc32.IEEETable, sb[:n]) == want
}

// gfs2 has a superblock header of type 1, and a format between those of its two generations.
func gfs2(d *device, _ magic, _ *Signature) bool {
	h := d.at(0x10000, 32)
	format := be.Uint32(h[24:])
	return be.Uint32(h[4:]) == 1 && format >= 1800 && format <= 1900
}

func ocfs2(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 512)
	s.Label, s.UUID = text(sb[0x110:][:64]), uuid(sb[0x150:][:16])
	bits := le.Uint32(sb[0xC0+0x38:])
	return bits >= 9 && bits <= 12 && m.offset == int64(2)<<bits || bits <= 12
}

func hfsplus(d *device, _ magic, s *Signature) bool {
	h := d.at(0x400, 48)
	blockSize := be.Uint32(h[40:])
	return blockSize >= 512 && blockSize&(blockSize-1) == 0
}

// hfs may wrap hfsplus; its allocation blocks are multiples of 512 bytes.
func hfs(d *device, _ magic, s *Signature) bool {
	h := d.at(0x400, 162)
	size := be.Uint32(h[20:])
	s.Label = text(h[37:][:min(27, int(h[36]))])
	return size != 0 && size%512 == 0
}

// minix magics have two bytes: the counts of the superblock have to make sense as well.
func minix(d *device, m magic, s *Signature) bool {
	h := d.at(0x400, 32)
	if m.offset == 0x418 {
		s.Version = "3"
		blockSize := le.Uint16(h[28:])
		return le.Uint16(h[6:]) > 0 && le.Uint32(h[0:]) > 0 && blockSize >= 1024 && blockSize&(blockSize-1) == 0
	}
	inodes, imaps, zmaps, first := le.Uint16(h[0:]), le.Uint16(h[4:]), le.Uint16(h[6:]), le.Uint16(h[8:])
	s.Version = map[string]string{"\x7f\x13": "1", "\x8f\x13": "1"}[m.text]
	if s.Version == "" {
		s.Version = "2"
	}
	return inodes > 0 && imaps > 0 && zmaps > 0 && first > 4 && le.Uint16(h[10:]) == 0
}

func apfs(d *device, _ magic, _ *Signature) bool {
	h := d.at(0, 44)
	return le.Uint16(h[24:]) == 1 && le.Uint32(h[36:]) == 4096
}

// sequence returns the identifiers of the volume recognition sequence, with sectors of 2048 bytes or the device's.
func sequence(d *device) []string {
	var ids []string
	step := max(2048, d.sector)
	for i := range int64(64) {
		id := string(d.at(0x8000+i*step+1, 5))
		if strings.Trim(id, "\x00") == "" {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// udf is a sequence that has NSR02 or NSR03.
func udf(d *device, _ magic, s *Signature) bool {
	for _, id := range sequence(d) {
		if id == "NSR02" || id == "NSR03" {
			s.Version = id
			return true
		}
	}
	return false
}

// iso takes the UUID from the modification date of the primary volume descriptor, or else its creation date.
func iso(d *device, m magic, s *Signature) bool {
	if m.text == "CDROM" {
		return true
	}
	v := d.at(0x8000, 2048)
	for _, offset := range []int{830, 813} {
		date := string(v[offset:][:16])
		if strings.Trim(date, "0\x00") != "" {
			s.UUID = fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", date[:4], date[4:6], date[6:8], date[8:10], date[10:12], date[12:14], date[14:16])
			break
		}
	}
	return true
}
