// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"math/bits"
	"strings"
)

// geometry is the parameter block of a FAT filesystem (FAT specification 1.03, section 3).
type geometry struct {
	sector, cluster, reserved, fats, rootEntries int64 // cluster and reserved in sectors
	fatSectors, sectors                          int64
	wide                                         bool // FAT32
}

func (g geometry) rootSectors() int64 { return (g.rootEntries*32 + g.sector - 1) / g.sector }

func (g geometry) clusters() int64 {
	return (g.sectors - g.reserved - g.fats*g.fatSectors - g.rootSectors()) / g.cluster
}

// firstData returns the offset of the first cluster.
func (g geometry) firstData() int64 {
	return (g.reserved + g.fats*g.fatSectors + g.rootSectors()) * g.sector
}

// fatGeometry reads a parameter block and rejects one that no FAT filesystem has.
func fatGeometry(b []byte) (geometry, bool) {
	g := geometry{
		sector: int64(le.Uint16(b[11:])), cluster: int64(b[13]), reserved: int64(le.Uint16(b[14:])), fats: int64(b[16]),
		rootEntries: int64(le.Uint16(b[17:])), sectors: int64(le.Uint16(b[19:])), fatSectors: int64(le.Uint16(b[22:])),
	}
	if g.sectors == 0 {
		g.sectors = int64(le.Uint32(b[32:]))
	}
	if g.fatSectors == 0 {
		g.fatSectors, g.wide = int64(le.Uint32(b[36:])), true
	}
	power := func(n int64) bool { return bits.OnesCount64(uint64(n)) == 1 }
	media := b[21]
	if !power(g.sector) || g.sector < 512 || g.sector > 4096 || !power(g.cluster) || g.reserved == 0 || g.fats == 0 ||
		g.fatSectors == 0 || media < 0xF8 && media != 0xF0 {
		return g, false
	}
	limit := int64(0xFFF4)
	if g.wide {
		limit = 0x0FFFFFF6
	}
	return g, g.clusters() <= limit
}

// fat accepts FAT12, FAT16 and FAT32. No magic is sufficient, because boot sectors of other systems and master boot records
// may have it, too. The label is the one in the root directory, as for fatlabel(8) and blkid(8).
func fat(d *device, m magic, s *Signature) bool {
	b := d.at(0, 512)
	if len(m.text) <= 2 && (b[510] != 0x55 || b[511] != 0xAA || string(b[0x36:0x3E]) == "JFS     " || string(b[0x36:0x3E]) == "HPFS    ") {
		return false
	}
	if string(b[3:11]) == "NTFS    " || string(b[3:11]) == "EXFAT   " || string(b[3:11]) == "-FVE-FS-" {
		return false
	}
	g, ok := fatGeometry(b)
	if !ok {
		return false
	}
	serial := b[0x27:0x2B]
	switch {
	case g.wide:
		s.Version, serial = "FAT32", b[0x43:0x47]
		s.Label = d.fatChainLabel(g, int64(le.Uint32(b[44:])))
	case g.clusters() > 0xFF4:
		s.Version = "FAT16"
	default:
		s.Version = "FAT12"
	}
	if !g.wide {
		s.Label, _ = fatLabel(d.at((g.reserved+g.fats*g.fatSectors)*g.sector, int(g.rootEntries*32)))
	}
	s.UUID = fatSerial(serial)
	return true
}

// fatSerial returns the usual form of a serial number of four bytes; zero means none.
func fatSerial(b []byte) string {
	if le.Uint32(b) == 0 {
		return ""
	}
	return fmt.Sprintf("%02X%02X-%02X%02X", b[3], b[2], b[1], b[0])
}

// fatChainLabel looks for the label in a root directory that is a chain of clusters.
func (d *device) fatChainLabel(g geometry, cluster int64) string {
	for range 100 {
		if cluster < 2 || cluster >= 0x0FFFFFF0 {
			break
		}
		label, done := fatLabel(d.at(g.firstData()+(cluster-2)*g.cluster*g.sector, int(g.cluster*g.sector)))
		if done {
			return label
		}
		cluster = int64(le.Uint32(d.at(g.reserved*g.sector+cluster*4, 4)) & 0x0FFFFFFF)
	}
	return ""
}

// fatLabel looks for the label among directory entries; done means that the directory ends here.
func fatLabel(dir []byte) (label string, done bool) {
	const volume, longName = 0x08, 0x0F
	for ; len(dir) >= 32; dir = dir[32:] {
		switch attributes := dir[11]; {
		case dir[0] == 0:
			return "", true
		case dir[0] == 0xE5 || attributes&0x3F == longName || attributes&(volume|0x10) != volume:
			continue
		}
		name := strings.TrimRight(string(dir[:11]), " \x00")
		if name[:min(1, len(name))] == "\x05" {
			name = "\xE5" + name[1:]
		}
		return name, true
	}
	return "", false
}

// exfat also has its label in the root directory (exFAT specification 1.00, 7.3).
func exfat(d *device, _ magic, s *Signature) bool {
	b := d.at(0, 512)
	sectorShift, clusterShift := b[108], b[109]
	if string(b[3:11]) != "EXFAT   " || sectorShift < 9 || sectorShift > 12 || clusterShift > 25-sectorShift || b[510] != 0x55 || b[511] != 0xAA {
		return false
	}
	s.UUID = fatSerial(b[100:104])
	v := exfatVolume{d, int64(le.Uint32(b[80:])) << sectorShift, int64(le.Uint32(b[88:])) << sectorShift, int64(1) << (sectorShift + clusterShift)}
	s.Label = v.label(int64(le.Uint32(b[96:])))
	return true
}

// exfatVolume has the offsets of the parts of an exFAT filesystem, in bytes.
type exfatVolume struct {
	d                  *device
	fat, heap, cluster int64
}

// label looks through the first entries of the root directory, a chain of clusters.
func (v exfatVolume) label(cluster int64) string {
	const piece, pieces, volume = 512, 640, 0x83
	at := int64(0)
	for range pieces {
		if cluster < 2 || cluster > 0xFFFFFFF6 {
			break
		}
		dir := v.d.at(v.heap+(cluster-2)*v.cluster+at, piece)
		for ; len(dir) > 0; dir = dir[32:] {
			switch dir[0] {
			case 0:
				return ""
			case volume:
				return utf16Text(le, dir[2:][:2*min(11, int(dir[1]))])
			}
		}
		if at += piece; at >= v.cluster {
			at, cluster = 0, int64(le.Uint32(v.d.at(v.fat+4*cluster, 4)))
		}
	}
	return ""
}

// ntfs has its label in record 3 of the master file table, attribute 0x60.
func ntfs(d *device, _ magic, s *Signature) bool {
	b := d.at(0, 512)
	sector, cluster := int64(le.Uint16(b[11:])), int64(b[13])
	if cluster > 0x80 {
		cluster = 1 << (256 - cluster)
	}
	if string(b[3:11]) != "NTFS    " || sector < 256 || sector > 4096 || cluster == 0 || cluster > 4096 {
		return false
	}
	s.UUID = fmt.Sprintf("%016X", le.Uint64(b[72:]))
	record := int64(int8(b[64]))
	if record < 0 {
		record = 1 << min(-record, 16)
	} else {
		record *= cluster * sector
	}
	if record < 256 || record > 64<<10 || int64(le.Uint64(b[48:])) > d.size/(cluster*sector) {
		return true
	}
	s.Label = ntfsLabel(d.at(int64(le.Uint64(b[48:]))*cluster*sector+3*record, int(record)))
	return true
}

// ntfsLabel finds the volume name among the attributes of a file record.
func ntfsLabel(record []byte) string {
	if string(record[:4]) != "FILE" {
		return ""
	}
	for at := int(le.Uint16(record[20:])); at+24 <= len(record); {
		kind, length := le.Uint32(record[at:]), int(le.Uint32(record[at+4:]))
		if kind == 0xFFFFFFFF || length < 24 || length > len(record)-at {
			break
		}
		if kind == 0x60 {
			size, start := int(le.Uint32(record[at+16:])), int(le.Uint16(record[at+20:]))
			if start <= length && size >= 0 && size <= length-start { // an int has 32 bits on some machines
				return utf16Text(le, record[at+start:][:size])
			}
		}
		at += length
	}
	return ""
}
