// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

// ext2, ext3, ext4, ext4dev and jbd accept a superblock of the family if it is of their kind.
func ext2(d *device, _ magic, s *Signature) bool    { return extKind(d, s) == "ext2" }
func ext3(d *device, _ magic, s *Signature) bool    { return extKind(d, s) == "ext3" }
func ext4(d *device, _ magic, s *Signature) bool    { return extKind(d, s) == "ext4" }
func ext4dev(d *device, _ magic, s *Signature) bool { return extKind(d, s) == "ext4dev" }
func jbd(d *device, _ magic, s *Signature) bool     { return extKind(d, s) == "jbd" }

// within adds magics of another format to a signature, where they are part of it. Erasing the signature then erases them, too: otherwise
// the next probe would find the other format.
func within(d *device, s *Signature, magics []magic, check func(*device, magic, *Signature) bool) {
	for _, m := range magics {
		var ignored Signature
		if d.has(m) && check(d, m, &ignored) {
			s.Magics = append(s.Magics, m.extent())
		}
	}
}

// extKind returns the filesystem of the family that a superblock belongs to, by its features (kernel,
// Documentation/filesystems/ext4/super.rst). The features of ext2 and ext3 are listed; all others mean ext4. The flag of
// test filesystems means ext4dev.
func extKind(d *device, s *Signature) string {
	const (
		hasJournal   = 0x4   // compatible
		journalDev   = 0x8   // incompatible
		ext2Incompat = 0x12  // file types, meta block groups
		ext3Incompat = 0x16  // recovery as well
		oldReadOnly  = 0x7   // sparse superblocks, large files, b-tree directories
		metadataSum  = 0x400 // read-only compatible
		sumOffset    = 0x3FC
		testFS       = 0x4 // flags
	)
	sb := d.at(extSuper, 1024)
	compat, incompat, readOnly := le.Uint32(sb[92:]), le.Uint32(sb[96:]), le.Uint32(sb[100:])
	if readOnly&metadataSum != 0 && ^crc32.Update(0, castagnoli(), sb[:sumOffset]) != le.Uint32(sb[sumOffset:]) {
		return ""
	}
	s.Version = fmt.Sprintf("%d.%d", le.Uint32(sb[76:]), le.Uint16(sb[62:]))
	within(d, s, minixMagics, minixCounts) // the number of free inodes may look like its magic
	switch old := readOnly&^oldReadOnly == 0; {
	case incompat&journalDev != 0:
		return "jbd"
	case compat&hasJournal == 0 && old && incompat&^ext2Incompat == 0:
		return "ext2"
	case compat&hasJournal != 0 && old && incompat&^ext3Incompat == 0:
		return "ext3"
	case le.Uint32(sb[0x160:])&testFS != 0:
		return "ext4dev"
	}
	return "ext4"
}

// xfs rejects superblocks with an impossible geometry. sb_inprogress is set while mkfs.xfs runs. The filesystem's log may be
// in the first sectors.
func xfs(d *device, _ magic, s *Signature) bool {
	sb := d.at(0, 512)
	s.Unfinished = sb[126] != 0
	within(d, s, logRecords(d), xfsLog)
	blockSize := be.Uint32(sb[4:])
	return blockSize >= 512 && blockSize <= 64<<10 && blockSize&(blockSize-1) == 0 && be.Uint32(sb[88:]) > 0
}

func xfsLogPlaces(d *device) []magic {
	if d.has(magic{0, "XFSB"}) {
		return nil
	}
	return logRecords(d)
}

// logRecords looks through the first 512 sectors: the records of an external log begin at any point.
func logRecords(d *device) []magic {
	var all []magic
	for sector := range int64(512) {
		if m := (magic{sector * 512, "\xfe\xed\xba\xbe"}); d.has(m) {
			all = append(all, m)
		}
	}
	return all
}

// xfsLog accepts the header of a record (XFS Algorithms & Data Structures, chapter 14).
func xfsLog(d *device, m magic, _ *Signature) bool {
	h := d.at(m.offset, 512)
	version, length, format := be.Uint32(h[8:]), be.Uint32(h[12:]), be.Uint32(h[300:])
	return version&^3 == 0 && version != 0 && length > 0 && length < 1<<31 && format >= 1 && format <= 3
}

// reiserfs has a label and a UUID since version 3.6.
func reiserfs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset&^0x3FF, 128)
	if m.text != "ReIsErFs" {
		s.UUID, s.Label = uuid(sb[84:100]), text(sb[100:116])
	}
	return true
}

// btrfs has copies of its superblock at 64 MiB and 256 GiB. They are erased together with the first one. A device with only
// copies counts as empty: wipefs(8) leaves that.
func btrfs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset-0x40, 0x1000)
	s.Label, s.UUID = text(sb[0x12B:][:256]), uuid(sb[0x20:][:16])
	within(d, s, []magic{{64<<20 + 0x40, btrfsMagic}, {256<<30 + 0x40, btrfsMagic}}, btrfsPlace)
	return btrfsPlace(d, m, s)
}

// btrfsPlace accepts a superblock that contains its own offset.
func btrfsPlace(d *device, m magic, _ *Signature) bool {
	return le.Uint64(d.at(m.offset-0x40+0x30, 8)) == uint64(m.offset-0x40)
}

// f2fs has a copy of its superblock in the next block. A device with only the copy counts as empty, as for btrfs.
func f2fs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 2048)
	if le.Uint32(sb[4:]) != 1 { // version 1.0 has its names elsewhere
		s.UUID, s.Label = uuid(sb[108:][:16]), utf16Text(le, sb[124:][:1024])
	}
	if second := (magic{m.offset + 4096, f2fsMagic}); d.has(second) {
		s.Magics = append(s.Magics, second.extent())
	}
	return le.Uint16(sb[4:]) > 0
}

// swap is a swap area without an image of the memory.
func swap(d *device, m magic, s *Signature) bool {
	return !d.has(magic{0, tuxOnIceMagic}) && swapArea(d, m, s)
}

// swapArea reads the names of version 1, which follow 1024 bytes for a boot loader. Version 0 has none.
func swapArea(d *device, m magic, s *Signature) bool {
	s.Version = "0"
	return m.text == swap0Magic || swapNames(d, s)
}

// suspend accepts a swap area with an image of the memory.
func suspend(d *device, m magic, s *Signature) bool {
	swapNames(d, s)
	if m.text == tuxOnIceMagic {
		within(d, s, swapPlaces(d), swapArea)
	}
	return true
}

func swapNames(d *device, s *Signature) bool {
	h := d.at(1024, 44)
	if le.Uint32(h) != 1 && be.Uint32(h) != 1 {
		return false
	}
	s.Version, s.UUID, s.Label = "1", uuid(h[12:28]), text(h[28:44])
	return true
}

// nilfsBackup is the place of the second superblock: the last whole block of 4 KiB.
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

// gfs has a superblock header of type 1, and a format number below those of gfs2.
func gfs(d *device, _ magic, _ *Signature) bool {
	h := d.at(0x10000, 32)
	format := be.Uint32(h[24:])
	return be.Uint32(h[4:]) == 1 && format < 1800
}

// gfs2 has a format number from its own range.
func gfs2(d *device, _ magic, _ *Signature) bool {
	h := d.at(0x10000, 32)
	format := be.Uint32(h[24:])
	return be.Uint32(h[4:]) == 1 && format >= 1800 && format <= 1900
}

// ocfs has a field with the length of its label.
func ocfs(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset+512, 128)
	s.Label = text(h[48:][:min(64, int(le.Uint16(h[112:])))])
	return true
}

func ocfs2(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 512)
	s.Label, s.UUID = text(sb[0x110:][:64]), uuid(sb[0x150:][:16])
	bits := le.Uint32(sb[0xC0+0x38:])
	return bits >= 9 && bits <= 12 && m.offset == int64(2)<<bits || bits <= 12
}

// minix rejects superblocks of the ext family that have the magic by chance.
func minix(d *device, m magic, s *Signature) bool { return !d.has(extMagic[0]) && minixCounts(d, m, s) }

// minixCounts accepts a superblock whose maps have room for its inodes and zones: the magics have only two bytes.
func minixCounts(d *device, m magic, s *Signature) bool {
	h := d.at(0x400, 32)
	number := order(m.text[0] == 0x13 || m.text[0] == 0x24 || m.text[0] == 0x4d)
	maps, block := 4, uint32(1024)
	inodes, zones := uint32(number.Uint16(h[0:])), number.Uint32(h[20:])
	s.Version = "2"
	switch {
	case m.offset == 0x418:
		s.Version, maps = "3", 6
		inodes, block = number.Uint32(h[0:]), uint32(number.Uint16(h[28:]))
	case m.text[0] == 0x13 || m.text[1] == 0x13:
		s.Version, zones = "1", uint32(number.Uint16(h[2:]))
	}
	imaps, zmaps, first := uint32(number.Uint16(h[maps:])), uint32(number.Uint16(h[maps+2:])), uint32(number.Uint16(h[maps+4:]))
	room := func(blocks, n uint32) bool { return uint64(blocks)*uint64(block)*8 > uint64(n) }
	return block >= 1024 && block&(block-1) == 0 && inodes > 0 && first > 0 && zones >= first && room(imaps, inodes) && room(zmaps, zones-first)
}

func apfs(d *device, _ magic, _ *Signature) bool {
	const superblock = 1
	h := d.at(0, 44)
	block := le.Uint32(h[36:])
	return le.Uint16(h[24:]) == superblock && block >= 4096 && block <= 64<<10 && block&(block-1) == 0
}

// squashfs4 and squashfs3 differ in the layout after the magic, and a kernel reads only one of the two. Only the old one had
// both byte orders.
func squashfs4(d *device, _ magic, _ *Signature) bool { return le.Uint16(d.at(28, 2)) >= 4 }

func squashfs3(d *device, m magic, _ *Signature) bool {
	return order(m.text == "sqsh").Uint16(d.at(28, 2)) < 4
}

// ufs has a volume name since its second version, and a number that serves as identifier.
func ufs(d *device, m magic, s *Signature) bool {
	start, number := m.offset-1372, order(slices.Contains(ufsMagics[:], be.Uint32([]byte(m.text))))
	sb := d.at(start, 1372)
	s.Version = "1"
	if number.Uint32([]byte(m.text)) == ufs2Magic {
		s.Version, s.Label = "2", text(sb[680:712])
	}
	if !zero(sb[144:152]) {
		s.UUID = fmt.Sprintf("%08x%08x", number.Uint32(sb[144:]), number.Uint32(sb[148:]))
	}
	return true
}

// hpfs has its spare block after the superblock. Its names are in the boot block.
func hpfs(d *device, m magic, s *Signature) bool {
	boot := d.at(0, 512)
	if string(boot[510:]) == bootMagic && string(boot[0x36:0x3E]) == "HPFS    " && boot[0x26] == 0x28 {
		s.Label, s.UUID = text(boot[0x2B:][:11]), fatSerial(boot[0x27:])
	}
	return d.has(magic{m.offset + 512, "\x49\x18\x91\xf9"})
}

func sysv(d *device, m magic, s *Signature) bool {
	s.Label = text(d.at(m.offset-sysvMagicAt+440, 6))
	return true
}

// ubifs has a node header with a CRC-32 without final inversion.
func ubifs(d *device, _ magic, _ *Signature) bool {
	const superblock, size = 6, 4096
	h := d.at(0, size)
	n := le.Uint32(h[16:])
	return h[20] == superblock && n >= 24 && n <= size && ^crc32.ChecksumIEEE(h[8:n]) == le.Uint32(h[4:])
}

// vmfs has parts of its identifier as numbers.
func vmfs(d *device, m magic, s *Signature) bool {
	u := d.at(m.offset+9, 16)
	s.UUID = fmt.Sprintf("%08x-%08x-%04x-%x", le.Uint32(u), le.Uint32(u[4:]), le.Uint16(u[8:]), u[10:])
	return true
}

// mpool, zonefs and ScoutFS have checksums in their superblocks.
func mpool(d *device, _ magic, _ *Signature) bool {
	h := d.at(0, 66)
	return crc32.Checksum(h[:62], castagnoli()) == le.Uint32(h[62:])
}

func zonefs(d *device, _ magic, _ *Signature) bool {
	sb := d.at(0, 4096)
	want := le.Uint32(sb[4:])
	clear(sb[4:8])
	return ^crc32.ChecksumIEEE(sb) == want
}

func scoutMeta(d *device, m magic, _ *Signature) bool { return scout(d, m, 1) }
func scoutData(d *device, m magic, _ *Signature) bool { return scout(d, m, 0) }

// scout accepts a superblock with the flag of a metadata device, or of a data device (scoutfs, format.h).
func scout(d *device, m magic, meta uint64) bool {
	sb := d.at(m.offset-4, 4096)
	return le.Uint64(sb[48:])&1 == meta && ^crc32.Checksum(sb[4:], castagnoli()) == le.Uint32(sb)
}

// befs has its identifier in an attribute of the root directory.
func befs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset-32, 128)
	number := order(m.text == "BFS1")
	block, shift, agShift := number.Uint32(sb[40:]), number.Uint32(sb[44:]), number.Uint32(sb[76:])
	if number.Uint32(sb[68:]) != 0xdd121031 || number.Uint32(sb[112:]) != 0x15b6830e || shift < 10 || shift > 13 || block != 1<<shift || agShift > 31 {
		return false
	}
	s.Label = text(sb[:32])
	group, start := int64(number.Uint32(sb[116:])), int64(number.Uint16(sb[120:]))
	inode := d.at((group<<agShift+start)<<shift, int(block))
	for at := 232; at+8 <= len(inode); {
		const volumeID = "be:volume_id"
		name, data := int(number.Uint16(inode[at+4:])), int(number.Uint16(inode[at+6:]))
		next := at + 8 + name + 3 + data + 1
		if name == 0 || next > len(inode) {
			break
		}
		if string(inode[at+8:][:name]) == volumeID && data == 8 {
			s.UUID = strconv.FormatUint(number.Uint64(inode[at+8+name+3:]), 16)
			break
		}
		at = next
	}
	return true
}
