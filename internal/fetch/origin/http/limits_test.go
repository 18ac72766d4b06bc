// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"errors"
	"testing"
)

// TestLimitWidth drives a limit through its widths: how many of 40 waiting requests are admitted.
func TestLimitWidth(t *testing.T) {
	var g Limits
	const waiting = 40
	for range waiting {
		g.change("host", func(h *hostLimit) { h.waiting = append(h.waiting, make(chan struct{})) })
	}
	through := func() int { return waiting - len(g.hosts["host"].waiting) }
	for i, step := range []struct {
		does string
		do   func()
		want int
	}{
		{"nothing", func() {}, 8},
		{"seven answers", func() { answers(&g, 7, true) }, 8},
		{"an eighth", func() { answers(&g, 1, true) }, 16},
		{"one is over", func() { g.leave("host") }, 17},
		{"a failure", func() { answers(&g, 1, false) }, 17},
		{"eight are over: eight still run", func() { overs(&g, 8) }, 17},
		{"one more is over", func() { overs(&g, 1) }, 18},
		{"eight answers", func() { answers(&g, 8, true) }, 26},
	} {
		if step.do(); through() != step.want {
			t.Fatalf("step %d, %s: %d were let through, want %d", i, step.does, through(), step.want)
		}
	}
}

func answers(g *Limits, n int, well bool) {
	for range n {
		g.answered("host", well)
	}
}

func overs(g *Limits, n int) {
	for range n {
		g.leave("host")
	}
}

// TestLimitGivesUp has a waiting request give up: the next one gets its place.
func TestLimitGivesUp(t *testing.T) {
	var g Limits
	for range fewPerHost {
		if err := g.enter(t.Context(), "host"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.enter(ctx, "host"); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	if h := g.hosts["host"]; h.busy != fewPerHost || len(h.waiting) != 0 {
		t.Errorf("%d run and %d wait, want %d and none", h.busy, len(h.waiting), fewPerHost)
	}
	if err := g.enter(t.Context(), "other"); err != nil {
		t.Error(err)
	}
}
