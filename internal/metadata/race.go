// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"
	"time"
)

// headStart is how long the first host of a service has before the next one is asked, too (RFC 8305: connection attempt
// delay). A machine without IPv4 or without IPv6 so waits only this long.
const headStart = 300 * time.Millisecond

// A result is that of asking one host.
type result[T any] struct {
	value T
	err   error
}

// race asks hosts in order, each headStart after the one before it or as soon as that one has failed, and returns the first
// answer. All hosts are the same service, so a 404 from one counts for all. If all fail, race returns the most telling
// error: a status rather than a failed connection.
func race[T any](ctx context.Context, hosts []string, ask func(context.Context, string) (T, error)) (T, error) {
	if len(hosts) == 1 {
		return ask(ctx, hosts[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result[T], len(hosts))
	next, pending := 0, 0
	start := func() {
		if next == len(hosts) {
			return
		}
		host := hosts[next]
		next++
		pending++
		go func() {
			value, err := ask(ctx, host)
			results <- result[T]{value, err}
		}()
	}
	start()
	timer := time.NewTicker(headStart)
	defer timer.Stop()
	var worst error
	for pending > 0 {
		select {
		case <-timer.C:
			start()
		case r := <-results:
			pending--
			if r.err == nil || Answered(r.err) {
				return r.value, r.err
			}
			worst = telling(worst, r.err)
			start()
		}
	}
	var none T
	return none, worst
}

// Answered reports whether an error is an answer of the service, rather than a failure to get one.
func Answered(err error) bool {
	var status StatusError
	return errors.Is(err, ErrNotFound) || errors.As(err, &status) && status < 500
}

// telling returns the more informative of two errors.
func telling(a, b error) error {
	if a == nil || weight(b) > weight(a) {
		return b
	}
	return a
}

// weight orders errors by how much of an answer the service gave.
func weight(err error) int {
	var status StatusError
	switch {
	case Answered(err):
		return 2
	case errors.As(err, &status):
		return 1
	}
	return 0
}
