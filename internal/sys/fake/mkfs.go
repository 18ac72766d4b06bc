// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// creator is one run of a program that makes a filesystem.
type creator struct {
	*Process
	d     *device
	label string
	id    [16]byte
	run   [16]byte // differs for every run: pieces of two runs do not make one filesystem
}

// mkfs returns a program that runs make. It accepts the options of all five programs.
func mkfs(make func(creator) error) Program {
	return func(p *Process) error {
		if len(p.Args) == 0 {
			return p.fail("no device given")
		}
		d, err := p.exclusive(p.Args[len(p.Args)-1])
		if err != nil {
			return err
		}
		c := creator{Process: p, d: d}
		c.label, _ = p.option("-L", "-n")
		text, given := p.option("-U", "-i")
		if meta, ok := p.option("-m"); ok && strings.HasPrefix(meta, "uuid=") {
			text, given = strings.TrimPrefix(meta, "uuid="), true
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
		if err != nil {
			return p.fail("invalid UUID: %s", text)
		}
		p.m.mu.Lock()
		c.run = p.m.inventUUID("run of " + p.Name + " " + d.node)
		if copy(c.id[:], raw); !given {
			c.id = p.m.inventUUID(p.Name + " " + d.node)
		}
		p.m.mu.Unlock()
		return make(c)
	}
}

// do runs steps until one fails.
func do(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c creator) at(what string, offset int64, data []byte) func() error {
	return func() error { return c.write(c.d.node, what, offset, data) }
}

func (c creator) durable() error { return c.sync(c.d.node) }

// bodyPlaces are the offsets of the model's body pages. By these pages State sees whether the whole filesystem was made.
func bodyPlaces() []int64 { return []int64{192 << 10, 320 << 10, 1536 << 10} }

// runPlaces are the offsets in superblocks of the identifier of the run that made them: the hash seed of ext4, the metadata
// UUID of xfs, and the device's own UUID of btrfs.
func runPlaces() map[string]int64 {
	return map[string]int64{"ext4": 1024 + 236, "xfs": 248, "btrfs": 64<<10 + 0x10B}
}

// bodyPage returns the page at one of bodyPlaces.
func bodyPage(run []byte, offset int64) []byte {
	sum := sha256.Sum256(fmt.Append(slices.Clone(run), offset))
	page := make([]byte, pageSize)
	for i := 0; i < len(page); i += len(sum) {
		copy(page[i:], sum[:])
	}
	return page
}

// body writes one of the pages, if the device has room for it.
func (c creator) body(i int) func() error {
	offset := bodyPlaces()[i]
	if offset+pageSize > c.d.size {
		return func() error { return nil }
	}
	return c.at(fmt.Sprintf("piece %d of the body", i), offset, bodyPage(c.run[:], offset))
}

// makeExt4 wipes both ends first and writes its superblock last, but syncs only once: a power cut may leave a superblock without the
// rest (mke2fs.c, zap_sector; ext2fs_flush2).
func makeExt4(c creator) error {
	const (
		hasJournal = 0x4
		incompat   = 0x2 | 0x40 | 0x80 | 0x200             // file types, extents, 64 bit, flexible groups
		readOnly   = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400 // sparse, large and huge files, links, large inodes, checksums
	)
	sb := make([]byte, 1024)
	blocks := uint32(c.d.size / pageSize)
	for offset, v := range map[int]uint32{
		0: blocks / 4, 4: blocks, 12: blocks / 2, 16: blocks / 4, 20: 0, 24: 2, 28: 2, 32: 32768, 36: 32768, 40: 8192,
		76: 1, 84: 11, 92: hasJournal, 96: incompat, 100: readOnly,
	} {
		le.PutUint32(sb[offset:], v)
	}
	le.PutUint16(sb[56:], 0xEF53)
	le.PutUint16(sb[58:], 1)
	le.PutUint16(sb[88:], 256)
	copy(sb[104:], c.id[:])
	copy(sb[120:136], c.label)
	copy(sb[236:], c.run[:])
	sb[0x175] = 1 // crc32c
	le.PutUint32(sb[0x3FC:], ^crc32.Update(0, crc32.MakeTable(crc32.Castagnoli), sb[:0x3FC]))
	end := c.d.size&^(pageSize-1) - pageSize
	return do(c.at("zeros to the start", 0, make([]byte, pageSize)), c.at("zeros to the end", end, make([]byte, pageSize)),
		c.body(0), c.body(1), c.body(2), c.at("the superblock", 1024, sb), c.durable)
}

// makeXFS marks its superblock as unfinished until the rest is there.
func makeXFS(c creator) error {
	sb := make([]byte, unit)
	copy(sb, "XFSB")
	be.PutUint32(sb[4:], pageSize)
	blocks := c.d.size / pageSize
	be.PutUint64(sb[8:], uint64(blocks))
	copy(sb[32:], c.id[:])
	be.PutUint64(sb[48:], 32) // first block of the log
	be.PutUint64(sb[56:], 128)
	be.PutUint32(sb[80:], 1)
	be.PutUint32(sb[84:], uint32(blocks))
	be.PutUint32(sb[88:], 1)                          // allocation group
	be.PutUint32(sb[96:], uint32(min(blocks/4, 256))) // log blocks
	be.PutUint16(sb[100:], 0xB4A5)
	be.PutUint16(sb[102:], unit)
	be.PutUint16(sb[104:], unit)
	be.PutUint16(sb[106:], 8)
	copy(sb[108:120], c.label)
	copy(sb[248:], c.run[:])
	// Logarithms of the sizes of a block, a sector, an inode, of inodes in a block, and of blocks in an allocation group.
	copy(sb[120:125], []byte{12, 9, 9, 3, 31})
	sb[127] = 25
	finished := append([]byte{}, sb...)
	sb[126] = 1
	crc := func(sb []byte) { // sb_crc, which is in sector 0 at 224
		le.PutUint32(sb[224:], 0)
		le.PutUint32(sb[224:], ^crc32.Update(0, crc32.MakeTable(crc32.Castagnoli), sb))
	}
	crc(sb)
	crc(finished)
	return do(c.at("zeros to the start", 0, make([]byte, 2*pageSize)), c.at("the superblock, in progress,", 0, sb), c.body(0), c.durable, c.body(1), c.body(2),
		c.durable, c.at("the superblock", 0, finished), c.durable)
}

// makeBtrfs writes its superblocks last.
func makeBtrfs(c creator) error {
	steps := []func() error{c.at("zeros to the start", 0, make([]byte, 128<<10)), c.body(0), c.body(1), c.body(2)}
	for i, offset := range []int64{64 << 10, 64 << 20} {
		if offset+pageSize > c.d.size {
			break
		}
		sb := make([]byte, pageSize)
		copy(sb[0x20:], c.id[:])
		le.PutUint64(sb[0x30:], uint64(offset))
		copy(sb[0x40:], "_BHRfS_M")
		for at, v := range map[int]uint64{0x48: 8, 0x50: 22036480, 0x58: 22020096, 0x70: uint64(c.d.size), 0x78: 147456, 0x80: 6, 0x88: 1} {
			le.PutUint64(sb[at:], v)
		}
		le.PutUint32(sb[0x90:], 4096)
		le.PutUint32(sb[0x94:], 16384)
		le.PutUint32(sb[0x98:], 16384)
		le.PutUint32(sb[0x9C:], 4096)
		copy(sb[0x10B:], c.run[:])
		copy(sb[0x12B:0x12B+256], c.label)
		le.PutUint32(sb, ^crc32.Update(0, crc32.MakeTable(crc32.Castagnoli), sb[0x20:]))
		steps = append(steps, c.at(fmt.Sprintf("superblock %d", i), offset, sb))
	}
	return do(append(steps, c.durable)...)
}

// makeSwap writes one page.
func makeSwap(c creator) error {
	page := make([]byte, pageSize)
	le.PutUint32(page[1024:], 1)
	le.PutUint32(page[1028:], uint32(c.d.size/pageSize-1))
	copy(page[1036:], c.id[:])
	copy(page[1052:1068], c.label)
	copy(page[pageSize-10:], "SWAPSPACE2")
	return do(c.at("zeros to the start", 0, make([]byte, 1024)), c.at("the header", 0, page), c.durable)
}

// makeFAT writes FAT16, or FAT32 from 512 MiB on, with the label in the root directory.
func makeFAT(c creator) error {
	var serial [4]byte
	for i := range serial {
		serial[i] = c.id[3-i] // -i gives it as a number
	}
	g := newFAT(c.d.size)
	boot := make([]byte, unit)
	copy(boot, "\xEB\x3C\x90mkfs.fat")
	le.PutUint16(boot[11:], unit)
	boot[13], boot[16], boot[21] = byte(g.cluster), 2, 0xF8
	le.PutUint16(boot[14:], uint16(g.reserved))
	le.PutUint16(boot[17:], uint16(g.rootEntries))
	le.PutUint32(boot[32:], uint32(c.d.size/unit))
	label := []byte("NO NAME    ")
	if c.label != "" {
		label = fmt.Appendf(nil, "%-11s", c.label)
	}
	extended, kind := 36, "FAT16   "
	if g.wide {
		extended, kind = 64, "FAT32   "
		le.PutUint32(boot[36:], uint32(g.fatSectors))
		le.PutUint32(boot[44:], 2)
	} else {
		le.PutUint16(boot[22:], uint16(g.fatSectors))
	}
	boot[extended], boot[extended+2] = 0x80, 0x29
	copy(boot[extended+3:], serial[:])
	copy(boot[extended+7:extended+18], label)
	copy(boot[extended+18:], kind)
	boot[510], boot[511] = 0x55, 0xAA
	root := make([]byte, unit)
	if c.label != "" {
		copy(root, label[:11])
		root[11] = 8
	}
	fat := make([]byte, unit)
	copy(fat, []byte{0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F, 0xF8, 0xFF, 0xFF, 0x0F})
	return do(c.at("the boot sector", 0, boot), c.at("the first table", g.reserved*unit, fat),
		c.at("the second table", (g.reserved+g.fatSectors)*unit, fat), c.at("the root directory", (g.reserved+2*g.fatSectors)*unit, root), c.durable)
}

// fatLayout is how a FAT filesystem is laid out, in sectors of 512 bytes.
type fatLayout struct {
	wide                                       bool
	cluster, reserved, rootEntries, fatSectors int64
}

func newFAT(size int64) fatLayout {
	sectors := size / unit
	if size >= 512<<20 {
		return fatLayout{wide: true, cluster: 8, reserved: 32, fatSectors: (sectors/8*4 + unit - 1) / unit}
	}
	cluster := int64(1)
	for sectors/cluster > 0xF000 {
		cluster *= 2
	}
	return fatLayout{cluster: cluster, reserved: 1, rootEntries: 512, fatSectors: (sectors/cluster*2 + unit - 1) / unit}
}
