// SPDX-License-Identifier: Apache-2.0

package probe

import "fmt"

// tables are the partition tables. The PMBR is the mark by which older systems know a disk with a GPT.
func tables() []format {
	return []format{
		{name: "gpt", usage: PartTable, places: gptPlaces, check: gpt},
		{name: "PMBR", usage: PartTable, magics: one(510, "\x55\xAA"), check: protective},
		{name: "dos", usage: PartTable, magics: one(510, "\x55\xAA"), check: dos},
		{name: "mac", usage: PartTable, magics: one(512, "PM\x00\x00"), check: mac},
		{name: "sgi", usage: PartTable, magics: one(0, "\x0b\xe5\xa9\x41")},
		{name: "sun", usage: PartTable, magics: one(508, "\xda\xbe"), check: sun},
		{name: "bsd", usage: PartTable, magics: []magic{{512, "\x57\x45\x56\x82"}, {64, "\x57\x45\x56\x82"}, {128, "\x57\x45\x56\x82"}}, check: bsd},
	}
}

// gptPlaces are the second and the last sector.
func gptPlaces(d *device) []magic {
	const text = "EFI PART"
	return []magic{{d.sector, text}, {(d.size/d.sector - 1) * d.sector, text}}
}

// gpt accepts a header that knows its own place; whether the table is whole is for package gpt to say.
func gpt(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset, 92)
	id := h[56:72]
	s.UUID = fmt.Sprintf("%x-%x-%x-%x-%x", reverse(id[0:4]), reverse(id[4:6]), reverse(id[6:8]), id[8:10], id[10:])
	return le.Uint64(h[24:]) == uint64(m.offset/d.sector)
}

func reverse(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
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

// EmptyTable is the Version of a master boot record that has no partition.
const EmptyTable = "empty"

// dos accepts a master boot record; the boot sector of a filesystem ends in the same two bytes.
func dos(d *device, m magic, s *Signature) bool {
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
	for _, start := range fatMagics() {
		if d.has(start) && fat(d, start, &ignored) {
			return false
		}
	}
	if first := string(d.at(3, 8)); first == "NTFS    " || first == "EXFAT   " || first == "-FVE-FS-" {
		return false
	}
	if id := le.Uint32(d.at(440, 4)); id != 0 {
		s.UUID = fmt.Sprintf("%08x", id)
	}
	return true
}

func mac(d *device, _ magic, _ *Signature) bool { return d.has(magic{0, "ER"}) }

// sun labels end in a checksum that makes the exclusive or of all words zero.
func sun(d *device, _ magic, _ *Signature) bool {
	var sum uint16
	label := d.at(0, 512)
	for i := 0; i < 512; i += 2 {
		sum ^= be.Uint16(label[i:])
	}
	return sum == 0
}

// bsd labels repeat their magic behind 132 bytes.
func bsd(d *device, m magic, _ *Signature) bool { return d.has(magic{m.offset + 132, m.text}) }
