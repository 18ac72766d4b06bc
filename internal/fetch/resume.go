// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// stallLimit is how long a body may bring nothing before it is asked for again.
const stallLimit = 30 * time.Second

// errRestart says that the payload comes from its beginning once more, and what was read of it is void.
var errRestart = errors.New("the payload starts over")

// errStalled is the cause of requests that were given up because their body did not go on.
var errStalled = fmt.Errorf("the body brought nothing for %s", stallLimit)

// A resumingReader reads a payload as if nothing could break: behind it, attempts follow each other as the retry policy says.
type resumingReader struct {
	ctx    context.Context
	origin origin.Origin
	retry  *retry

	stream *origin.Stream
	asked  context.Context         // of the request behind the stream
	cancel context.CancelCauseFunc // ends it
	stall  *time.Timer
	at     origin.Mark
	best   int64 // the furthest offset so far
	began  bool  // the reader knows that the payload begins
}

// Read returns errRestart when the payload could not be resumed and comes from the beginning.
func (f *resumingReader) Read(p []byte) (int, error) {
	for {
		if f.stream == nil {
			if err := f.connect(); err != nil {
				return 0, err
			}
		}
		if f.began && f.at.Offset == 0 {
			f.began = false
			return 0, errRestart
		}
		n, err := f.read(p)
		f.advance(n)
		if err == io.EOF && f.at.Offset < f.at.Total { // the server gave less than the rest, as it may
			f.drop()
			if err = nil; n == 0 {
				continue
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

func (f *resumingReader) advance(n int) {
	if n == 0 {
		return
	}
	f.began = true
	f.at.Offset += int64(n)
	if f.at.Offset > f.best {
		f.best = f.at.Offset
		f.retry.progress()
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
func (f *resumingReader) read(p []byte) (int, error) {
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
func (f *resumingReader) broken(err error) error {
	var known *origin.Failure
	switch {
	case errors.As(err, &known):
		return err
	case f.ctx.Err() != nil:
		return &origin.Failure{Class: origin.ClassStalled, Err: fmt.Errorf("the body was still on its way after %d bytes", f.at.Offset)}
	case context.Cause(f.asked) == errStalled:
		return &origin.Failure{Class: origin.ClassStalled, Err: fmt.Errorf("%w after %d bytes", errStalled, f.at.Offset)}
	}
	return &origin.Failure{Class: origin.ClassTruncated, Err: fmt.Errorf("the body broke off after %d bytes: %w", f.at.Offset, origin.Words(err, true))}
}

// connect makes attempts until one yields a stream.
func (f *resumingReader) connect() error {
	for {
		text := fmt.Sprintf("GET %s: attempt #%d", f.retry.address, f.retry.attempt)
		if f.at.Offset > 0 {
			text += fmt.Sprintf(", after %d bytes", f.at.Offset)
		}
		f.retry.log.Info(text)
		ctx, cancel := context.WithCancelCause(f.ctx)
		s, err := f.origin.Open(ctx, f.at)
		if err == nil {
			f.stream, f.asked, f.cancel, f.at = s, ctx, cancel, s.From
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
func (f *resumingReader) drop() {
	if f.stream == nil {
		return
	}
	f.stall.Stop()
	f.cancel(nil)
	f.stream.Close() // the payload is complete, or void: there is nothing to learn from the error
	f.stream = nil
}
