// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, c := range []struct {
		name          string
		f             failure
		attempt       int
		elapsed, left time.Duration
		random        float64
		wait          time.Duration
		again         bool
	}{
		{name: "final", f: failure{class: classFinal}, attempt: 1, left: unlimited},
		{name: "not trusted", f: failure{class: classTrust}, attempt: 1, left: unlimited},
		{name: "first", f: failure{class: classServer}, attempt: 1, left: unlimited, random: 0.5, wait: 100 * time.Millisecond, again: true},
		{name: "full jitter begins at nothing", f: failure{class: classServer}, attempt: 9, left: unlimited, again: true},
		{name: "third", f: failure{class: classServer}, attempt: 3, left: unlimited, random: 0.5, wait: 400 * time.Millisecond, again: true},
		{name: "ceiling", f: failure{class: classServer}, attempt: 6, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "thousandth", f: failure{class: classServer}, attempt: 1000, elapsed: 29 * s, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "crowd", f: failure{class: classServer}, attempt: 20, elapsed: 30 * s, left: unlimited, random: 0.5, wait: 2 * m, again: true},
		{name: "own network", f: failure{class: classRoute}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "own resolver", f: failure{class: classResolve}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "own link", f: failure{class: classServer, near: true}, attempt: 20, elapsed: 60 * m, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "asked to wait", f: failure{class: classBusy, asked: 30 * s}, attempt: 1, left: unlimited, random: 0.5, wait: 30*s + 100*time.Millisecond, again: true},
		{name: "asked to wait for a year", f: failure{class: classBusy, asked: 9000 * time.Hour}, attempt: 1, left: unlimited, wait: mostAsked, again: true},
		{name: "asked to wait until too late", f: failure{class: classBusy, asked: 30 * s}, attempt: 1, left: 30 * s},
		{name: "last chance", f: failure{class: classServer}, attempt: 20, elapsed: m, left: 21 * s, random: 0.5, wait: 10 * s, again: true},
		{name: "no chance", f: failure{class: classServer}, attempt: 20, elapsed: m, left: s, random: 0.5},
		{name: "gone for now", f: failure{class: classGone}, attempt: 20, elapsed: 119 * s, left: unlimited, random: 0.5, wait: 5 * s / 2, again: true},
		{name: "gone for good", f: failure{class: classGone}, attempt: 20, elapsed: 2 * m, left: unlimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.err = errors.New("failure")
			wait, again := decide(&c.f, c.attempt, c.elapsed, c.left, c.random)
			if wait != c.wait || again != c.again {
				t.Errorf("wait %s, again %v; want %s, %v", wait, again, c.wait, c.again)
			}
		})
	}
}
