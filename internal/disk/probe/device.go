// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"io"
	"sync"
)

// The device is read in blocks. Nearly all formats are in its first and last mebibyte. Each of the two is one read, because
// the number of requests costs more than their length.
const (
	blockSize = 64 << 10
	headSize  = 1<<20 + blockSize                 // up to the magic of a VMFS volume, at 1 MiB
	tailSize  = 1<<20 + blockSize                 // down to the last copy of bcachefs, 1 MiB before the end
	endSize   = max(headSize, tailSize+blockSize) // the tail begins with a whole block
)

// device reads from a device through a cache of blocks, because many formats read the same few places.
type device struct {
	r      io.ReaderAt
	size   int64
	sector int64 // logical sector, bytes
	blocks map[int64][]byte
	large  []*[endSize]byte // contents of the ends of the device
	err    error
}

// The ends of a device take 2.2 MB, and memory is scarce in an initramfs: at most this many devices are probed at the same
// time.
const most = 4

var (
	slots = make(chan struct{}, most)
	ends  sync.Pool // of *[endSize]byte
)

// release gives the memory of the blocks to the next device.
func (d *device) release() {
	for _, b := range d.large {
		ends.Put(b)
	}
	d.blocks, d.large = nil, nil
}

// space returns memory for n bytes.
func (d *device) space(n int64) []byte {
	if n <= blockSize || n > endSize {
		return make([]byte, n)
	}
	b, ok := ends.Get().(*[endSize]byte)
	if !ok {
		b = new([endSize]byte)
	}
	d.large = append(d.large, b)
	return b[:n]
}

func newDevice(r io.ReaderAt, size int64, sectorSize int) *device {
	return &device{r: r, size: size, sector: int64(sectorSize), blocks: map[int64][]byte{}}
}

// at returns n bytes at an offset, with zeros beyond the device, so that no caller must check lengths.
func (d *device) at(offset int64, n int) []byte {
	out := make([]byte, n)
	if offset < 0 || offset > d.size-int64(n) {
		return out
	}
	for filled := 0; filled < n && d.err == nil; {
		b := d.block((offset + int64(filled)) / blockSize)
		filled += copy(out[filled:], b[min(int64(len(b)), (offset+int64(filled))%blockSize):])
	}
	return out
}

// block returns a block, which is shorter at the end of the device.
func (d *device) block(i int64) []byte {
	if b, ok := d.blocks[i]; ok {
		return b
	}
	first, end := i*blockSize, min(i*blockSize+blockSize, d.size)
	tail := max(0, d.size-tailSize) &^ (blockSize - 1)
	if first < headSize {
		first, end = 0, min(headSize, d.size)
	} else if first >= tail {
		first, end = max(tail, headSize), d.size
	}
	d.load(first, end)
	return d.blocks[i]
}

// load reads whole blocks.
func (d *device) load(first, end int64) {
	b := d.space(end - first)
	if n, err := d.r.ReadAt(b, first); n < len(b) && d.err == nil {
		d.err = fmt.Errorf("read %d bytes at %d: %w", len(b), first, err)
	}
	for at := first; at < end; at += blockSize {
		d.blocks[at/blockSize] = b[at-first : min(at-first+blockSize, end-first)]
	}
}

// has reports whether a magic is on the device. It copies nothing, because most devices have few of the magics.
func (d *device) has(m magic) bool {
	if m.offset < 0 || m.offset > d.size-int64(len(m.text)) {
		return false
	}
	b := d.block(m.offset / blockSize)
	start := m.offset % blockSize
	if start+int64(len(m.text)) <= int64(len(b)) {
		return string(b[start:start+int64(len(m.text))]) == m.text
	}
	return string(d.at(m.offset, len(m.text))) == m.text
}
