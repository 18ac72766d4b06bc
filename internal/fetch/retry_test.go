// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

func TestDecide(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, c := range []struct {
		name          string
		f             origin.Failure
		attempt       int
		elapsed, left time.Duration
		random        float64
		wait          time.Duration
		again         bool
	}{
		{name: "final", f: origin.Failure{Class: origin.ClassFinal}, attempt: 1, left: unlimited},
		{name: "not trusted", f: origin.Failure{Class: origin.ClassTrust}, attempt: 1, left: unlimited},
		{name: "first", f: origin.Failure{Class: origin.ClassServer}, attempt: 1, left: unlimited, random: 0.5, wait: 100 * time.Millisecond, again: true},
		{name: "full jitter begins at nothing", f: origin.Failure{Class: origin.ClassServer}, attempt: 9, left: unlimited, again: true},
		{name: "third", f: origin.Failure{Class: origin.ClassServer}, attempt: 3, left: unlimited, random: 0.5, wait: 400 * time.Millisecond, again: true},
		{name: "ceiling", f: origin.Failure{Class: origin.ClassServer}, attempt: 6, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "thousandth", f: origin.Failure{Class: origin.ClassServer}, attempt: 1000, elapsed: 29 * s, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "crowd", f: origin.Failure{Class: origin.ClassServer}, attempt: 20, elapsed: 30 * s, left: unlimited, random: 0.5, wait: 2 * m, again: true},
		{name: "own network", f: origin.Failure{Class: origin.ClassRoute}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "own resolver", f: origin.Failure{Class: origin.ClassResolve}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "own link", f: origin.Failure{Class: origin.ClassServer, LinkLocal: true}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "asked to wait", f: origin.Failure{Class: origin.ClassBusy, RetryAfter: 30 * s}, attempt: 1, left: unlimited, random: 0.5, wait: 30*s + 100*time.Millisecond, again: true},
		{name: "asked to wait for a year", f: origin.Failure{Class: origin.ClassBusy, RetryAfter: 9000 * time.Hour}, attempt: 1, left: unlimited, wait: mostAsked, again: true},
		{name: "asked to wait until too late", f: origin.Failure{Class: origin.ClassBusy, RetryAfter: 30 * s}, attempt: 1, left: 30 * s},
		{name: "last chance", f: origin.Failure{Class: origin.ClassServer}, attempt: 20, elapsed: m, left: 21 * s, random: 0.5, wait: 10 * s, again: true},
		{name: "no chance", f: origin.Failure{Class: origin.ClassServer}, attempt: 20, elapsed: m, left: s, random: 0.5},
		{name: "gone for now", f: origin.Failure{Class: origin.ClassGone}, attempt: 20, elapsed: 119 * s, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "gone for good", f: origin.Failure{Class: origin.ClassGone}, attempt: 20, elapsed: 2 * m, left: unlimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.Err = errors.New("failure")
			wait, again := decide(&c.f, c.attempt, c.elapsed, c.left, c.random)
			if wait != c.wait || again != c.again {
				t.Errorf("wait %s, again %v; want %s, %v", wait, again, c.wait, c.again)
			}
		})
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1<<20 - 1: "1048575 bytes", 1 << 20: "1 MiB", 5<<30 + 1: "5120 MiB"} {
		if got := size(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "less than a second", 400 * time.Millisecond: "less than a second", time.Second: "1s", 3140 * time.Millisecond: "3.1s", 31400 * time.Millisecond: "31s", 4 * time.Minute: "4m0s",
	} {
		if got := brief(wait); got != want {
			t.Errorf("%s is shown as %s, want %s", wait, got, want)
		}
	}
}
