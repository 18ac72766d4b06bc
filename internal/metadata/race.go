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

// An answer is the result of asking one host.
type answer struct {
	data []byte
	err  error
}

// race asks hosts in order, each headStart after the one before it or as soon as that one has failed, and returns the first
// answer. All hosts are the same service, so a 404 from one counts for all. If all fail, race returns the most telling
// error: a status rather than a failed connection.
func race(ctx context.Context, hosts []string, ask func(context.Context, string) ([]byte, error)) ([]byte, error) {
	if len(hosts) == 1 {
		return ask(ctx, hosts[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(hosts))
	next, pending := 0, 0
	start := func() {
		if next == len(hosts) {
			return
		}
		host := hosts[next]
		next++
		pending++
		go func() {
			data, err := ask(ctx, host)
			answers <- answer{data, err}
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
		case a := <-answers:
			pending--
			if a.err == nil || Answered(a.err) {
				return a.data, a.err
			}
			worst = telling(worst, a.err)
			start()
		}
	}
	return nil, worst
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
