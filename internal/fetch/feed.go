// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// stallLimit is how long a body may bring nothing before it is asked for anew.
const stallLimit = 30 * time.Second

// errRestart says that the payload comes from its beginning once more, and what was read of it is void.
var errRestart = errors.New("the payload begins again")

// errStalled is the cause of requests that were given up because their body did not go on.
var errStalled = fmt.Errorf("the body brought nothing for %s", stallLimit)

// An origin is where one payload comes from.
type origin interface {
	// open makes one attempt to get the payload, from a mark on if that is possible and from the beginning otherwise.
	open(ctx context.Context, from mark) (*stream, error)
}

// A mark is a place in a payload.
type mark struct {
	offset    int64  // in bytes, before decompression
	validator string // what tells this version of the payload from others; empty: nothing does
}

// A stream is a payload on its way.
type stream struct {
	io.ReadCloser
	from mark // the place of its first byte
}

// A feed reads a payload as if nothing could break: behind it, attempts follow each other as the retry policy says.
type feed struct {
	ctx    context.Context
	origin origin
	retry  *retry

	stream *stream
	asked  context.Context         // of the request behind the stream
	cancel context.CancelCauseFunc // ends it
	stall  *time.Timer
	at     mark
	best   int64 // the furthest offset so far
	began  bool  // the reader knows that the payload begins
}

// Read returns errRestart when the payload could not be resumed and comes from the beginning.
func (f *feed) Read(p []byte) (int, error) {
	for {
		if f.stream == nil {
			if err := f.connect(); err != nil {
				return 0, err
			}
		}
		if f.began && f.at.offset == 0 {
			f.began = false
			return 0, errRestart
		}
		n, err := f.read(p)
		if n > 0 {
			f.began = true
			f.at.offset += int64(n)
			if f.at.offset > f.best {
				f.best = f.at.offset
				f.retry.progress()
			}
		}
		if err == nil || err == io.EOF || n > 0 {
			return n, keepEOF(err)
		}
		if err := f.retry.again(f.ctx, err); err != nil {
			return 0, err
		}
	}
}

// keepEOF drops errors that the next Read will meet again.
func keepEOF(err error) error {
	if err == io.EOF {
		return err
	}
	return nil
}

// read reads from the stream, and lets it go when it breaks.
func (f *feed) read(p []byte) (int, error) {
	f.stall.Reset(stallLimit)
	n, err := f.stream.Read(p)
	f.stall.Stop()
	if err == nil || err == io.EOF {
		return n, err
	}
	if n == 0 {
		err = f.broken(err)
		f.drop()
	}
	return n, err
}

// broken sorts the error of a body.
func (f *feed) broken(err error) error {
	var known *failure
	switch {
	case errors.As(err, &known):
		return err
	case f.ctx.Err() != nil:
		return &failure{class: classStalled, err: fmt.Errorf("the body was still on its way after %d bytes", f.at.offset)}
	case context.Cause(f.asked) == errStalled:
		return &failure{class: classStalled, err: fmt.Errorf("%w after %d bytes", errStalled, f.at.offset)}
	}
	return &failure{class: classTruncated, err: fmt.Errorf("the body broke off after %d bytes: %w", f.at.offset, err)}
}

// connect makes attempts until one yields a stream.
func (f *feed) connect() error {
	for {
		text := fmt.Sprintf("GET %s: attempt #%d", f.retry.address, f.retry.attempt)
		if f.at.offset > 0 {
			text += fmt.Sprintf(", after %d bytes", f.at.offset)
		}
		f.retry.log.Info(text)
		ctx, cancel := context.WithCancelCause(f.ctx)
		s, err := f.origin.open(ctx, f.at)
		if err == nil {
			f.stream, f.asked, f.cancel, f.at = s, ctx, cancel, s.from
			f.stall = time.AfterFunc(stallLimit, func() { cancel(errStalled) })
			f.stall.Stop()
			return nil
		}
		cancel(nil)
		if err := f.retry.again(f.ctx, err); err != nil {
			return err
		}
	}
}

// drop lets the stream go.
func (f *feed) drop() {
	if f.stream == nil {
		return
	}
	f.stall.Stop()
	f.cancel(nil)
	f.stream.Close() // the payload is complete, or void: there is nothing to learn from the error
	f.stream = nil
}
