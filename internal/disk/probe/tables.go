// SPDX-License-Identifier: Apache-2.0

package probe

import "fmt"

// tables are the partition tables. The PMBR shows older systems that a disk has a GPT.
var tables = []format{
	{name: "gpt", usage: PartTable, places: gptPlaces, check: gpt},
	{name: "PMBR", usage: PartTable, magics: []magic{{510, bootMagic}}, check: protective},
	{name: "dos", usage: PartTable, magics: []magic{{510, bootMagic}}, check: dos},
	{name: "aix", usage: PartTable, magics: []magic{{0, "\xc9\xc2\xd4\xc1"}}}, // IBMA in EBCDIC
	{name: "sgi", usage: PartTable, magics: []magic{{0, "\x0b\xe5\xa9\x41"}}},
	{name: "sun", usage: PartTable, magics: []magic{{508, "\xda\xbe"}}, check: sun},
	{name: "mac", usage: PartTable, magics: []magic{{0, "ER"}}, check: mac},
	{name: "ultrix", usage: PartTable, magics: []magic{{0x4000 - 72, "\x57\x29\x03"}}, check: ultrix},
	{name: "bsd", usage: PartTable, magics: []magic{{512, bsdMagic}, {64, bsdMagic}, {128, bsdMagic}}, check: bsd},
	{name: "unixware", usage: PartTable, magics: []magic{{29*512 + 4, "\x0d\x60\x5e\xca"}}, check: unixware},
	{name: "solaris", usage: PartTable, magics: []magic{{512 + 12, "\xee\xde\x0d\x60"}}, check: solaris},
	{name: "atari", usage: PartTable, places: atariPlaces},
	{name: "dasd", usage: PartTable, places: dasdPlaces},
}

const (
	bootMagic = "\x55\xAA"
	bsdMagic  = "\x57\x45\x56\x82"
)

// gptPlaces are the second and the last sector.
func gptPlaces(d *device) []magic {
	const text = "EFI PART"
	return []magic{{d.sector, text}, {(d.size/d.sector - 1) * d.sector, text}}
}

// gpt accepts a header that contains its own sector. Package gpt decides whether the table is valid.
func gpt(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset, 92)
	s.UUID = guid(h[56:])
	if d.gptEmpty(h) {
		s.Version = EmptyTable
	}
	return le.Uint64(h[24:]) == uint64(m.offset/d.sector)
}

// gptEmpty reports whether a table has no partition, by the header: entries of the usual size and number, all unused.
func (d *device) gptEmpty(h []byte) bool {
	const entry, entries = 128, 128
	first := le.Uint64(h[72:])
	if first >= uint64(d.size/d.sector) || le.Uint32(h[80:]) > entries || le.Uint32(h[84:]) != entry {
		return false
	}
	all := d.at(int64(first)*d.sector, entry*int(le.Uint32(h[80:])))
	for ; len(all) >= entry; all = all[entry:] {
		if !zero(all[:16]) {
			return false
		}
	}
	return true
}

// mbrEntries returns the four entries of sector 0.
func mbrEntries(d *device) (entries [4][]byte) {
	for i := range entries {
		entries[i] = d.at(446+16*int64(i), 16)
	}
	return entries
}

func protective(d *device, _ magic, _ *Signature) bool {
	for _, e := range mbrEntries(d) {
		if e[4] == 0xEE {
			return true
		}
	}
	return false
}

// EmptyTable is the Version of a GUID partition table or master boot record without partitions.
const EmptyTable = "empty"

// dos accepts a master boot record, but not the boot sector of a filesystem, which ends in the same two bytes.
func dos(d *device, _ magic, s *Signature) bool {
	s.Version = EmptyTable
	for _, e := range mbrEntries(d) {
		if e[0] != 0 && e[0] != 0x80 || e[4] == 0xEE {
			return false
		}
		if e[4] != 0 {
			s.Version = ""
		}
	}
	var ignored Signature
	for _, start := range fatMagics {
		if d.has(start) && fat(d, start, &ignored) {
			return false
		}
	}
	switch string(d.at(3, 8)) {
	case "NTFS    ", "EXFAT   ", bitLockerMagic:
		return false
	}
	if id := le.Uint32(d.at(440, 4)); id != 0 {
		s.UUID = fmt.Sprintf("%08x", id)
	}
	return true
}

// mac accepts a driver descriptor before a partition map, which begins in the second block. The descriptor has the block
// size. The second signature is that of old maps.
func mac(d *device, m magic, _ *Signature) bool {
	block := int64(be.Uint16(d.at(2, 2)))
	if block < 512 {
		return false
	}
	block &^= 511
	return d.has(magic{block, "PM"}) || d.has(magic{block, "TS"})
}

// sun labels end in a checksum that makes the exclusive or of all words zero.
func sun(d *device, _ magic, _ *Signature) bool {
	var sum uint16
	label := d.at(0, 512)
	for i := 0; i < 512; i += 2 {
		sum ^= be.Uint16(label[i:])
	}
	return sum == 0
}

// ultrix sets a flag in a label that is valid.
func ultrix(d *device, m magic, _ *Signature) bool { return le.Uint32(d.at(m.offset+4, 4)) == 1 }

// bsd labels repeat their magic after 132 bytes.
func bsd(d *device, m magic, _ *Signature) bool { return d.has(magic{m.offset + 132, m.text}) }

// unixware has a second magic, that of its table of contents.
func unixware(d *device, m magic, _ *Signature) bool {
	return d.has(magic{m.offset - 4 + 0x9C, "\xee\xde\x0d\x60"})
}

func solaris(d *device, m magic, _ *Signature) bool { return le.Uint32(d.at(m.offset+4, 4)) == 1 }

// atariPlaces are the entries that are partitions. The root sector has no magic. An entry counts if its flag is set, its
// type is three letters or digits, and it fits the disk, which has sectors of 512 bytes and is no larger than the device
// (kernel, block/partitions/atari.c).
func atariPlaces(d *device) []magic {
	const first, size = 0x1C6, 12
	sectors := uint64(d.size / 512)
	disk := uint64(be.Uint32(d.at(first-4, 4)))
	if disk > sectors || d.sector != 512 {
		return nil
	}
	var all []magic
	for at := int64(first); at < first+4*size; at += size {
		e := d.at(at, size)
		start, length := uint64(be.Uint32(e[4:])), uint64(be.Uint32(e[8:]))
		if e[0]&1 != 0 && alphanumeric(e[1]) && alphanumeric(e[2]) && alphanumeric(e[3]) && start > 0 && length > 0 && start+length <= disk {
			all = append(all, magic{at, string(e[:4])})
		}
	}
	return all
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// dasdPlaces are the third block of ECKD disks and the second of FBA disks, with blocks of 512 to 4096 bytes: volume labels VOL1, twice in the compatible disk
// layout, LNX1 and CMS1, in EBCDIC (kernel, block/partitions/ibm.c).
func dasdPlaces(d *device) []magic {
	var all []magic
	for at := int64(512); at <= 2*4096; at *= 2 {
		all = append(all, magic{at, "\xe5\xd6\xd3\xf1\xe5\xd6\xd3\xf1"}, magic{at, "\xd3\xd5\xe7\xf1"}, magic{at, "\xc3\xd4\xe2\xf1"})
	}
	return all
}
