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

// A policy says what is particular about retrying a class of failures. Whether a class is retried at all is said where it is
// declared.
type policy struct {
	local bool          // the trouble is on this machine's side: no server suffers from attempts
	limit time.Duration // how long attempts are made although nobody set a limit; 0: for ever
}

// policies is the retry policy.
var policies = [origin.Classes]policy{
	origin.ClassResolve:   {local: true},
	origin.ClassRoute:     {local: true},
	origin.ClassHandshake: {limit: 2 * time.Minute},
	origin.ClassGarbled:   {limit: 2 * time.Minute},
	origin.ClassGone:      {limit: 2 * time.Minute},
}

// The bounds of waits between attempts. A wait is drawn evenly between nothing and a window ("full jitter"), so that machines
// that lost a server at the same moment do not come back to it at the same moment. The window doubles from firstWindow to
// shortWindow. A server that has been away for crowdAfter may have a crowd waiting for it, of which one machine sees
// nothing; from then on the window is crowdWindow, which spreads a hundred thousand machines to about five hundred attempts a second.
const (
	firstWindow = 200 * time.Millisecond
	shortWindow = 5 * time.Second
	crowdAfter  = 30 * time.Second
	crowdWindow = 4 * time.Minute
	lastChance  = time.Second      // what an attempt needs of the time left to be worth making
	mostAsked   = 10 * time.Minute // of Retry-After; a server that asks for more is asked again earlier
)

// unlimited is the time left when there is no limit.
const unlimited = time.Duration(math.MaxInt64)

// decide says whether another attempt is made after a failure, and how long to wait before. Attempts in a row that brought
// nothing count from 1, elapsed is the time since the first of them failed, left what remains until the deadline, and random
// is even in [0,1).
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

// patience is how long nothing is said to people.
const patience = 5 * time.Second

// A retry carries one fetch through its attempts.
type retry struct {
	log     *slog.Logger
	say     func(string)
	address string    // redacted URL
	what    string    // with the purpose, for people
	attempt int       // the number of the attempt that runs
	row     int       // failures since something was brought
	failed  time.Time // the first of them
	began   time.Time
	said    time.Time
	last    *origin.Failure // before the attempt that runs; nil: there was none
}

// progress begins a new row.
func (r *retry) progress() { r.row = 0 }

// again waits after a failure, and returns nil when the next attempt is due. It returns the failure if there is to be no other.
func (r *retry) again(ctx context.Context, err error) error {
	var f *origin.Failure
	if !errors.As(err, &f) {
		return err
	}
	if ctx.Err() != nil {
		if r.last != nil && errors.Is(f.Err, context.DeadlineExceeded) {
			f = r.last // says more than that the time was over
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
		return fmt.Errorf("%w; gave up after %s and %d attempts", f.Err, elapsed.Round(time.Second), r.attempt)
	case f.RetryAfter > left:
		return fmt.Errorf("%w: the server asks to wait %s, but only %s remain: %w",
			ErrTimeout, f.RetryAfter, left.Round(time.Second), f.Err)
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

// over is the error of a fetch whose time ran out, or that nobody wants any more.
func (r *retry) over(ctx context.Context, f *origin.Failure) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("%w after %s and %d attempts: %w", ErrTimeout, time.Since(r.began).Round(time.Second), r.attempt, f.Err)
}

// announce logs a wait, and tells people of it when they have been waiting in silence for long, or are about to.
func (r *retry) announce(f *origin.Failure, wait time.Duration) {
	r.log.Info(fmt.Sprintf("GET error: %v; next attempt in %s", f.Err, brief(wait)))
	if wait <= patience && time.Since(r.said) <= patience {
		return
	}
	r.said = time.Now()
	text := fmt.Sprintf("waiting for %s, %s so far: attempt %d: %v; next attempt in %s",
		r.what, time.Since(r.began).Round(time.Second), r.attempt, f.Err, brief(wait))
	r.log.Warn(text)
	if r.say != nil {
		r.say(text)
	}
}

// reportEvery is how often people are told of a payload that is on its way.
const reportEvery = 30 * time.Second

// report tells people how far a payload has come, when they have heard nothing for long.
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

// brief returns a wait for people.
func brief(wait time.Duration) string {
	if wait < time.Second {
		return "less than a second"
	}
	return wait.Round(time.Second / 10).String()
}
