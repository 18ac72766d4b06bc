// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"io"
	"sync"
)

// How many requests one server has to bear from us at the same time. One that has answered promptly gets more; one that
// fails is at once spared again.
const (
	fewPerHost  = 8
	mostPerHost = 16
	trustAfter  = 8 // answers in a row
)

// gates bounds the requests that are under way, by host and port.
type gates struct {
	mu    sync.Mutex
	hosts map[string]*gate
}

// A gate lets requests to one server through, in the order in which they come.
type gate struct {
	busy    int // under way
	good    int // answers since the last failure
	waiting []chan struct{}
}

func (g *gate) width() int {
	if g.good >= trustAfter {
		return mostPerHost
	}
	return fewPerHost
}

// open lets through as many as may be.
func (g *gate) open() {
	for len(g.waiting) > 0 && g.busy < g.width() {
		g.busy++
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}

// enter waits until a request to a host may be made. The caller ends with leave, once.
func (g *gates) enter(ctx context.Context, host string) error {
	turn := make(chan struct{})
	g.change(host, func(h *gate) { h.waiting = append(h.waiting, turn) })
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.change(host, func(h *gate) {
		for i, w := range h.waiting {
			if w == turn {
				h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
				return
			}
		}
		h.busy-- // it was let through at the same moment
	})
	return ctx.Err()
}

// answered notes whether a request was answered or has failed in a way that another attempt may heal.
func (g *gates) answered(host string, well bool) {
	g.change(host, func(h *gate) {
		if h.good++; !well {
			h.good = 0
		}
	})
}

// leave says that a request is over.
func (g *gates) leave(host string) { g.change(host, func(h *gate) { h.busy-- }) }

func (g *gates) change(host string, f func(*gate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hosts == nil {
		g.hosts = map[string]*gate{}
	}
	h := g.hosts[host]
	if h == nil {
		h = &gate{}
		g.hosts[host] = h
	}
	f(h)
	h.open()
}

// guarded is a body whose request is over when it is closed.
type guarded struct {
	io.ReadCloser
	leave func()
}

func (b guarded) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}
