// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

// members are the formats of devices that are a part of something larger.
func members() []format {
	return []format{
		{name: "linux_raid_member", usage: RAID, places: mdPlaces, check: md},
		{name: "linux_raid_member", usage: RAID, places: mdOldPlaces, check: mdOld},
		{name: "ddf_raid_member", usage: RAID, places: atEnd("\xDE\x11\xDE\x11", 512, 257*512)},
		{name: "isw_raid_member", usage: RAID, places: atEnd("Intel Raid ISM Cfg Sig. ", 1024, 2*4096)},
		{name: "LVM2_member", usage: RAID, magics: []magic{{0x218, lvmMagic}, {0x18, lvmMagic}, {0x418, lvmMagic}, {0x618, lvmMagic}}, check: lvm},
		{name: "zfs_member", usage: RAID, places: zfsPlaces, check: zfs},
		{name: "drbd", usage: RAID, places: drbdPlaces},
		{name: "ceph_bluestore", usage: Other, magics: one(0, "bluestore block device")},
		{name: "VMFS_volume_member", usage: RAID, magics: one(0x100000, "\x0d\xd0\x01\xc0")},
		{name: "stratis", usage: RAID, magics: []magic{{512 + 4, stratisMagic}, {9*512 + 4, stratisMagic}}, check: stratis},
	}
}

const (
	mdMagic      = "\xfc\x4e\x2b\xa9" // MD_SB_MAGIC of the kernel's md_p.h
	lvmMagic     = "LVM2 001"
	stratisMagic = "!Stra0tis\x86\xff\x02^\x41rh"
	zfsMagic     = "\x0c\xb1\xba\x00\x00\x00\x00\x00"
	zfsMagicBig  = "\x00\x00\x00\x00\x00\xba\xb1\x0c"
)

// atEnd places a magic at each of some distances from the end of the device.
func atEnd(text string, distances ...int64) func(*device) []magic {
	return func(d *device) []magic {
		var all []magic
		for _, n := range distances {
			all = append(all, magic{d.size - n, text})
		}
		return all
	}
}

// mdPlaces are those of metadata 1.1, 1.2 and 1.0: the start, 4 KiB behind it, and 8 to 12 KiB before the end (md(4)).
func mdPlaces(d *device) []magic {
	return []magic{{0, mdMagic}, {4096, mdMagic}, {((d.size/512 - 16) &^ 7) * 512, mdMagic}}
}

// md accepts a superblock of version 1 that knows its own place.
func md(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 256)
	minor := map[int64]string{0: "1.1", 4096: "1.2"}[m.offset]
	if minor == "" {
		minor = "1.0"
	}
	s.Version, s.UUID, s.Label = minor, uuid(sb[16:32]), text(sb[32:64])
	return le.Uint32(sb[4:]) == 1 && le.Uint64(sb[144:]) == uint64(m.offset/512)
}

// mdOldPlaces is that of metadata 0.90: the last whole 64 KiB block before the last 64 KiB; either byte order.
func mdOldPlaces(d *device) []magic {
	offset := d.size&^(64<<10-1) - 64<<10
	return []magic{{offset, mdMagic}, {offset, "\xa9\x2b\x4e\xfc"}}
}

func mdOld(d *device, m magic, s *Signature) bool {
	sb := d.at(m.offset, 64)
	order := le.Uint32
	if m.text != mdMagic {
		order = be.Uint32
	}
	id := make([]byte, 16)
	for i, offset := range []int{20, 52, 56, 60} {
		be.PutUint32(id[4*i:], order(sb[offset:]))
	}
	s.Version, s.UUID = "0."+strconv.Itoa(int(order(sb[8:])))+".0", uuid(id)
	return order(sb[4:]) == 0 && order(sb[8:]) == 90
}

// lvm accepts a label sector whose checksum is right: CRC-32 without final inversion, with a seed of its own.
func lvm(d *device, m magic, s *Signature) bool {
	start := m.offset - 0x18
	h := d.at(start, 512)
	if string(h[:8]) != "LABELONE" || le.Uint64(h[8:]) != uint64(start/512) ||
		^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, h[20:]) != le.Uint32(h[16:]) {
		return false
	}
	if at := le.Uint32(h[20:]); at <= 512-32 {
		id := h[at:][:32]
		s.UUID = fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", id[:6], id[6:10], id[10:14], id[14:18], id[18:22], id[22:26], id[26:])
	}
	s.Version = string(lvmMagic[:4])
	return true
}

// zfsPlaces are the uberblocks of the four labels of a pool member; each label has 128 of them.
func zfsPlaces(d *device) []magic {
	var all []magic
	const label = 256 << 10
	end := d.size &^ (label - 1)
	if end < 4*label {
		return nil
	}
	for _, start := range []int64{0, label, end - 2*label, end - label} {
		for i := range int64(128) {
			at := start + 128<<10 + i<<10
			all = append(all, magic{at, zfsMagic}, magic{at, zfsMagicBig})
		}
	}
	return all
}

// zfs takes four uberblocks for a pool: one alone may be left over.
func zfs(d *device, _ magic, _ *Signature) bool {
	n := 0
	for _, m := range zfsPlaces(d) {
		if n < 4 && d.has(m) {
			n++
		}
	}
	return n >= 4
}

// drbdPlaces is that of internal metadata: the last 4 KiB block of the device.
func drbdPlaces(d *device) []magic {
	end := d.size&^4095 - 4096
	return []magic{{end + 60, "\x83\x74\x02\x67"}, {end + 60, "\x83\x74\x02\x6b"}, {end + 60, "\x83\x74\x02\x6d"}}
}

func stratis(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset-4, 512)
	s.UUID = text(h[64:96])
	return crc32.Checksum(h[4:], castagnoli) == le.Uint32(h)
}
