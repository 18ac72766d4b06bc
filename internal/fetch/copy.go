// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"io"
	"sync"
	"sync/atomic"
)

// A payload is moved in chunks. While one is read and decompressed, the one before is hashed and, at the same time, written.
// The fourth is slack for a stage that is briefly slower.
const (
	chunkSize = 128 << 10 // bytes
	inFlight  = 4
)

// A chunk is a part of a payload.
type chunk struct {
	space [chunkSize]byte
	n     int          // bytes in use
	users atomic.Int32 // stages that are not done with it
}

func (o *rewindable) newChunk() *chunk {
	if c, ok := o.chunks.Get().(*chunk); ok {
		return c
	}
	return new(chunk)
}

// fill reads until the chunk is full. io.EOF means that this chunk completes the payload.
func (c *chunk) fill(r io.Reader) (err error) {
	c.n = 0
	for c.n < len(c.space) && err == nil {
		var n int
		n, err = r.Read(c.space[c.n:])
		c.n += n
	}
	return err
}

func (c *chunk) bytes() []byte { return c.space[:c.n] }

// copy decompresses a payload and writes it. When it returns, all writes have ended.
func (o *rewindable) copy(r io.Reader, compression string) error {
	plain, err := decompress(r, compression)
	if err != nil {
		return err
	}
	if inMemory, ok := plain.(io.WriterTo); ok {
		_, err := inMemory.WriteTo(o)
		return err
	}
	first := o.newChunk()
	err = first.fill(plain)
	if err == nil {
		if compression == "" {
			err = o.reserve()
		}
		if err == nil {
			return o.relay(plain, first)
		}
	}
	defer o.chunks.Put(first)
	if err == io.EOF {
		_, err = o.Write(first.bytes())
	}
	return err
}

// A relay moves a payload that is longer than a chunk.
type relay struct {
	empty  chan *chunk
	stages []chan *chunk
	all    sync.WaitGroup
	failed atomic.Pointer[error] // of the writer
}

// relay moves the rest of a payload, after a full first chunk.
func (o *rewindable) relay(r io.Reader, first *chunk) error {
	way := &relay{empty: make(chan *chunk, inFlight)}
	if o.digest != nil {
		way.stage(func(p []byte) error { o.hash(p); return nil })
	}
	way.stage(o.write)
	for range inFlight - 1 {
		way.empty <- o.newChunk()
	}
	way.send(first)
	err := way.run(r)
	for _, in := range way.stages {
		close(in)
	}
	way.all.Wait()
	for range inFlight {
		o.chunks.Put(<-way.empty)
	}
	if failed := way.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

// stage starts a stage of the relay. After an error the stage discards its chunks.
func (w *relay) stage(use func([]byte) error) {
	in := make(chan *chunk, inFlight)
	w.stages = append(w.stages, in)
	w.all.Go(func() {
		for c := range in {
			if w.failed.Load() == nil {
				if err := use(c.bytes()); err != nil {
					w.failed.Store(&err)
				}
			}
			if c.users.Add(-1) == 0 {
				w.empty <- c
			}
		}
	})
}

// send hands a chunk to all stages. It never blocks, because each stage has room for all chunks.
func (w *relay) send(c *chunk) {
	c.users.Store(int32(len(w.stages)))
	for _, in := range w.stages {
		in <- c
	}
}

// run reads until the payload is complete, broken, or cannot be written.
func (w *relay) run(r io.Reader) error {
	for w.failed.Load() == nil {
		c := <-w.empty
		err := c.fill(r)
		if err != nil && err != io.EOF {
			w.empty <- c
			return err
		}
		w.send(c)
		if err == io.EOF {
			return nil
		}
	}
	return nil
}
