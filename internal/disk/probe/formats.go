// SPDX-License-Identifier: Apache-2.0

package probe

// extSuper is the offset of the superblock of ext2, ext3 and ext4.
const extSuper = 1024

var (
	fatMagics = []magic{
		{0x52, "MSWIN"}, {0x52, "FAT32   "}, {0x36, "MSDOS"}, {0x36, "FAT16   "}, {0x36, "FAT12   "}, {0x36, "FAT     "},
		{0, "\xEB"}, {0, "\xE9"}, {0x1FE, bootMagic},
	}
	extMagic    = []magic{{extSuper + 56, "\x53\xEF"}}
	minixMagics = []magic{{0x410, "\x7f\x13"}, {0x410, "\x8f\x13"}, {0x410, "\x68\x24"}, {0x410, "\x78\x24"}, {0x418, "\x5a\x4d"},
		{0x410, "\x13\x7f"}, {0x410, "\x13\x8f"}, {0x410, "\x24\x68"}, {0x410, "\x24\x78"}, {0x418, "\x4d\x5a"}}
	// volumeMagics are the identifiers that begin a volume recognition sequence (ECMA-167, part 2, 9.1).
	volumeMagics = []magic{{0x8001, "BEA01"}, {0x8001, "BOOT2"}, {0x8001, "CD001"}, {0x8001, "CDW02"}, {0x8001, "NSR02"}, {0x8001, "NSR03"},
		{0x8001, "TEA01"}}
)

// filesystems are the formats that can be mounted, and those that are neither filesystem nor member of another device.
var filesystems = []format{
	{name: "vfat", usage: Filesystem, magics: fatMagics, check: fat},
	{name: "swsuspend", usage: Other, places: suspendPlaces, check: suspend},
	{name: "swap", usage: Other, places: swapPlaces, check: swap},
	{name: "xfs", usage: Filesystem, magics: []magic{{0, "XFSB"}}, check: xfs, label: field{108, 12}, uuid: field{32, 16}},
	{name: "xfs_external_log", usage: Other, places: xfsLogPlaces, check: xfsLog},
	{name: "exfs", usage: Filesystem, magics: []magic{{0, "EXFS"}}, check: xfs, label: field{108, 12}, uuid: field{32, 16}},
	{name: "ext4dev", usage: Filesystem, magics: extMagic, check: ext4dev, label: field{extSuper + 120, 16}, uuid: field{extSuper + 104, 16}},
	{name: "ext4", usage: Filesystem, magics: extMagic, check: ext4, label: field{extSuper + 120, 16}, uuid: field{extSuper + 104, 16}},
	{name: "ext3", usage: Filesystem, magics: extMagic, check: ext3, label: field{extSuper + 120, 16}, uuid: field{extSuper + 104, 16}},
	{name: "ext2", usage: Filesystem, magics: extMagic, check: ext2, label: field{extSuper + 120, 16}, uuid: field{extSuper + 104, 16}},
	{name: "jbd", usage: Other, magics: extMagic, check: jbd, label: field{extSuper + 120, 16}, uuid: field{extSuper + 104, 16}},
	{name: "reiserfs", usage: Filesystem, magics: []magic{{0x10034, "ReIsErFs"}, {0x10034, "ReIsEr2Fs"}, {0x10034, "ReIsEr3Fs"}, {0x2034, "ReIsErFs"},
		{0x2014, "ReIsErFs"}}, check: reiserfs},
	{name: "reiser4", usage: Filesystem, magics: []magic{{0x10000, "ReIsEr4"}}, label: field{0x10024, 16}, uuid: field{0x10014, 16}},
	{name: "jfs", usage: Filesystem, magics: []magic{{0x8000, "JFS1"}}, label: field{0x8098, 16}, uuid: field{0x8088, 16}},
	{name: "udf", usage: Filesystem, magics: volumeMagics, check: udf},
	{name: "iso9660", usage: Filesystem, magics: []magic{{0x8001, "CD001"}, {0x8009, "CDROM"}}, check: iso},
	{name: "zfs_member", usage: Filesystem, places: zfsPlaces, check: zfs},
	{name: "hfsplus", usage: Filesystem, magics: []magic{{0x400, "BD"}, {0x400, "H+"}, {0x400, "HX"}}, check: hfsplus},
	{name: "hfs", usage: Filesystem, magics: []magic{{0x400, "BD"}}, check: hfs},
	{name: "ufs", usage: Filesystem, places: ufsPlaces, check: ufs},
	{name: "hpfs", usage: Filesystem, magics: []magic{{0x2000, "\x49\xe8\x95\xf9"}}, check: hpfs},
	{name: "sysv", usage: Filesystem, places: sysvPlaces, check: sysv},
	{name: "xenix", usage: Filesystem, magics: []magic{{0x800, "\x44\x55\x2b"}, {0x800, "\x2b\x55\x44"}}, label: field{1656, 6}},
	{name: "ntfs", usage: Filesystem, magics: []magic{{3, "NTFS    "}, {510, bootMagic}}, check: ntfs},
	{name: "ReFS", usage: Filesystem, magics: []magic{{0, "\x00\x00\x00ReFS\x00"}}},
	{name: "cramfs", usage: Filesystem, magics: []magic{{0, "\x45\x3d\xcd\x28"}, {0, "\x28\xcd\x3d\x45"}}, label: field{48, 16}},
	{name: "romfs", usage: Filesystem, magics: []magic{{0, "-rom1fs-"}}, label: field{16, 16}},
	{name: "minix", usage: Filesystem, magics: minixMagics, check: minix},
	{name: "gfs", usage: Filesystem, magics: []magic{{0x10000, "\x01\x16\x19\x70"}}, check: gfs, label: field{0x100A0, 64}, uuid: field{0x10100, 16}},
	{name: "gfs2", usage: Filesystem, magics: []magic{{0x10000, "\x01\x16\x19\x70"}}, check: gfs2, label: field{0x100A0, 64}, uuid: field{0x10100, 16}},
	{name: "ocfs", usage: Filesystem, magics: []magic{{0x2000, "OracleCFS"}}, check: ocfs, uuid: field{0x2272, 16}},
	{name: "ocfs2", usage: Filesystem, magics: []magic{{0x400, "OCFSV2"}, {0x800, "OCFSV2"}, {0x1000, "OCFSV2"}, {0x2000, "OCFSV2"}}, check: ocfs2},
	{name: "oracleasm", usage: Filesystem, magics: []magic{{32, "ORCLDISK"}}, label: field{40, 24}},
	{name: "vxfs", usage: Filesystem, magics: []magic{{0x400, "\xf5\xfc\x01\xa5"}, {0x2000, "\xa5\x01\xfc\xf5"}}},
	{name: "squashfs", usage: Filesystem, magics: []magic{{0, "hsqs"}}, check: squashfs4},
	{name: "squashfs3", usage: Filesystem, magics: []magic{{0, "hsqs"}, {0, "sqsh"}}, check: squashfs3},
	{name: "nss", usage: Filesystem, magics: []magic{{0x1000, "SPB5"}}, uuid: field{0x1000 + 348, 16}},
	{name: "btrfs", usage: Filesystem, magics: []magic{{0x10040, btrfsMagic}}, check: btrfs},
	{name: "ubifs", usage: Filesystem, magics: []magic{{0, "\x31\x18\x10\x06"}}, check: ubifs, uuid: field{108, 16}},
	{name: "bfs", usage: Filesystem, magics: []magic{{0, "\xce\xfa\xad\x1b"}}},
	{name: "VMFS", usage: Filesystem, magics: []magic{{0x200000, "\x5e\xf1\xab\x2f"}}, check: vmfs, label: field{0x20001D, 128}},
	{name: "befs", usage: Filesystem, magics: []magic{{0x20, "1SFB"}, {0x220, "1SFB"}, {0x20, "BFS1"}, {0x220, "BFS1"}}, check: befs},
	{name: "nilfs2", usage: Filesystem, magics: []magic{{0x406, "\x34\x34"}}, places: nilfsBackup, check: nilfs},
	{name: "exfat", usage: Filesystem, magics: []magic{{3, "EXFAT   "}, {510, bootMagic}}, check: exfat},
	{name: "f2fs", usage: Filesystem, magics: []magic{{0x400, f2fsMagic}}, check: f2fs},
	{name: "mpool", usage: Filesystem, magics: []magic{{0, "mpoolDev"}}, check: mpool, label: field{8, 32}, uuid: field{40, 16}},
	{name: "apfs", usage: Filesystem, magics: []magic{{32, "NXSB"}}, check: apfs, uuid: field{72, 16}},
	{name: "zonefs", usage: Filesystem, magics: []magic{{0, "SFOZ"}}, check: zonefs, label: field{8, 32}, uuid: field{40, 16}},
	{name: "erofs", usage: Filesystem, magics: []magic{{0x400, "\xe2\xe1\xf5\xe0"}}, label: field{0x400 + 64, 16}, uuid: field{0x400 + 48, 16}},
	{name: "scoutfs_meta", usage: Filesystem, magics: []magic{{0x10004, scoutMagic}}, check: scoutMeta, uuid: field{0x10038, 16}},
	{name: "scoutfs_data", usage: Filesystem, magics: []magic{{0x10004, scoutMagic}}, check: scoutData, uuid: field{0x10038, 16}},
}

const (
	btrfsMagic = "_BHRfS_M"
	f2fsMagic  = "\x10\x20\xf5\xf2"
	scoutMagic = "\x8b\x42\x3c\x10"
)

// lastOfPage places magics ten bytes before the end of the first page, for each size that a page may have (mkswap(8)).
func lastOfPage(all []magic, texts ...string) []magic {
	for page := int64(4096); page <= 64<<10; page *= 2 {
		for _, text := range texts {
			all = append(all, magic{page - 10, text})
		}
	}
	return all
}

const (
	swap1Magic    = "SWAPSPACE2"
	swap0Magic    = "SWAP-SPACE"
	tuxOnIceMagic = "\xed\xc3\x02\xe9\x98\x56\xe5\x0c"
)

func swapPlaces(*device) []magic { return lastOfPage(nil, swap1Magic, swap0Magic) }

// suspendPlaces are the places of the magics of a swap area with an image of the memory. TuxOnIce writes to the start of the
// area and keeps the area's own magic.
func suspendPlaces(*device) []magic {
	return lastOfPage([]magic{{0, tuxOnIceMagic}}, "S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001")
}

// ufsPlaces are the possible places of the superblock, with the magics of both byte orders (FreeBSD, ufs/ffs/fs.h; for its
// variants: kernel, fs/ufs/ufs_fs.h).
func ufsPlaces(*device) []magic {
	const magicAt = 1372
	var all []magic
	for _, start := range [...]int64{0, 8 << 10, 64 << 10, 256 << 10} {
		for _, n := range ufsMagics {
			all = append(all, magic{start + magicAt, string(le.AppendUint32(nil, n))}, magic{start + magicAt, string(be.AppendUint32(nil, n))})
		}
	}
	return all
}

const ufs2Magic = 0x19540119

var ufsMagics = [...]uint32{0x00011954, ufs2Magic, 0x00095014, 0x00195612, 0x00612195, 0x05231994}

// sysvPlaces are the second sector of filesystems whose first cylinders are of different length (kernel, fs/sysv/super.c).
func sysvPlaces(*device) []magic {
	var all []magic
	for _, block := range [...]int64{0, 9, 15, 18} {
		at := block<<10 + 512 + sysvMagicAt
		all = append(all, magic{at, "\x20\x7e\x18\xfd"}, magic{at, "\xfd\x18\x7e\x20"})
	}
	return all
}

const sysvMagicAt = 504
