// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"sync"
)

// How many requests the client makes to one server at the same time. A server that answers promptly gets more; one that
// fails gets fewer again at once.
const (
	fewPerHost  = 8
	MostPerHost = 16 // the most, ever
	trustAfter  = 8  // answers in a row
)

// Limits bounds the running requests by host and port. The zero value is ready for use.
type Limits struct {
	mu    sync.Mutex
	hosts map[string]*hostLimit
}

// A hostLimit admits requests to one server in order of arrival.
type hostLimit struct {
	busy    int // running requests
	good    int // answers since the last failure
	waiting []chan struct{}
}

func (h *hostLimit) width() int {
	if h.good >= trustAfter {
		return MostPerHost
	}
	return fewPerHost
}

// admit lets as many waiting requests through as the limit allows.
func (h *hostLimit) admit() {
	for len(h.waiting) > 0 && h.busy < h.width() {
		h.busy++
		close(h.waiting[0])
		h.waiting = h.waiting[1:]
	}
}

// enter waits until a request to a host may be made. The caller must call leave once.
func (l *Limits) enter(ctx context.Context, host string) error {
	turn := make(chan struct{})
	l.change(host, func(h *hostLimit) { h.waiting = append(h.waiting, turn) })
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.change(host, func(h *hostLimit) {
		for i, w := range h.waiting {
			if w == turn {
				h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
				return
			}
		}
		h.busy-- // it was admitted at the same moment
	})
	return ctx.Err()
}

// answered records whether a request was answered, or failed temporarily.
func (l *Limits) answered(host string, well bool) {
	l.change(host, func(h *hostLimit) {
		if h.good++; !well {
			h.good = 0
		}
	})
}

// leave ends a request.
func (l *Limits) leave(host string) { l.change(host, func(h *hostLimit) { h.busy-- }) }

func (l *Limits) change(host string, f func(*hostLimit)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts == nil {
		l.hosts = map[string]*hostLimit{}
	}
	h := l.hosts[host]
	if h == nil {
		h = &hostLimit{}
		l.hosts[host] = h
	}
	f(h)
	h.admit()
}
