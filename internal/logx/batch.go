// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"log/slog"
	"sync"
	"time"
)

// How long a line waits for others, and how many may wait. When that many wait, the next call that logs waits for the sink.
const (
	batchDelay = 10 * time.Millisecond
	mostLines  = 4096
)

// A Batch passes lines to a sink several at a time, in order, so that thousands of short operations do not wait for the log.
// Lines above level Info go at once. Flush passes on the last lines.
type Batch struct {
	to  Sink
	out sync.Mutex // held while lines are passed on

	mu    sync.Mutex
	lines []Line
}

// NewBatch returns a batch that writes to a sink.
func NewBatch(to Sink) *Batch { return &Batch{to: to} }

// Lines implements Sink.
func (b *Batch) Lines(lines ...Line) error {
	b.mu.Lock()
	first := len(b.lines) == 0
	b.lines = append(b.lines, lines...)
	now := len(b.lines) >= mostLines
	b.mu.Unlock()
	for _, l := range lines {
		now = now || l.Level > slog.LevelInfo
	}
	switch {
	case now:
		return b.Flush()
	case first:
		time.AfterFunc(batchDelay, func() { _ = b.Flush() }) // the log is the only place to report an error
	}
	return nil
}

// Flush passes on the waiting lines.
func (b *Batch) Flush() error {
	b.out.Lock()
	defer b.out.Unlock()
	b.mu.Lock()
	lines := b.lines
	b.lines = nil
	b.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	return b.to.Lines(lines...)
}
