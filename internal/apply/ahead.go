// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// Payloads from the network are fetched ahead of the steps that need them. When a stage begins, its sources start in the order
// of the config, a few at a time. Each is fetched into a file without a name on the filesystem where its content will be, so
// that the step merely names the file. A source that several steps use is fetched once and copied. A step waits for its source,
// and fails if the source fails. A step whose source has not started starts it itself, so that the order of steps cannot block
// the order of sources.

// How many sources of a stage are fetched at the same time, and how many may be complete but unused: each of those has an open
// file.
const (
	mostAhead  = 16
	mostUnused = 256
)

// ahead holds the sources of a stage.
type ahead struct {
	client  *fetch.Client
	root    *rootfs.Root
	order   []*source
	sources map[string]*source // by what is asked of the server
	slots   chan struct{}      // held by sources that are on their way
	unused  chan struct{}      // held by sources that were fetched ahead, until their last use
}

// A source is one payload.
type source struct {
	request fetch.Request
	place   string // of the first file that it is for, as in the config; empty: it is kept in memory
	claimed atomic.Bool
	counted bool // among the unused
	done    chan struct{}
	spool   *rootfs.Spool
	data    []byte
	err     error

	once bool // it is for one use only
	mu   sync.Mutex
	uses int // to come
}

// FetchAhead starts to fetch payloads; stop ends that.
func (m *Machine) FetchAhead(ctx context.Context, wants []op.Want, loads op.Payloads) (stop func()) {
	a := &ahead{
		client: m.Fetch, root: m.Root, sources: map[string]*source{},
		slots: make(chan struct{}, mostAhead), unused: make(chan struct{}, mostUnused),
	}
	for _, w := range wants {
		a.want(loads[w.Handle], w.Place)
	}
	if len(a.order) == 0 {
		return func() {}
	}
	m.ahead = a
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { a.run(ctx, &all) })
	return func() {
		cancel()
		all.Wait()
		for _, s := range a.order {
			s.drop()
		}
	}
}

// request identifies what is asked of the server for a payload.
func request(p op.Payload) fetch.Request {
	r := fetch.Request{URL: p.Source, Compression: p.Compression, Hash: p.Hash, Place: p.Place}
	for _, h := range p.Headers {
		r.Headers = append(r.Headers, fetch.Header{Name: h.Name, Value: h.Value})
	}
	return r
}

func (a *ahead) want(p op.Payload, place string) {
	r := request(p)
	s := a.sources[r.Key()]
	if s == nil {
		s = &source{request: r, place: place, done: make(chan struct{})}
		a.sources[r.Key()], a.order = s, append(a.order, s)
	}
	s.uses++
	s.once = s.uses == 1
}

// run starts the sources in their order.
func (a *ahead) run(ctx context.Context, all *sync.WaitGroup) {
	for _, s := range a.order {
		if !acquire(ctx, a.unused) {
			return
		}
		if !acquire(ctx, a.slots) {
			return
		}
		if !s.claimed.CompareAndSwap(false, true) {
			<-a.unused
			<-a.slots
			continue
		}
		s.counted = true
		all.Go(func() {
			a.fetch(ctx, s)
			<-a.slots
		})
	}
}

func acquire(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// fetch fetches a source that was claimed.
func (a *ahead) fetch(ctx context.Context, s *source) {
	defer close(s.done)
	if s.place == "" {
		s.data, s.err = a.client.Bytes(ctx, s.request, largestKey)
		return
	}
	if s.spool, s.err = a.root.Spool(s.place); s.err == nil {
		s.err = a.client.Fetch(ctx, s.request, s.spool)
	}
}

// get waits for a payload. It returns nil for one that is not fetched ahead.
func (a *ahead) get(ctx context.Context, p op.Payload) (*source, error) {
	if a == nil || p.Source == "" {
		return nil, nil
	}
	s := a.sources[request(p).Key()]
	if s == nil {
		return nil, nil
	}
	if s.claimed.CompareAndSwap(false, true) {
		if acquire(ctx, a.slots) {
			a.fetch(ctx, s)
			<-a.slots
		} else {
			s.err = ctx.Err()
			close(s.done)
		}
	}
	<-s.done
	return s, s.err
}

// bytes returns a payload that is kept in memory, or nil.
func (a *ahead) bytes(ctx context.Context, p op.Payload) ([]byte, error) {
	s, err := a.get(ctx, p)
	if s == nil || err != nil {
		return nil, err
	}
	return bytes.Clone(s.data), nil
}

// reader returns a payload, or nil. Closing the reader counts as a use.
func (a *ahead) reader(ctx context.Context, p op.Payload) (io.ReadCloser, error) {
	s, err := a.get(ctx, p)
	if s == nil || err != nil {
		return nil, err
	}
	content, err := s.spool.Reader()
	return used{content, func() { a.use(s) }}, err
}

// whole returns the spool of a payload that is used only once, or nil. The caller owns the spool.
func (a *ahead) whole(ctx context.Context, p op.Payload) (*rootfs.Spool, error) {
	s, err := a.get(ctx, p)
	if s == nil || err != nil || !s.once {
		return nil, err
	}
	spool := s.spool
	s.spool = nil
	a.use(s)
	return spool, nil
}

// use counts a use; the last one drops the payload.
func (a *ahead) use(s *source) {
	s.mu.Lock()
	s.uses--
	last := s.uses == 0
	s.mu.Unlock()
	if last {
		s.drop()
		if s.counted {
			<-a.unused
		}
	}
}

// drop releases the payload.
func (s *source) drop() {
	if s.spool != nil {
		s.spool.Close() // it has no name: nothing is lost
		s.spool = nil
	}
}

// used is a reader that reports when it is no longer needed.
type used struct {
	io.Reader
	close func()
}

func (u used) Close() error { u.close(); return nil }
