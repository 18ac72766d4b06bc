// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// linuxSamples are the formats that the Linux kernel or its tools made.
func linuxSamples() []sample {
	ext := func(fields ...any) []piece {
		return of(piece{1024, block(1024, append([]any{0, le32(64), 4, le32(1024), 24, le32(0), 56, "\x53\xef", 76, le32(1), 104, id16, 120, name}, fields...)...)})
	}
	xfs := block(512, 0, "XFSB", 4, be32(4096), 8, be64(16384), 32, id16, 80, be32(1), 84, be32(4096), 88, be32(4), 96, be32(1000), 100, be16(0xb4a4), 102, be16(512),
		104, be16(512), 106, be16(8), 108, name, 120, "\x0c\x09\x09\x03\x0c\x00\x00\x19")
	xfsLog := block(512, 0, "\xfe\xed\xba\xbe", 4, be32(1), 8, be32(2), 12, be32(512), 40, be32(1), 300, be32(1), 304, id16, 320, be32(32768))
	swap := func(word func(uint32) []byte) []byte {
		return block(1024, 0, word(1), 4, word(16383), 12, id16, 28, name)
	}
	reiser := func(magic string) []byte {
		return block(512, 0, le32(16384), 12, le32(18), 44, le16(4096), 52, magic, 84, id16, 100, name)
	}
	minix := func(order binary.AppendByteOrder, magic uint16) []byte {
		h := order.AppendUint16(nil, 64)
		for _, v := range []uint16{1000, 1, 1, 5, 0} {
			h = order.AppendUint16(h, v)
		}
		h = order.AppendUint32(h, 0x10081c00)
		h = order.AppendUint16(order.AppendUint16(h, magic), 1)
		return order.AppendUint32(h, 1000)
	}
	minix3 := append(le32(64), block(28, 2, le16(1), 4, le16(1), 6, le16(5), 12, le32(0x7fffffff), 16, le32(1000), 20, le16(0x4d5a), 24, le16(1024))...)
	gfs := func(format, multi uint32) []byte {
		return block(512, 0, be32(0x01161970), 4, be32(1), 24, be32(format), 28, be32(multi), 36, be32(4096), 40, be32(12), 96, "lock_nolock", 160, name, 256, id16)
	}
	squash := func(magic string, order binary.AppendByteOrder, major uint16) []byte {
		return block(512, 0, magic, 12, order.AppendUint32(nil, 131072), 28, order.AppendUint16(nil, major), 40, order.AppendUint64(nil, 4096), 51, order.AppendUint32(nil, 131072))
	}
	btrfs := func(offset uint64) []byte {
		return put(block(4096, 0x20, id16, 0x30, le64(offset), 0x40, "_BHRfS_M", 0x90, le32(4096), 0x94, le32(16384), 0x12B, name), 0,
			func(b []byte) []byte { return le32(crc32c(b[0x20:])) })
	}
	f2fs := block(4096, 0, le32(0xF2F52010), 4, le16(1), 6, le16(16), 8, le32(9), 12, le32(3), 16, le32(12), 108, id16, 124, utf16(le, name))
	nilfs := func(size uint64) []byte {
		return put(block(1024, 0, le32(2), 6, "\x34\x34", 8, le16(0x118), 12, le32(42), 20, le32(2), 32, le64(size), 152, id16, 168, name), 16,
			func(b []byte) []byte { return le32(^crc32.Update(^uint32(42), crc32.IEEETable, b[:0x118])) })
	}
	ubifs := put(block(4096, 0, le32(0x06101831), 16, le32(4096), 20, byte(6), 60, le32(2048), 108, id16), 4,
		func(b []byte) []byte { return le32(^crc32.ChecksumIEEE(b[8:])) })
	zonefs := put(block(4096, 0, "SFOZ", 8, name, 40, id16), 4, func(b []byte) []byte { return le32(^crc32.ChecksumIEEE(b)) })
	mpool := put(block(4096, 0, "mpoolDev", 8, name, 40, id16, 56, le16(1)), 62, func(b []byte) []byte { return le32(crc32c(b[:62])) })
	erofs := put(block(4096-1024, 0, le32(0xE0F5E1E2), 8, le32(0), 12, byte(12), 48, id16, 64, name), 4, func(b []byte) []byte { return le32(^crc32c(b)) })
	scout := func(flags uint64) []byte {
		return put(block(4096, 4, le32(0x103c428b), 32, "scoutfs.", 40, le64(2), 48, le64(flags), 56, id16), 0,
			func(b []byte) []byte { return le32(^crc32c(b[4:])) })
	}
	romfs := block(512, 0, "-rom1fs-", 8, be32(512), 16, name)
	put(romfs, 12, func(b []byte) []byte { return be32(-sum32(be, b)) })
	cramfs := func(order binary.AppendByteOrder) []byte {
		return block(512, 0, order.AppendUint32(nil, 0x28cd3d45), 4, order.AppendUint32(nil, 4096), 16, "Compressed ROMFS", 48, name)
	}
	ocfs2 := func(bits uint32) []byte {
		return block(512, 0, "OCFSV2", 0xC0+0x38, le32(bits), 0xC0+0x3C, le32(12), 0x110, name, 0x150, id16)
	}
	all := []sample{
		{kind: "ext2", pieces: ext()},
		{kind: "ext3", pieces: ext(92, le32(4))},
		{kind: "ext4", pieces: ext(92, le32(4), 96, le32(0x40))},
		{kind: "ext4dev", pieces: ext(92, le32(4), 96, le32(0x40), 0x160, le32(4))},
		{kind: "ext4", variant: "which looks like minix", pieces: ext(0, le32(60000<<16|64), 4, le32(8<<16|1), 8, le32(1000), 12, le32(0), 16, le16(0x137f), 92, le32(4), 96, le32(0x40))},
		{kind: "jbd", pieces: ext(96, le32(8))},
		{kind: "xfs", pieces: of(piece{0, xfs})},
		{kind: "xfs_external_log", variant: "sector 0", pieces: of(piece{0, xfsLog})},
		{kind: "xfs_external_log", variant: "sector 511", pieces: of(piece{511 * 512, xfsLog})},
		{kind: "exfs", pieces: of(piece{0, append([]byte("EXFS"), xfs[4:]...)})},
		{kind: "swap", variant: "big endian", pieces: of(piece{1024, swap(be32)}, at(4086, 10, 0, "SWAPSPACE2"))},
		{kind: "swap", variant: "version 0", pieces: of(at(4086, 10, 0, "SWAP-SPACE"))},
		{kind: "swsuspend", variant: "TuxOnIce", pieces: of(at(0, 8, 0, "\xed\xc3\x02\xe9\x98\x56\xe5\x0c"), piece{1024, swap(le32)})},
		{kind: "swsuspend", variant: "TuxOnIce in a swap area", pieces: of(at(0, 8, 0, "\xed\xc3\x02\xe9\x98\x56\xe5\x0c"), piece{1024, swap(le32)}, at(4086, 10, 0, "SWAPSPACE2"))},
		{kind: "reiserfs", variant: "3.5", pieces: of(piece{64 << 10, reiser("ReIsErFs")})},
		{kind: "reiserfs", variant: "3.6", pieces: of(piece{64 << 10, reiser("ReIsEr2Fs")})},
		{kind: "reiserfs", variant: "journal elsewhere", pieces: of(piece{64 << 10, reiser("ReIsEr3Fs")})},
		{kind: "reiserfs", variant: "3.5 at 8 KiB", pieces: of(piece{8 << 10, reiser("ReIsErFs")})},
		{kind: "reiserfs", variant: "before 3.5", pieces: of(at(8<<10, 512, 0, le32(16384), 12, le32(18), 20, "ReIsErFs", 44, le16(4096)))},
		{kind: "reiser4", pieces: of(at(64<<10, 512, 0, "ReIsEr4", 16, le16(0), 18, le16(4096), 20, id16, 36, name))},
		{kind: "jfs", pieces: of(at(32<<10, 512, 0, "JFS1", 4, le32(1), 8, le64(100), 16, le32(4096), 24, le32(512), 20, le16(12), 22, le16(3), 28, le16(9), 136, id16, 152, name))},
		{kind: "cramfs", variant: "little endian", pieces: of(piece{0, cramfs(le)})},
		{kind: "cramfs", variant: "big endian", pieces: of(piece{0, cramfs(be)})},
		{kind: "romfs", pieces: of(piece{0, romfs})},
		{kind: "gfs", pieces: of(piece{64 << 10, gfs(1309, 1401)})},
		{kind: "gfs2", pieces: of(piece{64 << 10, gfs(1801, 1900)})},
		{kind: "ocfs", pieces: of(at(8<<10, 1024, 0, "OracleCFS", 512+48, name, 512+112, le16(10), 512+114, id16))},
		{kind: "oracleasm", pieces: of(at(0, 512, 32, "ORCLDISK", 40, name))},
		{kind: "squashfs", pieces: of(piece{0, squash("hsqs", le, 4)})},
		{kind: "squashfs3", variant: "little endian", pieces: of(piece{0, squash("hsqs", le, 3)})},
		{kind: "squashfs3", variant: "big endian", pieces: of(piece{0, squash("sqsh", be, 3)})},
		{kind: "btrfs", pieces: of(piece{64 << 10, btrfs(64 << 10)})},
		{kind: "f2fs", pieces: of(piece{1024, f2fs[:3072]})},
		{kind: "nilfs2", variant: "first copy", pieces: of(piece{1024, nilfs(64 << 20)})},
		{kind: "nilfs2", variant: "second copy", pieces: of(piece{-4096, nilfs(64 << 20)})},
		{kind: "ubifs", pieces: of(piece{0, ubifs})},
		{kind: "zonefs", pieces: of(piece{0, zonefs})},
		{kind: "mpool", pieces: of(piece{0, mpool})},
		{kind: "erofs", pieces: of(piece{1024, erofs})},
		{kind: "scoutfs_meta", pieces: of(piece{64 << 10, scout(1)}), seenBy: none},
		{kind: "scoutfs_data", pieces: of(piece{64 << 10, scout(0)}), seenBy: none},
		{kind: "minix", variant: "3, little endian", pieces: of(piece{1024, minix3})},
	}
	for _, version := range []struct {
		text  string
		magic uint16
	}{{"1, names of 14", 0x137f}, {"1, names of 30", 0x138f}, {"2, names of 14", 0x2468}, {"2, names of 30", 0x2478}} {
		all = append(all, sample{kind: "minix", variant: version.text + ", little endian", pieces: of(piece{1024, minix(le, version.magic)})},
			sample{kind: "minix", variant: version.text + ", big endian", pieces: of(piece{1024, minix(be, version.magic)})})
	}
	for page := int64(4096); page <= 64<<10; page *= 2 {
		all = append(all, sample{kind: "swap", variant: fmt.Sprintf("pages of %d KiB", page>>10), pieces: of(piece{1024, swap(le32)}, at(page-10, 10, 0, "SWAPSPACE2"))})
		for _, magic := range []string{"S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001"} {
			all = append(all, sample{kind: "swsuspend", variant: fmt.Sprintf("%s, pages of %d KiB", magic, page>>10),
				pieces: of(piece{1024, swap(le32)}, at(page-10, 10, 0, magic))})
		}
	}
	for bits := uint32(9); bits <= 12; bits++ {
		all = append(all, sample{kind: "ocfs2", variant: fmt.Sprintf("blocks of %d bytes", 1<<bits), pieces: of(piece{2 << bits, ocfs2(bits)})})
	}
	return all
}

// utf16 encodes letters of ASCII.
func utf16(order binary.AppendByteOrder, s string) []byte {
	var b []byte
	for _, c := range s {
		b = order.AppendUint16(b, uint16(c))
	}
	return b
}

// foreignSamples are the formats of other systems.
func foreignSamples() []sample {
	fat := block(512, 0, "\xeb\x3c\x90mkfs.fat", 11, le16(512), 13, byte(4), 14, le16(1), 16, byte(2), 17, le16(512), 19, le16(0), 21, byte(0xF8), 22, le16(128),
		32, le32(131072), 36, byte(0x80), 38, byte(0x29), 39, le32(0xa1b2c3d4), 43, "FIRSTLIGHT ", 54, "FAT16   ", 510, "\x55\xaa")
	fatRoot := block(32, 0, "FIRSTLIGHT ", 11, byte(8))
	fat32 := block(512, 0, "\xeb\x58\x90mkfs.fat", 11, le16(512), 13, byte(1), 14, le16(32), 16, byte(2), 21, byte(0xF8), 32, le32(131072), 36, le32(1008), 44, le32(2),
		48, le16(1), 50, le16(6), 64, byte(0x80), 66, byte(0x29), 67, le32(0xa1b2c3d4), 71, "FIRSTLIGHT ", 82, "FAT32   ", 510, "\x55\xaa")
	fsInfo := block(512, 0, "RRaA", 484, "rrAa", 508, "\x00\x00\x55\xaa")
	ntfs := block(512, 0, "\xeb\x52\x90NTFS    ", 11, le16(512), 13, byte(8), 21, byte(0xF8), 40, le64(131071), 48, le64(4), 56, le64(8), 64, byte(0xF6), 68, byte(0xF6),
		72, le64(0x1122334455667788), 510, "\x55\xaa")
	volume := block(1024, 0, "FILE", 20, le16(56), 24, le32(512), 28, le32(1024), 56, le32(0x60), 60, le32(48), 56+16, le32(20), 56+20, le16(24), 56+24, utf16(le, name),
		56+48, le32(0xFFFFFFFF))
	exfat := block(512, 0, "\xeb\x76\x90EXFAT   ", 72, le64(131072), 80, le32(128), 84, le32(128), 88, le32(256), 92, le32(16000), 96, le32(4), 100, le32(0xa1b2c3d4),
		104, le16(0x100), 108, byte(9), 109, byte(3), 110, byte(1), 111, byte(0x80), 510, "\x55\xaa")
	exfatRoot := block(64, 0, "\x83\x0a", 2, utf16(le, name))
	exfatSum := func() []byte {
		var sum uint32
		first := block(11*512, 0, exfat)
		for i := 1; i <= 8; i++ {
			copy(first[i*512+510:], "\x55\xaa")
		}
		for i, c := range first {
			if i != 106 && i != 107 && i != 112 {
				sum = sum<<31 | sum>>1
				sum += uint32(c)
			}
		}
		return append(first, []byte(strings.Repeat(string(le32(sum)), 128))...)
	}()
	ufs := func(order binary.AppendByteOrder, magic uint32) []byte {
		return block(1536, 48, order.AppendUint32(nil, 4096), 144, order.AppendUint32(nil, 0x11223344), 148, order.AppendUint32(nil, 0x55667788), 680, name,
			1372, order.AppendUint32(nil, magic))
	}
	hpfs := append(block(512, 0, "\x49\xe8\x95\xf9\xc5\xe9\x53\xfa", 8, "\x02\x02"), block(512, 0, "\x49\x18\x91\xf9\xc5\x29\x52\xfa")...)
	hpfsBoot := block(512, 0, "\xeb\x3c\x90OS2 20.0", 0x26, byte(0x28), 0x27, le32(0xa1b2c3d4), 0x2B, "FIRSTLIGHT ", 0x36, "HPFS    ", 510, "\x55\xaa")
	befs := func(order binary.AppendByteOrder, offset int64) []piece {
		w := func(v uint32) []byte { return order.AppendUint32(nil, v) }
		h := func(v uint16) []byte { return order.AppendUint16(nil, v) }
		q := func(v uint64) []byte { return order.AppendUint64(nil, v) }
		super := block(512, 0, name, 32, w(0x42465331), 36, w(0x42494745), 40, w(2048), 44, w(11), 48, q(32768), 56, q(100), 64, w(2048), 68, w(0xdd121031),
			72, w(1), 76, w(13), 80, w(4), 84, w(0x434c454e), 92, h(50), 94, h(64), 112, w(0x15b6830e), 120, h(100), 122, h(1), 128, h(101), 130, h(1))
		inode := block(2048, 0, w(0x3bbe0ad9), 8, h(100), 10, h(1), 20, w(0o40755), 24, w(1), 48, h(100), 50, h(1), 64, w(2048),
			232, w(0x554c4c47), 236, h(12), 238, h(8), 240, "be:volume_id", 255, q(0x1122334455667788))
		return of(piece{offset, super}, piece{100 * 2048, inode})
	}
	sysv := func(order binary.AppendByteOrder) []byte {
		return block(512, 440, "first", 504, order.AppendUint32(nil, 0xfd187e20), 508, order.AppendUint32(nil, 2))
	}
	apfs := block(4096, 8, le64(1), 16, le64(1), 24, le32(0x80000001), 32, "NXSB", 36, le32(4096), 40, le64(16384), 72, id16)
	put(apfs, 0, fletcher)
	hfs := block(512, 0, "BD", 18, be16(100), 20, be32(4096), 36, "\x0afirstlight", 92+24, id16[:8])
	all := []sample{
		{kind: "vfat", variant: "FAT16", pieces: of(piece{0, fat}, piece{257 * 512, fatRoot})},
		{kind: "vfat", variant: "FAT32", pieces: of(piece{0, fat32}, piece{512, fsInfo}, piece{(32 + 2*1008) * 512, fatRoot})},
		{kind: "ntfs", pieces: of(piece{0, ntfs}, at(4*4096, 1024, 0, "FILE"), piece{4*4096 + 3*1024, volume})},
		{kind: "exfat", pieces: of(piece{0, exfatSum}, piece{(256 + 16) * 512, exfatRoot})},
		{kind: "ReFS", pieces: of(at(0, 512, 0, "\x00\x00\x00ReFS\x00\x00\x00\x00\x00"))},
		{kind: "apfs", pieces: of(piece{0, apfs})},
		{kind: "hfs", pieces: of(piece{1024, hfs})},
		{kind: "hfsplus", variant: "H+", pieces: hfsplus(0, "H+")},
		{kind: "hfsplus", variant: "HX, case sensitive", pieces: hfsplus(0, "HX")},
		{kind: "hfsplus", variant: "in a wrapper", pieces: append(hfsplus(100*512+8*4096, "H+"),
			at(1024, 512, 0, "BD", 20, be32(4096), 28, be16(100), 36, "\x07wrapper", 124, "H+", 126, be16(8), 128, be16(100)))},
		{kind: "hpfs", pieces: of(piece{0, hpfsBoot}, piece{8192, hpfs})},
		{kind: "xenix", variant: "little endian", pieces: of(at(1024, 1536, 632, "first", 1024, "\x44\x55\x2b"))},
		{kind: "xenix", variant: "big endian", pieces: of(at(1024, 1536, 632, "first", 1024, "\x2b\x55\x44"))},
		{kind: "vxfs", variant: "little endian", pieces: of(at(1024, 512, 0, "\xf5\xfc\x01\xa5", 4, le32(7), 32, le32(1024)))},
		{kind: "vxfs", variant: "big endian", pieces: of(at(8192, 512, 0, "\xa5\x01\xfc\xf5", 4, be32(7), 32, be32(1024)))},
		{kind: "nss", pieces: of(at(4096, 512, 0, "SPB5", 348, id16))},
		{kind: "bfs", pieces: of(at(0, 512, 0, le32(0x1badface), 4, le32(4096)))},
		{kind: "VMFS", pieces: of(at(2<<20, 512, 0, "\x5e\xf1\xab\x2f", 8, byte(5), 9, id16, 29, name))},
	}
	for _, start := range []int64{0, 8 << 10, 64 << 10, 256 << 10} {
		for _, magic := range []uint32{0x00011954, 0x19540119, 0x00095014, 0x00195612, 0x00612195, 0x05231994} {
			variant := fmt.Sprintf("%#08x at %d KiB", magic, start>>10)
			all = append(all, sample{kind: "ufs", variant: variant + ", little endian", pieces: of(piece{start, ufs(le, magic)})},
				sample{kind: "ufs", variant: variant + ", big endian", pieces: of(piece{start, ufs(be, magic)})})
		}
	}
	for _, start := range []int64{0, 512} {
		all = append(all, sample{kind: "befs", variant: fmt.Sprintf("at %d, little endian", start), pieces: befs(le, start)},
			sample{kind: "befs", variant: fmt.Sprintf("at %d, big endian", start), pieces: befs(be, start)})
	}
	for _, start := range []int64{0, 9, 15, 18} {
		all = append(all, sample{kind: "sysv", variant: fmt.Sprintf("at %d KiB, little endian", start), pieces: of(piece{start<<10 + 512, sysv(le)})},
			sample{kind: "sysv", variant: fmt.Sprintf("at %d KiB, big endian", start), pieces: of(piece{start<<10 + 512, sysv(be)})})
	}
	return append(all, zfsSamples()...)
}

// fletcher is the checksum of an APFS object: the words after it, in two sums modulo 2^32-1.
func fletcher(b []byte) []byte {
	const m = 1<<32 - 1
	var low, high uint64
	for i := 8; i < len(b); i += 4 {
		low = (low + uint64(le.Uint32(b[i:]))) % m
		high = (high + low) % m
	}
	first := m - (low+high)%m
	return le64((m-(low+first)%m)<<32 | first)
}

// hfsplus makes a volume whose catalog has the name of the root directory.
func hfsplus(start int64, signature string) []piece {
	header := block(512, 0, signature, 2, be16(4), 40, be32(4096), 44, be32(8000), 104, id16[:8], 272, be64(8192), 284, be32(2), 288, be32(10), 292, be32(2))
	tree := block(8192, 8, byte(1), 14, be16(1), 16, be32(1), 20, be32(1), 24, be32(1), 28, be32(1), 32, be16(4096), 34, be16(516), 36, be32(2))
	leaf := block(4096, 8, "\xff\x01\x00\x01", 14, be16(26), 16, be32(1), 20, be16(10), 22, utf16(be, name))
	copy(tree[4096:], leaf)
	return of(piece{start + 1024, header}, piece{start + 10*4096, tree})
}

// zfsSamples have the four labels of a pool member, one at a time and all.
func zfsSamples() []sample {
	every := zfsLabels()
	all := []sample{{kind: "zfs_member", variant: "all labels", pieces: every}}
	for i := 0; i < len(every); i += 2 {
		all = append(all, sample{kind: "zfs_member", variant: fmt.Sprintf("label %d", i/2), pieces: every[i : i+2]})
	}
	return all
}

// zfsLabels makes the list and the uberblocks of each label.
func zfsLabels() []piece {
	text := func(s string) []byte { return append(be32(uint32(len(s))), block((len(s)+3)&^3, 0, s)...) }
	pair := func(key string, kind uint32, value []byte) []byte {
		body := append(append(append(text(key), be32(kind)...), be32(1)...), value...)
		n := be32(uint32(8 + len(body)))
		return append(append(n, n...), body...)
	}
	list := []byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	for _, p := range [][]byte{pair("version", 8, be64(5000)), pair("name", 9, text(name)), pair("state", 8, be64(0)), pair("txg", 8, be64(4)),
		pair("pool_guid", 8, be64(0x1122334455667788)), pair("hostid", 8, be64(3)), pair("hostname", 9, text("host")), pair("top_guid", 8, be64(5)),
		pair("guid", 8, be64(99)), make([]byte, 8)} {
		list = append(list, p...)
	}
	uberblocks := make([]byte, 128<<10)
	for i := 0; i < len(uberblocks); i += 1024 {
		copy(uberblocks[i:], "\x0c\xb1\xba\x00\x00\x00\x00\x00\x88\x13")
	}
	var all []piece
	for _, start := range []int64{0, 256 << 10, -512 << 10, -256 << 10} {
		all = append(all, piece{start + 16<<10, list}, piece{start + 128<<10, uberblocks})
	}
	return all
}
