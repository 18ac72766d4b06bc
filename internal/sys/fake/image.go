// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

const (
	pageSize   = 4096
	unit       = 512 // the smallest piece that can be unsynced
	unitsInOne = pageSize / unit
)

type page [pageSize]byte

// image is a sparse disk with a volatile layer. A write is volatile until the device that it went through is synced. Once
// that device is closed, a sync of any device of the same disk will do: closing writes the page cache back, and a sync
// flushes the drive.
type image struct {
	size    int64
	sector  int             // bytes that reach the disk together or not at all
	durable map[int64]*page // never changed once they are in the map: clones share them
	dirty   map[int64]*dirtyPage
}

// dirtyPage is the current content of a page with unsynced pieces.
type dirtyPage struct {
	data page
	by   [unitsInOne]string // node through which a piece was written; "": it is synced
}

// inDrive replaces the node of pieces whose device was closed.
const inDrive = "drive"

func newImage(size int64, sector int) *image {
	return &image{size: size, sector: sector, durable: map[int64]*page{}, dirty: map[int64]*dirtyPage{}}
}

func (i *image) clone() *image {
	c := &image{size: i.size, sector: i.sector, durable: maps.Clone(i.durable), dirty: make(map[int64]*dirtyPage, len(i.dirty))}
	for n, p := range i.dirty {
		copied := *p
		c.dirty[n] = &copied
	}
	return c
}

// read fills p with the current contents.
func (i *image) read(p []byte, offset int64) {
	for len(p) > 0 {
		n, at := offset/pageSize, offset%pageSize
		piece := p[:min(int64(len(p)), pageSize-at)]
		if d := i.dirty[n]; d != nil {
			copy(piece, d.data[at:])
		} else if d := i.durable[n]; d != nil {
			copy(piece, d[at:])
		} else {
			clear(piece)
		}
		p, offset = p[len(piece):], offset+int64(len(piece))
	}
}

// write changes the current contents. Zeros where nothing was ever written change nothing.
func (i *image) write(p []byte, offset int64, by string) {
	for len(p) > 0 {
		n, at := offset/pageSize, offset%pageSize
		piece := p[:min(int64(len(p)), pageSize-at)]
		d := i.dirty[n]
		if d == nil && (i.durable[n] != nil || !allZero(piece)) {
			d = &dirtyPage{}
			if old := i.durable[n]; old != nil {
				d.data = *old
			}
			i.dirty[n] = d
		}
		if d != nil {
			copy(d.data[at:], piece)
			for u := at / unit; u <= (at+int64(len(piece))-1)/unit; u++ {
				d.by[u] = by
			}
		}
		p, offset = p[len(piece):], offset+int64(len(piece))
	}
}

func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// sync makes durable the writes through a node and the drive's cache.
func (i *image) sync(node string) {
	for n, d := range i.dirty {
		i.settle(n, d, func(u int) bool { return d.by[u] == node || d.by[u] == inDrive })
	}
}

// closed hands the writes through a node to the drive.
func (i *image) closed(node string) {
	for _, d := range i.dirty {
		for u, by := range d.by {
			if by == node {
				d.by[u] = inDrive
			}
		}
	}
}

// settle makes the chosen pieces of a page durable.
func (i *image) settle(n int64, d *dirtyPage, keep func(u int) bool) {
	var next page
	if old := i.durable[n]; old != nil {
		next = *old
	}
	left, changed := false, false
	for u, by := range d.by {
		switch {
		case by == "":
		case keep(u):
			copy(next[u*unit:(u+1)*unit], d.data[u*unit:])
			d.by[u], changed = "", true
		default:
			left = true
		}
	}
	if changed {
		i.durable[n] = &next
	}
	if !left {
		delete(i.dirty, n)
	}
}

// digest writes all pages that are not blank.
func (i *image) digest(w io.Writer) {
	pages := map[int64]*page{}
	maps.Copy(pages, i.durable)
	for n, d := range i.dirty {
		pages[n] = &d.data
	}
	for _, n := range slices.Sorted(maps.Keys(pages)) {
		if !allZero(pages[n][:]) {
			fmt.Fprintln(w, n)
			w.Write(pages[n][:])
		}
	}
}

// cut drops all volatile sectors except those that keep chooses.
func (i *image) cut(keep func(sector int64) bool) {
	for _, n := range slices.Sorted(maps.Keys(i.dirty)) {
		d := i.dirty[n]
		decided := map[int64]bool{}
		i.settle(n, d, func(u int) bool {
			s := (n*pageSize + int64(u)*unit) / int64(i.sector)
			if _, known := decided[s]; !known {
				decided[s] = keep(s)
			}
			return decided[s]
		})
	}
	clear(i.dirty)
}
