// SPDX-License-Identifier: Apache-2.0

package probe

import "strings"

// at16 is a field that holds a binary UUID.
func at16(offset int64) field { return field{offset, 16} }

// one is the magic of a format that has just one.
func one(offset int64, text string) []magic { return []magic{{offset, text}} }

// formats is the table of what is found, members of arrays first, containers, filesystems, partition tables last. The
// places are those of the formats' own documentation and of the kernel's headers.
func formats() []format {
	table := append(members(), containers()...)
	table = append(table, others()...)
	table = append(table, filesystems()...)
	return append(table, tables()...)
}

// others are formats that are neither members, nor containers, nor filesystems.
func others() []format {
	return []format{
		{name: "swap", usage: Other, magics: swapMagics("SWAPSPACE2"), check: swap},
		{name: "swap", usage: Other, magics: swapMagics("SWAP-SPACE")},
		{name: "swsuspend", usage: Other, magics: append(append(append(swapMagics("S1SUSPEND\x00"), swapMagics("S2SUSPEND\x00")...),
			swapMagics("ULSUSPEND\x00")...), swapMagics("LINHIB0001")...)},
		{name: "DM_verity_hash", usage: Crypto, magics: one(0, "verity\x00\x00"), uuid: at16(16)},
		{name: "DM_integrity", usage: Crypto, magics: one(0, "integrt\x00")},
		{name: "DM_snapshot_cow", usage: Other, magics: one(0, "SnAp")},
		{name: "bcache", usage: Other, magics: one(4096+24, bcacheMagic), uuid: at16(4096 + 40)},
		{name: "oracleasm", usage: Other, magics: one(32, "ORCLDISK"), label: field{72, 24}},
	}
}

const bcacheMagic = "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"

// filesystems are the formats that can be mounted.
func filesystems() []format {
	return []format{
		{name: "vfat", usage: Filesystem, magics: fatMagics(), check: fat},
		{name: "exfat", usage: Filesystem, magics: []magic{{3, "EXFAT   "}, {510, "\x55\xAA"}}, check: exfat},
		{name: "ntfs", usage: Filesystem, magics: []magic{{3, "NTFS    "}, {510, "\x55\xAA"}}, check: ntfs},
		{name: "xfs", usage: Filesystem, magics: one(0, "XFSB"), check: xfs, label: field{108, 12}, uuid: at16(32)},
		{name: "jbd", usage: Other, magics: one(extSuper+56, "\x53\xEF"), check: extIs("jbd"), label: field{extSuper + 120, 16}, uuid: at16(extSuper + 104)},
		{name: "ext4", usage: Filesystem, magics: one(extSuper+56, "\x53\xEF"), check: extIs("ext4"), label: field{extSuper + 120, 16}, uuid: at16(extSuper + 104)},
		{name: "ext3", usage: Filesystem, magics: one(extSuper+56, "\x53\xEF"), check: extIs("ext3"), label: field{extSuper + 120, 16}, uuid: at16(extSuper + 104)},
		{name: "ext2", usage: Filesystem, magics: one(extSuper+56, "\x53\xEF"), check: extIs("ext2"), label: field{extSuper + 120, 16}, uuid: at16(extSuper + 104)},
		{name: "reiserfs", usage: Filesystem, magics: []magic{{0x10034, "ReIsErFs"}, {0x10034, "ReIsEr2Fs"}, {0x10034, "ReIsEr3Fs"}, {0x2034, "ReIsErFs"}},
			label: field{0x10064, 16}, uuid: at16(0x10054)},
		{name: "reiser4", usage: Filesystem, magics: one(0x10000, "ReIsEr4"), label: field{0x10024, 16}, uuid: at16(0x10014)},
		{name: "jfs", usage: Filesystem, magics: one(0x8000, "JFS1"), label: field{0x8098, 16}, uuid: at16(0x8088)},
		{name: "udf", usage: Filesystem, magics: volumeMagics(), check: udf},
		{name: "iso9660", usage: Filesystem, magics: []magic{{0x8001, "CD001"}, {0x8009, "CDROM"}}, label: field{0x8028, 32}, check: iso},
		{name: "btrfs", usage: Filesystem, magics: []magic{{0x10040, btrfsMagic}, {64<<20 + 0x40, btrfsMagic}, {256<<30 + 0x40, btrfsMagic}},
			check: btrfs},
		{name: "f2fs", usage: Filesystem, magics: []magic{{0x400, f2fsMagic}, {0x1400, f2fsMagic}}, check: f2fs},
		{name: "squashfs", usage: Filesystem, magics: []magic{{0, "hsqs"}, {0, "sqsh"}}},
		{name: "erofs", usage: Filesystem, magics: one(0x400, "\xe2\xe1\xf5\xe0"), label: field{0x400 + 64, 16}, uuid: at16(0x400 + 48)},
		{name: "bcachefs", usage: Filesystem, magics: one(4096+24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"),
			label: field{4096 + 72, 32}, uuid: at16(4096 + 56)},
		{name: "nilfs2", usage: Filesystem, magics: one(0x406, "\x34\x34"), places: nilfsBackup, check: nilfs},
		{name: "gfs2", usage: Filesystem, magics: one(0x10000, "\x01\x16\x19\x70"), check: gfs2, label: field{0x100A0, 64}, uuid: at16(0x10100)},
		{name: "ocfs2", usage: Filesystem, magics: []magic{{0x400, "OCFSV2"}, {0x800, "OCFSV2"}, {0x1000, "OCFSV2"}, {0x2000, "OCFSV2"}}, check: ocfs2},
		{name: "hfsplus", usage: Filesystem, magics: []magic{{0x400, "H+"}, {0x400, "HX"}}, check: hfsplus},
		{name: "hfs", usage: Filesystem, magics: one(0x400, "BD"), check: hfs},
		{name: "minix", usage: Filesystem, magics: []magic{{0x410, "\x7f\x13"}, {0x410, "\x8f\x13"}, {0x410, "\x68\x24"}, {0x410, "\x78\x24"}, {0x418, "\x5a\x4d"}}, check: minix},
		{name: "cramfs", usage: Filesystem, magics: []magic{{0, "\x45\x3d\xcd\x28"}, {0, "\x28\xcd\x3d\x45"}}, label: field{48, 16}},
		{name: "romfs", usage: Filesystem, magics: one(0, "-rom1fs-"), label: field{16, 16}},
		{name: "bfs", usage: Filesystem, magics: one(0, "\xce\xfa\xad\x1b")},
		{name: "apfs", usage: Filesystem, magics: one(32, "NXSB"), check: apfs, uuid: at16(72)},
		{name: "VMFS", usage: Filesystem, magics: one(0x200000, "\x5e\xf1\xab\x2f")},
	}
}

const (
	btrfsMagic = "_BHRfS_M"
	f2fsMagic  = "\x10\x20\xf5\xf2"
)

// swapMagics places a magic at the end of the first page, for each size that a page may have (mkswap(8)).
func swapMagics(text string) []magic {
	var all []magic
	for page := int64(4096); page <= 64<<10; page *= 2 {
		all = append(all, magic{page - int64(len(text)), text})
	}
	return all
}

// volumeMagics are the identifiers that begin a volume recognition sequence (ECMA-167, part 2, 9.1).
func volumeMagics() []magic {
	var all []magic
	for _, id := range strings.Fields("BEA01 BOOT2 CD001 CDW02 NSR02 NSR03 TEA01") {
		all = append(all, magic{0x8001, id})
	}
	return all
}
