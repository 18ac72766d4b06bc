// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"log/slog"
	"sync"
	"time"
)

// How long a line waits for others, and how many wait at most: then whoever logs waits for the sink.
const (
	batchDelay = 10 * time.Millisecond
	mostLines  = 4096
)

// A Batch hands lines to a sink several at a time, in their order, so that thousands of short operations do not wait for the log.
// What is worse than information goes at once. The last lines go with Flush.
type Batch struct {
	to  Sink
	out sync.Mutex // held while lines are handed on

	mu    sync.Mutex
	lines []Line
}

// NewBatch returns a batch before a sink.
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
		time.AfterFunc(batchDelay, func() { _ = b.Flush() }) // nobody could be told of an error but by the log
	}
	return nil
}

// Flush hands on what waits.
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
