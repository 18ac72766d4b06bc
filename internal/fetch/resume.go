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

// stallLimit is how long a body may stall before it is requested again.
const stallLimit = 30 * time.Second

// errRestart means that the payload starts over, and the data read so far is void.
var errRestart = errors.New("the payload starts over")

// errStalled is the cause with which requests end whose body stalled.
var errStalled = fmt.Errorf("no data for %s", stallLimit)

// A resumingReader reads a payload and hides broken transfers: it makes further attempts by the retry policy.
type resumingReader struct {
	ctx    context.Context
	origin origin.Origin
	retry  *retry

	stream *origin.Stream
	asked  context.Context         // of the stream's request
	cancel context.CancelCauseFunc // ends it
	stall  *time.Timer
	at     origin.Mark
	best   int64 // the furthest offset so far
	began  bool  // the payload has begun
}

// Read returns errRestart if the payload could not be resumed and starts over.
func (r *resumingReader) Read(p []byte) (int, error) {
	for {
		if r.stream == nil {
			if err := r.connect(); err != nil {
				return 0, err
			}
		}
		if r.began && r.at.Offset == 0 {
			r.began = false
			return 0, errRestart
		}
		n, err := r.read(p)
		r.advance(n)
		if err == io.EOF && r.at.Offset < r.at.Total { // servers may send less than the rest
			r.drop()
			if err = nil; n == 0 {
				continue
			}
		}
		if err == nil || err == io.EOF || n > 0 {
			return n, keepEOF(err)
		}
		if err := r.retry.again(r.ctx, err); err != nil {
			return 0, err
		}
	}
}

func (r *resumingReader) advance(n int) {
	if n == 0 {
		return
	}
	r.began = true
	r.at.Offset += int64(n)
	if r.at.Offset > r.best {
		r.best = r.at.Offset
		r.retry.progress()
	}
	r.retry.report(r.at)
}

// keepEOF drops errors other than io.EOF, which the next Read will meet again.
func keepEOF(err error) error {
	if err == io.EOF {
		return err
	}
	return nil
}

// read reads from the stream, and drops it when it breaks.
func (r *resumingReader) read(p []byte) (int, error) {
	r.stall.Reset(stallLimit)
	n, err := r.stream.Read(p)
	r.stall.Stop()
	if err == nil || err == io.EOF {
		return n, err
	}
	if n == 0 {
		err = r.broken(err)
		r.drop()
	}
	return n, err
}

// broken classifies the error of a body.
func (r *resumingReader) broken(err error) error {
	var known *origin.Failure
	switch {
	case errors.As(err, &known):
		return err
	case r.ctx.Err() != nil:
		return &origin.Failure{Class: origin.ClassStalled, Err: fmt.Errorf("the body was still on its way after %d bytes", r.at.Offset)}
	case context.Cause(r.asked) == errStalled:
		return &origin.Failure{Class: origin.ClassStalled, Err: fmt.Errorf("%w after %d bytes", errStalled, r.at.Offset)}
	}
	return &origin.Failure{Class: origin.ClassTruncated, Err: fmt.Errorf("the body broke off after %d bytes: %w", r.at.Offset, origin.Words(err, true))}
}

// connect makes attempts until one yields a stream.
func (r *resumingReader) connect() error {
	for {
		text := fmt.Sprintf("GET %s: attempt #%d", r.retry.address, r.retry.attempt)
		if r.at.Offset > 0 {
			text += fmt.Sprintf(", after %d bytes", r.at.Offset)
		}
		r.retry.log.Info(text)
		ctx, cancel := context.WithCancelCause(r.ctx)
		s, err := r.origin.Open(ctx, r.at)
		if err == nil {
			r.stream, r.asked, r.cancel, r.at = s, ctx, cancel, s.From
			r.stall = time.AfterFunc(stallLimit, func() { cancel(errStalled) })
			r.stall.Stop()
			return nil
		}
		cancel(nil)
		if err := r.retry.again(r.ctx, err); err != nil {
			return err
		}
	}
}

// drop closes the stream.
func (r *resumingReader) drop() {
	if r.stream == nil {
		return
	}
	r.stall.Stop()
	r.cancel(nil)
	r.stream.Close() // the payload is complete, or void: the error does not matter
	r.stream = nil
}
