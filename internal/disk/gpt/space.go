// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"math/bits"
)

// A Block is a run of free sectors, both ends included.
type Block struct{ First, Last Sectors }

func (b Block) size() Sectors { return b.Last - b.First + 1 }

// Free returns the free blocks of the usable area, in order.
func (t Table) Free() []Block {
	var free []Block
	next := t.FirstUsable
	for _, p := range t.byFirst() {
		if p.First > next && next <= t.LastUsable {
			free = append(free, Block{next, min(p.First-1, t.LastUsable)})
		}
		next = max(next, p.Last+1)
	}
	if next <= t.LastUsable {
		free = append(free, Block{next, t.LastUsable})
	}
	return free
}

// largest returns the largest free block, the first of equals.
func (t Table) largest() (Block, bool) {
	var best Block
	found := false
	for _, b := range t.Free() {
		if !found || b.size() > best.size() {
			best, found = b, true
		}
	}
	return best, found
}

// Disks of at least this size, 300 GB, count as having physical sectors of 4096 bytes, whatever they report. Partitions on
// them are aligned to at least 8 sectors (sgdisk(8), --set-alignment).
const (
	advancedFormat = 586072368
	leastAdvanced  = 8
)

// alignment returns the multiple on which partitions without a given start begin: 1 MiB, or less if
// existing partitions show that the disk is aligned more finely (sgdisk(8), --set-alignment).
func (t Table) alignment() Sectors {
	align := Sectors(1 << bits.Len64(uint64((1<<20)/t.SectorSize)) >> 1)
	for _, p := range t.Partitions {
		for align > 1 && p.First%align != 0 {
			align /= 2
		}
	}
	if align < leastAdvanced && t.Sectors >= advancedFormat {
		align = leastAdvanced
	}
	return align
}

// start returns the first sector, in a free block, of a partition without a given start: a multiple of align, unless the
// block has none.
func (b Block) start(align Sectors) Sectors {
	up := (b.First + align - 1) / align * align
	if up > b.Last {
		return b.First
	}
	return up
}
