// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

// members are the formats of devices that are part of a larger device, or that replace another one. Those of RAID
// controllers are in the last sectors of a disk.
var members = []format{
	{name: "linux_raid_member", usage: RAID, places: mdPlaces, check: md},
	{name: "linux_raid_member", usage: RAID, places: mdOldPlaces, check: mdOld},
	{name: "ddf_raid_member", usage: RAID, magics: []magic{{-512, ddfMagic}, {-257 * 512, ddfMagic}}, check: ddf},
	{name: "isw_raid_member", usage: RAID, magics: []magic{{-2 * 512, iswMagic}, {-2 * 4096, iswMagic}}},
	{name: "lsi_mega_raid_member", usage: RAID, magics: []magic{{-512, "$XIDE$"}}},
	{name: "via_raid_member", usage: RAID, magics: []magic{{-512, "\x55\xAA"}}, check: via},
	{name: "silicon_medley_raid_member", usage: RAID, magics: []magic{{0x60 - 512, "\x00\x00\x00\x2f"}}, check: silicon},
	{name: "nvidia_raid_member", usage: RAID, magics: []magic{{-2 * 512, "NVIDIA  "}}, check: nvidia},
	{name: "promise_fasttrack_raid_member", usage: RAID, places: promisePlaces},
	{name: "hpt45x_raid_member", usage: RAID, magics: []magic{{-11 * 512, "\xf3\x16\x78\x5a"}, {-11 * 512, "\xfd\x16\x78\x5a"}}},
	{name: "hpt37x_raid_member", usage: RAID, magics: []magic{{9*512 + 32, "\xf0\x16\x78\x5a"}, {9*512 + 32, "\xfd\x16\x78\x5a"}}},
	{name: "adaptec_raid_member", usage: RAID, magics: []magic{{-512, "\x37\xfc\x4d\x1e"}}, check: adaptec},
	{name: "jmicron_raid_member", usage: RAID, magics: []magic{{-512, "JM"}}, check: jmicron},
	{name: "bcache", usage: Other, magics: []magic{{0x1018, bcacheMagic}}, check: bcache, label: field{0x1048, 32}, uuid: field{0x1028, 16}},
	{name: "bcachefs", usage: Filesystem, magics: []magic{{0x1018, bcacheMagic}, {0x1018, bcachefsMagic},
		{0x200018, bcachefsMagic}, {0x18 - 1<<20, bcachefsMagic}}, check: bcachefs},
	{name: "ceph_bluestore", usage: Other, magics: []magic{{0, "bluestore block device"}}},
	{name: "drbd", usage: RAID, magics: []magic{{60 - 4096, drbd08Magic}, {60 - 4096, drbd84Magic}, {60 - 4096, drbd09Magic}}, check: drbd},
	{name: "drbdmanage_control_volume", usage: Other, magics: []magic{{0, "$DRBDmgr=q"}}, check: drbdmanage, uuid: field{11, 32}},
	{name: "drbdproxy_datalog", usage: Filesystem, magics: []magic{{0, "DRBDdlh*"}}, uuid: field{16, 16}},
	{name: "LVM2_member", usage: RAID, magics: []magic{{0x218, lvmMagic}, {0x18, lvmMagic}, {0x418, lvmMagic}, {0x618, lvmMagic}}, check: lvm},
	{name: "LVM1_member", usage: RAID, magics: []magic{{0, "HM\x01\x00"}, {0, "HM\x02\x00"}}, check: lvm1},
	{name: "DM_snapshot_cow", usage: Other, magics: []magic{{0, "SnAp"}}},
}

const (
	mdMagic       = "\xfc\x4e\x2b\xa9" // MD_SB_MAGIC of the kernel's md_p.h
	ddfMagic      = "\xDE\x11\xDE\x11" // SNIA Common RAID Disk Data Format 2.0, 5.5
	iswMagic      = "Intel Raid ISM Cfg Sig. "
	lvmMagic      = "LVM2 001"
	stratisMagic  = "!Stra0tis\x86\xff\x02^\x41rh"
	bcacheMagic   = "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"
	bcachefsMagic = "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"
	drbd08Magic   = "\x83\x74\x02\x6b" // drbd_int.h: DRBD_MD_MAGIC_08
	drbd84Magic   = "\x83\x74\x02\x6c" // DRBD_MD_MAGIC_84_UNCLEAN
	drbd09Magic   = "\x83\x74\x02\x6d" // DRBD_MD_MAGIC_09
)

// mdPlaces are the places of metadata 1.1, 1.2 and 1.0: the start, 4 KiB after it, and 8 to 12 KiB before the end (md(4)).
func mdPlaces(d *device) []magic {
	return []magic{{0, mdMagic}, {4096, mdMagic}, {((d.size/512 - 16) &^ 7) * 512, mdMagic}}
}

// md accepts a superblock of version 1 that contains its own offset.
func md(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 256)
	minor := map[int64]string{0: "1.1", 4096: "1.2"}[m.offset]
	if minor == "" {
		minor = "1.0"
	}
	s.Version, s.UUID, s.Label = minor, uuid(sb[16:32]), text(sb[32:64])
	return le.Uint32(sb[4:]) == 1 && le.Uint64(sb[144:]) == uint64(m.offset/512)
}

// mdOldPlaces is the place of metadata 0.90: the last whole 64 KiB block before the last 64 KiB; either byte order.
func mdOldPlaces(d *device) []magic {
	offset := d.size&^(64<<10-1) - 64<<10
	return []magic{{offset, mdMagic}, {offset, "\xa9\x2b\x4e\xfc"}}
}

func mdOld(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 64)
	number := order(m.text != mdMagic).Uint32
	id := make([]byte, 16)
	for i, offset := range []int{20, 52, 56, 60} {
		be.PutUint32(id[4*i:], number(sb[offset:]))
	}
	s.Version, s.UUID = "0."+strconv.Itoa(int(number(sb[8:])))+".0", uuid(id)
	return number(sb[4:]) == 0 && number(sb[8:]) == 90
}

// bcache has its own offset, in sectors, in a field where bcachefs has a part of its checksum.
func bcache(d *device, m magic, _ *Signature) bool {
	return le.Uint64(d.at(m.offset-16, 8)) == uint64(m.offset-24)/512
}

// bcachefs took over the magic of bcache at first. The backups are at 2 MiB and 1 MiB before the end. A device with only
// backups with the old magic counts as empty, as for wipefs(8).
func bcachefs(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset-24, 256)
	s.UUID, s.Label = uuid(sb[56:72]), text(sb[72:104])
	if m.text == bcacheMagic {
		within(d, s, []magic{{0x200018, bcacheMagic}, {d.size - 1<<20 + 0x18, bcacheMagic}}, bcachefsSuper)
	}
	return bcachefsSuper(d, m, s)
}

// bcachefsSuper accepts a superblock whose layout repeats the magic and whose list of devices has its own device.
func bcachefsSuper(d *device, m magic, _ *Signature) bool {
	sb := d.at(m.offset-24, 256)
	return string(sb[240:256]) == m.text && sb[122] < sb[123]
}

// drbd has internal metadata at its end. The size of its bitmap's blocks is 4 KiB, in later versions a larger power of two.
func drbd(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset-60, 128)
	id := h[40:48]
	if m.text == drbd09Magic {
		id = h[48:56]
	}
	s.UUID = fmt.Sprintf("%016x", be.Uint64(id))
	n := be.Uint32(h[80:])
	return n >= 4096 && n&(n-1) == 0
}

// drbdmanage identifies its control volume by a line of 32 hexadecimal digits.
func drbdmanage(d *device, _ magic, _ *Signature) bool {
	h := d.at(0, 44)
	for _, c := range h[11:43] {
		if !hexDigit(c) {
			return false
		}
	}
	return h[43] == '\n'
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// lvm accepts a label sector with a correct checksum: CRC-32 without final inversion, with LVM's own seed.
func lvm(d *device, m magic, s *Signature) bool {
	start := m.offset - 0x18
	h := d.at(start, 512)
	if string(h[:8]) != "LABELONE" || le.Uint64(h[8:]) != uint64(start/512) ||
		^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, h[20:]) != le.Uint32(h[16:]) {
		return false
	}
	if at := le.Uint32(h[20:]); at <= 512-32 {
		s.UUID = lvmUUID(h[at:])
	}
	s.Version = lvmMagic[:4]
	return true
}

func lvm1(d *device, _ magic, s *Signature) bool {
	s.UUID = lvmUUID(d.at(0x2C, 32))
	return true
}

// lvmUUID returns the usual form of LVM's identifiers: 32 letters and digits in seven groups.
func lvmUUID(id []byte) string {
	return fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", id[:6], id[6:10], id[10:14], id[14:18], id[18:22], id[22:26], id[26:32])
}

// ubi identifies an image by a number; its header has a CRC-32 without final inversion (kernel, ubi-media.h).
func ubi(d *device, _ magic, s *Signature) bool {
	h := d.at(0, 64)
	s.UUID = strconv.FormatUint(uint64(be.Uint32(h[24:])), 10)
	return ^crc32.ChecksumIEEE(h[:60]) == be.Uint32(h[60:])
}

func stratis(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset-4, 512)
	s.UUID = dashed(text(h[64:96]))
	return crc32.Checksum(h[4:], castagnoli()) == le.Uint32(h)
}

// dashed puts the usual dashes into a UUID that is stored as 32 digits.
func dashed(id string) string {
	if len(id) != 32 {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}
