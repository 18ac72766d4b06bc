// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"unicode/utf16"
)

// A Write is data for one place on a disk.
type Write struct {
	Offset int64 // bytes
	Data   []byte
}

// Encode returns the writes of the table to a disk, in groups. Each group must be durable before the next one begins. The
// backup copy comes first, so that one copy is valid at every moment. If the primary copy of the same table is damaged, it
// is first repaired from the backup, which is then the only valid copy. Entries are durable before the header that describes
// them, so a power cut that keeps only some of a group's sectors leaves no header without its entries. A missing protective
// MBR comes last, so that no program sees an incomplete table. A mark, if given, goes into the backup header.
//
// Entries that are in old as they are in t keep all their bytes, those included that Partition does not show.
func (t Table) Encode(old Found, mark *Mark) ([][]Write, error) {
	t = t.atEnd()
	if t.Array < 2 || t.Array+t.arraySectors() > t.FirstUsable || t.LastUsable+t.arraySectors() >= t.Backup {
		return nil, fmt.Errorf("encode partition table: its copies do not fit around the usable sectors %d to %d",
			t.FirstUsable, t.LastUsable)
	}
	entries, err := t.encodeEntries(old)
	if err != nil {
		return nil, err
	}
	raw, err := mark.encode()
	if err != nil {
		return nil, err
	}
	backupHeader, backupArray := t.header(entries, true), t.Backup-t.arraySectors()
	copy(backupHeader[headerSize:], raw)
	groups := append(old.repair(t.ID),
		[]Write{t.write(backupArray, entries)}, []Write{t.write(t.Backup, backupHeader)},
		[]Write{t.write(t.Array, entries)}, []Write{t.write(1, t.header(entries, false))})
	if !t.Protected {
		groups = append(groups, []Write{t.write(0, t.protectiveMBR())})
	}
	return groups, nil
}

// repair returns the writes that restore a damaged primary copy of the table with this ID from the backup.
func (f Found) repair(id GUID) [][]Write {
	damaged := slices.ContainsFunc(f.Findings, func(f Finding) bool { return f.Problem == PrimaryDamaged })
	if !damaged || f.Table.ID != id {
		return nil
	}
	t := f.Table
	return [][]Write{{t.write(t.Array, f.entries)}, {t.write(1, t.header(f.entries, false))}}
}

// EncodeMark returns the write that replaces the mark in the backup header of a table, or removes it if the mark is nil.
func (f Found) EncodeMark(mark *Mark) (Write, error) {
	raw, err := mark.encode()
	if err != nil {
		return Write{}, err
	}
	if f.Table.Backup != f.Table.Sectors-1 {
		return Write{}, fmt.Errorf("mark partition table: %s", BackupMisplaced)
	}
	h := f.Table.header(f.entries, true)
	copy(h[headerSize:], raw)
	return f.Table.write(f.Table.Backup, h), nil
}

// Extents returns the sectors that Encode writes to.
func (t Table) Extents() []Block {
	t = t.atEnd()
	blocks := []Block{{1, 1}, {t.Array, t.Array + t.arraySectors() - 1}, {t.Backup - t.arraySectors(), t.Backup}}
	if !t.Protected {
		blocks[0].First = 0
	}
	return blocks
}

// ZapExtents returns the sectors that must be zeroed to remove a partition table from a disk of this size. They include the
// places of the current table, if there is one.
func ZapExtents(sectorSize int, sectors Sectors, old *Table) []Block {
	array := Sectors((usualSlots*entrySize + sectorSize - 1) / sectorSize)
	if sectors < 2*(array+2) {
		return []Block{{0, sectors - 1}}
	}
	blocks := []Block{{0, array + 1}, {sectors - array - 1, sectors - 1}}
	if old != nil {
		n := old.arraySectors()
		blocks = append(blocks, Block{old.Array, old.Array + n - 1}, Block{old.Backup - n, old.Backup})
	}
	return blocks
}

// atEnd returns the table with its backup moved to the end of the disk, if the disk has grown.
func (t Table) atEnd() Table {
	if t.Backup != t.Sectors-1 {
		t.Backup, t.LastUsable = t.Sectors-1, t.lastUsableAtEnd()
	}
	return t
}

func (t Table) write(at Sectors, data []byte) Write {
	return Write{Offset: int64(at) * int64(t.SectorSize), Data: data}
}

// encodeEntries returns the array of entries (UEFI 2.10, table 5.6).
func (t Table) encodeEntries(old Found) ([]byte, error) {
	array := make([]byte, t.Slots*t.EntrySize)
	le := binary.LittleEndian
	for _, p := range t.Partitions {
		if p.Number < 1 || p.Number > t.Slots {
			return nil, fmt.Errorf("encode %s: the table has slots 1 to %d", p, t.Slots)
		}
		e := array[(p.Number-1)*t.EntrySize:][:t.EntrySize]
		if same, ok := old.Table.Find(p.Number); ok && same == p && old.Table.EntrySize == t.EntrySize {
			copy(e, old.entries[(p.Number-1)*t.EntrySize:])
			continue
		}
		label := utf16.Encode([]rune(p.Label))
		if len(label) > maxLabel {
			return nil, fmt.Errorf("encode %s: the label is longer than %d characters", p, maxLabel)
		}
		copy(e[0:], p.Type[:])
		copy(e[16:], p.ID[:])
		le.PutUint64(e[32:], uint64(p.First))
		le.PutUint64(e[40:], uint64(p.Last))
		le.PutUint64(e[48:], p.Attributes)
		for i, u := range label {
			le.PutUint16(e[56+2*i:], u)
		}
	}
	return array, nil
}

// header returns the sector of one header (UEFI 2.10, table 5.5).
func (t Table) header(entries []byte, backup bool) []byte {
	h := make([]byte, t.SectorSize)
	le := binary.LittleEndian
	self, other, array := Sectors(1), t.Backup, t.Array
	if backup {
		self, other, array = t.Backup, 1, t.Backup-t.arraySectors()
	}
	copy(h, signature)
	le.PutUint32(h[8:], revision)
	le.PutUint32(h[12:], headerSize)
	le.PutUint64(h[24:], uint64(self))
	le.PutUint64(h[32:], uint64(other))
	le.PutUint64(h[40:], uint64(t.FirstUsable))
	le.PutUint64(h[48:], uint64(t.LastUsable))
	copy(h[56:], t.ID[:])
	le.PutUint64(h[72:], uint64(array))
	le.PutUint32(h[80:], uint32(t.Slots))
	le.PutUint32(h[84:], uint32(t.EntrySize))
	le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:headerSize]))
	return h
}

// protectiveMBR returns sector 0 of a disk that has only a GUID partition table (UEFI 2.10, 5.2.3).
func (t Table) protectiveMBR() []byte {
	mbr := make([]byte, t.SectorSize)
	copy(mbr[446:], []byte{0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF})
	binary.LittleEndian.PutUint32(mbr[454:], 1)
	binary.LittleEndian.PutUint32(mbr[458:], uint32(min(t.Sectors-1, 0xFFFFFFFF)))
	mbr[510], mbr[511] = 0x55, 0xAA
	return mbr
}
