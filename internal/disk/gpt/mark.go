// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A Mark is a record that a run leaves in the reserved bytes after the backup header. No tool reads these bytes, and every
// tool clears them when it writes the table. After a power cut, the mark tells the next boot which partitions are the work
// of an unfinished run.
type Mark struct {
	// Finished is set when the run's work on the disk is complete but the boot's work is not. Created and Again are then
	// empty, and Content lists the partitions that a later run could not resume.
	Finished bool `json:"finished,omitempty"`
	// Entry is a digest of the config's entry for the disk.
	Entry [32]byte `json:"entry"`
	// Created lists the partitions that the run made, by number.
	Created []int `json:"created,omitempty"`
	// Content lists the partitions whose contents the run was making.
	Content []int `json:"content,omitempty"`
	// Again lists those of Content that an earlier unfinished run was also making. Devices built on them cannot be trusted
	// either.
	Again []int `json:"again,omitempty"`
	// Numbers lists the numbers that the run gave to the config's partitions without number, in order.
	Numbers []int `json:"numbers,omitempty"`
}

// MaxMarked is the highest partition number that a mark can hold.
const MaxMarked = 256

const (
	markMagic  = "1STLIGHT"
	markLength = 8 + 4 + 1 + 1 + 2 + 32 + 3*32 + usualSlots // fits into 512-92 bytes
)

// Marked reports whether a disk of size bytes may hold a mark. It reads only the last sector; Read also checks that the mark is valid.
func Marked(r io.ReaderAt, size int64, sectorSize int) (bool, error) {
	if err := checkSectorSize(sectorSize); err != nil {
		return false, err
	}
	sectors := Sectors(size / int64(sectorSize))
	if sectors < 1 {
		return false, nil
	}
	raw, err := reader{r, sectorSize, sectors}.sectorsAt(sectors-1, sectorSize)
	return err == nil && bytes.HasPrefix(raw[headerSize:], []byte(markMagic)), err
}

// encode returns the mark's bytes: magic, checksum of the rest, finished, count of numbers, two bytes of zero,
// entry, created, content and again as bit sets, numbers less one. A nil mark has none.
func (m *Mark) encode() ([]byte, error) {
	if m == nil {
		return nil, nil
	}
	raw := make([]byte, markLength)
	copy(raw, markMagic)
	if m.Finished {
		raw[12] = 1
	}
	if len(m.Numbers) > usualSlots {
		return nil, fmt.Errorf("mark partition table: more than %d partitions without number", usualSlots)
	}
	raw[13] = byte(len(m.Numbers))
	copy(raw[16:], m.Entry[:])
	for i, set := range [][]int{m.Created, m.Content, m.Again} {
		for _, n := range set {
			if n >= 1 && n <= MaxMarked {
				raw[48+32*i+(n-1)/8] |= 1 << ((n - 1) % 8)
			}
		}
	}
	for i, n := range m.Numbers {
		if n < 1 || n > MaxMarked {
			return nil, fmt.Errorf("mark partition table: partition %d is beyond %d", n, MaxMarked)
		}
		raw[144+i] = byte(n - 1)
	}
	binary.LittleEndian.PutUint32(raw[8:], crc32.ChecksumIEEE(raw[12:]))
	return raw, nil
}

// parseMark reads the bytes after a header. It returns nil for anything but a valid mark.
func parseMark(raw []byte) *Mark {
	if len(raw) < markLength || !bytes.HasPrefix(raw, []byte(markMagic)) {
		return nil
	}
	raw = raw[:markLength]
	if crc32.ChecksumIEEE(raw[12:]) != binary.LittleEndian.Uint32(raw[8:]) || int(raw[13]) > usualSlots {
		return nil
	}
	m := &Mark{Finished: raw[12] == 1, Entry: [32]byte(raw[16:48])}
	for i, set := range []*[]int{&m.Created, &m.Content, &m.Again} {
		for n := 1; n <= MaxMarked; n++ {
			if raw[48+32*i+(n-1)/8]>>((n-1)%8)&1 == 1 {
				*set = append(*set, n)
			}
		}
	}
	for _, b := range raw[144:][:raw[13]] {
		m.Numbers = append(m.Numbers, int(b)+1)
	}
	return m
}
