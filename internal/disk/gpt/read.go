// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// ErrNone is wrapped by Read's error for a disk without GUID partition table.
var ErrNone = errors.New("no GUID partition table")

// A Problem is a kind of damage.
type Problem string

// The problems. The first two hide the table from the kernel. The next write of the table fixes the others, as it writes
// both copies.
const (
	NoProtectiveMBR Problem = "the protective MBR is missing"
	PrimaryDamaged  Problem = "the primary table is damaged"
	BackupDamaged   Problem = "the backup table is damaged"
	BackupDiffers   Problem = "the backup table differs from the primary one"
	BackupMisplaced Problem = "the backup table is not at the end of the disk"
)

// Hides reports whether this problem hides a table from the kernel.
func (p Problem) Hides() bool { return p == NoProtectiveMBR || p == PrimaryDamaged }

// A Finding is one problem of a table, with its details.
type Finding struct {
	Problem Problem `json:"problem"`
	Detail  string  `json:"detail,omitempty"`
}

func (f Finding) String() string {
	if f.Detail == "" {
		return string(f.Problem)
	}
	return string(f.Problem) + ": " + f.Detail
}

// A Found is the result of reading a disk.
type Found struct {
	Table    Table     `json:"table"`
	Findings []Finding `json:"findings,omitempty"`
	Mark     *Mark     `json:"mark,omitempty"` // of a run of ours; nil: none

	entries []byte // as they are on the disk
}

// Hidden returns the first problem that hides the table from the kernel.
func (f Found) Hidden() (Finding, bool) {
	for _, finding := range f.Findings {
		if finding.Problem.Hides() {
			return finding, true
		}
	}
	return Finding{}, false
}

// header is one header as it is on the disk.
type header struct {
	self, other, first, last, array Sectors
	id                              GUID
	slots, entry                    int
	arrayCRC                        uint32
	mark                            *Mark
}

// copyOf is one of the two copies of a table.
type copyOf struct {
	header  header
	entries []byte
}

const (
	signature  = "EFI PART"
	revision   = 0x00010000
	headerSize = 92
)

var errNoHeader = errors.New("there is no header")

// Read reads both copies of the table of a disk of size bytes. The table is the primary copy if that is valid, or else the
// backup. The error wraps ErrNone if neither header exists.
func Read(r io.ReaderAt, size int64, sectorSize int) (Found, error) {
	if err := checkSectorSize(sectorSize); err != nil {
		return Found{}, err
	}
	sectors := Sectors(max(size, 0) / int64(sectorSize))
	if sectors < 4 {
		return Found{}, fmt.Errorf("read a partition table from %d sectors: %w", sectors, ErrNone)
	}
	rd := reader{r, sectorSize, sectors}
	primary, perr := rd.readCopy(1)
	last := sectors - 1
	backup, berr := rd.readCopy(last)
	misplaced := ""
	if perr == nil && berr != nil && primary.header.other > 1 && primary.header.other < last {
		if elsewhere, err := rd.readCopy(primary.header.other); err == nil {
			misplaced = fmt.Sprintf("it is in sector %d of %d", primary.header.other, sectors)
			backup, berr = elsewhere, nil
		}
	}
	if perr != nil && berr != nil {
		if errors.Is(perr, errNoHeader) && errors.Is(berr, errNoHeader) {
			return Found{}, fmt.Errorf("read partition table: %w", ErrNone)
		}
		return Found{}, fmt.Errorf("read partition table: both copies are damaged: primary: %w; backup: %w", perr, berr)
	}
	return rd.found(primary, backup, perr, berr, misplaced)
}

// found compares the two copies, of which at least one is valid.
func (rd reader) found(primary, backup copyOf, perr, berr error, misplaced string) (Found, error) {
	var f Found
	add := func(p Problem, detail string) { f.Findings = append(f.Findings, Finding{p, detail}) }
	source := primary
	switch {
	case perr != nil:
		add(PrimaryDamaged, perr.Error())
		source = backup
		// The backup does not tell where the primary array is. Only rare tools put it elsewhere.
		source.header.array, source.header.other = 2, source.header.self
	case berr != nil:
		add(BackupDamaged, berr.Error())
	case primary.header.id != backup.header.id || !bytes.Equal(primary.entries, backup.entries):
		add(BackupDiffers, "")
	}
	if misplaced != "" {
		add(BackupMisplaced, misplaced)
	}
	protected, err := rd.protected()
	if err != nil {
		return Found{}, err
	}
	if !protected {
		add(NoProtectiveMBR, "")
	}
	// The mark is read even if the entries of the backup are damaged, as they are while the backup is being rewritten. The
	// header and the mark have their own checksums.
	f.Mark = backup.header.mark
	f.Table, f.entries = rd.table(source, protected), source.entries
	if err := f.Table.check(); err != nil {
		return Found{}, fmt.Errorf("read partition table: %w", err)
	}
	return f, nil
}

// reader reads sectors.
type reader struct {
	r       io.ReaderAt
	size    int // of a sector, bytes
	sectors Sectors
}

func (rd reader) sectorsAt(first Sectors, length int) ([]byte, error) {
	buf := make([]byte, length)
	if n, err := rd.r.ReadAt(buf, int64(first)*int64(rd.size)); n < length {
		return nil, fmt.Errorf("read %d bytes at sector %d: %w", length, first, err)
	}
	return buf, nil
}

// readCopy reads the copy whose header is in a sector, and verifies both checksums. If only the entries are damaged, it returns the
// header with the error.
func (rd reader) readCopy(at Sectors) (copyOf, error) {
	raw, err := rd.sectorsAt(at, rd.size)
	if err != nil {
		return copyOf{}, err
	}
	h, err := rd.parseHeader(raw, at)
	if err != nil {
		return copyOf{}, err
	}
	entries, err := rd.sectorsAt(h.array, h.slots*h.entry)
	if err != nil {
		return copyOf{}, err
	}
	if crc32.ChecksumIEEE(entries) != h.arrayCRC {
		return copyOf{header: h}, errors.New("the checksum of the entries is wrong")
	}
	return copyOf{h, entries}, nil
}

// parseHeader decodes a header (UEFI 2.10, table 5.5) and rejects an impossible one.
func (rd reader) parseHeader(raw []byte, at Sectors) (header, error) {
	if string(raw[:8]) != signature {
		return header{}, errNoHeader
	}
	le := binary.LittleEndian
	length := le.Uint32(raw[12:])
	if length < headerSize || int64(length) > int64(rd.size) { // an int has 32 bits on some machines
		return header{}, fmt.Errorf("the header claims a size of %d bytes", length)
	}
	sum := bytes.Clone(raw[:length])
	clear(sum[16:20])
	if crc32.ChecksumIEEE(sum) != le.Uint32(raw[16:]) {
		return header{}, errors.New("the checksum of the header is wrong")
	}
	at64 := func(offset int) Sectors { return Sectors(le.Uint64(raw[offset:])) }
	h := header{
		self: at64(24), other: at64(32), first: at64(40), last: at64(48), array: at64(72),
		id: GUID(raw[56:72]), arrayCRC: le.Uint32(raw[88:]),
	}
	slots, entry := uint64(le.Uint32(raw[80:])), uint64(le.Uint32(raw[84:]))
	switch {
	case h.self != at:
		return header{}, fmt.Errorf("the header in sector %d says that it is in sector %d", at, h.self)
	case entry < entrySize || entry%8 != 0 || slots == 0 || slots > maxArrayRead/entry:
		return header{}, fmt.Errorf("the header claims %d entries of %d bytes", slots, entry)
	case h.first > h.last || h.last >= rd.sectors:
		return header{}, fmt.Errorf("the usable sectors %d to %d are not on the disk", h.first, h.last)
	case h.array < 2 || h.array >= rd.sectors:
		return header{}, fmt.Errorf("the header puts the entries in sector %d", h.array)
	}
	h.slots, h.entry = int(slots), int(entry)
	if length == headerSize {
		h.mark = parseMark(raw[headerSize:])
	}
	return h, nil
}

// protected reports whether sector 0 has an MBR with an entry of type 0xEE. Without it, the kernel does not look for a GUID
// partition table.
func (rd reader) protected() (bool, error) {
	raw, err := rd.sectorsAt(0, 512)
	if err != nil {
		return false, err
	}
	if raw[510] != 0x55 || raw[511] != 0xAA {
		return false, nil
	}
	for i := 446; i < 510; i += 16 {
		if raw[i+4] == 0xEE {
			return true, nil
		}
	}
	return false, nil
}

// table decodes a copy into a Table.
func (rd reader) table(c copyOf, protected bool) Table {
	t := Table{
		SectorSize: rd.size, Sectors: rd.sectors, ID: c.header.id,
		FirstUsable: c.header.first, LastUsable: c.header.last,
		Slots: c.header.slots, EntrySize: c.header.entry,
		Array: c.header.array, Backup: c.header.other, Protected: protected,
	}
	for i := range t.Slots {
		e := c.entries[i*t.EntrySize:][:t.EntrySize]
		if GUID(e[:16]).IsZero() {
			continue
		}
		le := binary.LittleEndian
		t.Partitions = append(t.Partitions, Partition{
			Number: i + 1, Type: GUID(e[:16]), ID: GUID(e[16:32]),
			First: Sectors(le.Uint64(e[32:])), Last: Sectors(le.Uint64(e[40:])),
			Attributes: le.Uint64(e[48:]), Label: decodeLabel(e[56:128]),
		})
	}
	return t
}

// decodeLabel decodes UTF-16 up to a zero; an unpaired surrogate becomes U+FFFD.
func decodeLabel(raw []byte) string {
	var units []uint16
	for i := 0; i+1 < len(raw); i += 2 {
		u := binary.LittleEndian.Uint16(raw[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
