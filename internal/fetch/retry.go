// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// A policy is the special treatment of a class of failures in retries. Class.Temporary decides whether a class is retried at
// all.
type policy struct {
	local bool          // the cause is on this machine: attempts do not burden a server
	limit time.Duration // of all attempts, if no other limit is set; 0: unlimited
}

// policies is the retry policy.
var policies = [origin.Classes]policy{
	origin.ClassResolve:   {local: true},
	origin.ClassRoute:     {local: true},
	origin.ClassHandshake: {limit: 2 * time.Minute},
	origin.ClassGarbled:   {limit: 2 * time.Minute},
	origin.ClassGone:      {limit: 2 * time.Minute},
}

// The bounds of waits between attempts. A wait is random between 0 and a window ("full jitter"), so that machines that lost
// a server at the same moment do not come back at the same moment. The window doubles from firstWindow to shortWindow. After
// crowdAfter, many machines may be waiting for the server, which a single machine cannot see. From then on the window is
// crowdWindow, which spreads a hundred thousand machines to about five hundred attempts a second.
const (
	firstWindow = 200 * time.Millisecond
	shortWindow = 5 * time.Second
	crowdAfter  = 30 * time.Second
	crowdWindow = 4 * time.Minute
	lastChance  = time.Second      // the least remaining time for another attempt
	mostAsked   = 10 * time.Minute // the largest Retry-After that is obeyed
)

// unlimited is the remaining time without a limit.
const unlimited = time.Duration(math.MaxInt64)

// decide returns whether to make another attempt after a failure, and how long to wait before it. attempt counts, from 1,
// the attempts in a row without any data; elapsed is the time since the first of them failed; left is the time until the
// deadline; random is uniform in [0,1).
func decide(f *origin.Failure, attempt int, elapsed, left time.Duration, random float64) (wait time.Duration, again bool) {
	p := policies[f.Class]
	if !f.Class.Temporary() || p.limit > 0 && elapsed >= p.limit {
		return 0, false
	}
	window := shortWindow
	if doublings := attempt - 1; doublings < 5 {
		window = min(window, firstWindow<<doublings)
	}
	if crowd := !p.local && !f.LinkLocal && p.limit == 0; crowd && elapsed >= crowdAfter {
		window = crowdWindow
	}
	asked := min(f.RetryAfter, mostAsked)
	wait = asked + time.Duration(random*float64(window))
	if wait < left {
		return wait, true
	}
	if left -= asked + lastChance; left <= 0 {
		return 0, false
	}
	return asked + time.Duration(random*float64(left)), true
}

// patience is how long a wait lasts before the console shows it.
const patience = 5 * time.Second

// A retry carries one fetch through its attempts.
type retry struct {
	log     *slog.Logger
	say     func(string)
	address string    // redacted URL
	what    string    // with the purpose, for people
	attempt int       // the number of the current attempt
	row     int       // failures since the last data
	failed  time.Time // the first of them
	began   time.Time
	said    time.Time
	last    *origin.Failure // before the current attempt; nil: none
}

// progress resets the count of failures.
func (r *retry) progress() { r.row = 0 }

// again waits after a failure, and returns nil when the next attempt is due. It returns the failure if there is no next
// attempt.
func (r *retry) again(ctx context.Context, err error) error {
	var f *origin.Failure
	if !errors.As(err, &f) {
		return err
	}
	if ctx.Err() != nil {
		if r.last != nil && errors.Is(f.Err, context.DeadlineExceeded) {
			f = r.last // says more than "timed out"
		}
		return r.over(ctx, f)
	}
	r.last = f
	if r.row++; r.row == 1 {
		r.failed = time.Now()
	}
	elapsed, left := time.Since(r.failed), unlimited
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	wait, again := decide(f, r.row, elapsed, left, rand.Float64())
	switch p := policies[f.Class]; {
	case again:
	case !f.Class.Temporary():
		return f.Err
	case p.limit > 0 && elapsed >= p.limit:
		return fmt.Errorf("%w; gave up after %s and %d attempts", f.Err, brief(elapsed), r.attempt)
	case f.RetryAfter > left:
		return fmt.Errorf("%w: the server asks to wait %s, but only %s remain: %w",
			ErrTimeout, f.RetryAfter, brief(left), f.Err)
	default:
		return r.over(ctx, f)
	}
	r.announce(f, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return r.over(ctx, f)
	case <-timer.C:
	}
	r.attempt++
	return nil
}

// over returns the error of a fetch that timed out or was canceled.
func (r *retry) over(ctx context.Context, f *origin.Failure) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("%w after %s and %d attempts: %w", ErrTimeout, brief(time.Since(r.began)), r.attempt, f.Err)
}

// announce logs a wait, and shows it on the console if the console has been, or would be, silent for long.
func (r *retry) announce(f *origin.Failure, wait time.Duration) {
	r.log.Info(fmt.Sprintf("GET error: %v; next attempt in %s", f.Err, brief(wait)))
	if wait <= patience && time.Since(r.said) <= patience {
		return
	}
	r.said = time.Now()
	text := fmt.Sprintf("waiting for %s, %s so far: attempt %d: %v; next attempt in %s",
		r.what, brief(time.Since(r.began)), r.attempt, f.Err, brief(wait))
	r.log.Warn(text)
	if r.say != nil {
		r.say(text)
	}
}

// reportEvery is the interval between progress messages of a transfer.
const reportEvery = 30 * time.Second

// report shows the progress of a transfer on the console if the console has been silent for long.
func (r *retry) report(at origin.Mark) {
	if time.Since(r.said) < reportEvery {
		return
	}
	r.said = time.Now()
	text := fmt.Sprintf("fetching %s: %s", r.what, size(at.Offset))
	if at.Total > 0 {
		text += " of " + size(at.Total)
	}
	text += " after " + time.Since(r.began).Round(time.Second).String()
	r.log.Info(text)
	if r.say != nil {
		r.say(text)
	}
}

// size returns a number of bytes for people.
func size(n int64) string {
	const mebi = 1 << 20
	if n < mebi {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n/mebi)
}

// brief returns a wait for people. None of them is shown as 0s.
func brief(wait time.Duration) string {
	switch {
	case wait < time.Second:
		return "less than a second"
	case wait < 10*time.Second:
		return wait.Round(time.Second / 10).String()
	}
	return wait.Round(time.Second).String()
}
