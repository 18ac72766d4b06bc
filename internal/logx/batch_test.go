// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes records the number of lines of each write.
type writes struct {
	mu    sync.Mutex
	sizes []int
	texts []string
}

func (w *writes) Lines(lines ...Line) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sizes = append(w.sizes, len(lines))
	for _, l := range lines {
		w.texts = append(w.texts, l.Text)
	}
	return nil
}

// TestBatch: lines keep their order and wait for each other, but not for long, and a warning does not wait.
func TestBatch(t *testing.T) {
	for name, c := range map[string]struct {
		log  func(*Batch, *slog.Logger)
		want []int // lines in each write
	}{
		"flushed": {func(b *Batch, l *slog.Logger) { l.Info("a"); l.Debug("b"); b.Flush(); b.Flush() }, []int{2}},
		"waited": {func(_ *Batch, l *slog.Logger) {
			for range 2 {
				l.Info("a")
				l.Info("b")
				<-time.After(2 * batchDelay) // on the clock of the test
			}
		}, []int{2, 2}},
		"a warning": {func(_ *Batch, l *slog.Logger) { l.Info("a"); l.Warn("b"); l.Info("c") }, []int{2, 1}},
		"many": {func(_ *Batch, l *slog.Logger) {
			for i := range mostLines {
				l.Info(fmt.Sprint(i))
			}
		}, []int{mostLines}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(*testing.T) {
				w := &writes{}
				b := NewBatch(w)
				c.log(b, New(b))
				if err := b.Flush(); err != nil {
					t.Error(err)
				}
				if !slices.Equal(w.sizes, c.want) {
					t.Errorf("writes of %v lines, want %v", w.sizes, c.want)
				}
			})
		})
	}
}

// TestBatchOrder logs from many goroutines at once: the lines of each stay in order, and none is lost.
func TestBatchOrder(t *testing.T) {
	w := &writes{}
	b := NewBatch(w)
	log := New(b)
	var all sync.WaitGroup
	const loggers, each = 8, 2000
	for n := range loggers {
		all.Go(func() {
			for i := range each {
				log.Info(fmt.Sprintf("%d %04d", n, i))
			}
		})
	}
	all.Wait()
	if err := b.Flush(); err != nil || len(w.texts) != loggers*each {
		t.Fatalf("%d lines, %v", len(w.texts), err)
	}
	last := map[byte]string{}
	for _, text := range w.texts {
		if text <= last[text[0]] {
			t.Fatalf("%s comes after %s", text, last[text[0]])
		}
		last[text[0]] = text
	}
}
