// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// A Rewinder is a writer, such as an open file, that can return to an earlier position. A wrapper around a file must pass
// Seek and Truncate on, or a broken transfer cannot start over.
type Rewinder interface {
	io.WriteSeeker
	Truncate(size int64) error
}

// A Reserver is a writer that reserves space. If the size of a payload is known, Reserve is called with it, in bytes, before
// the first write. Its error ends the fetch before the rest is transferred.
type Reserver interface {
	Reserve(size int64) error
}

// errFixed is the error if a payload must start over and the writer cannot.
var errFixed = errors.New("the body broke off, and the server cannot go on from there")

// A rewindable passes a payload to its writer and its digest.
type rewindable struct {
	w      io.Writer
	digest hash.Hash  // nil: no digest
	chunks *sync.Pool // of *chunk
	back   Rewinder   // nil: the writer cannot rewind
	start  int64
	total  func() int64 // size of the payload before decompression; 0: unknown
}

// mark records the position to which rewind returns.
func (o *rewindable) mark() {
	r, ok := o.w.(Rewinder)
	if !ok {
		return
	}
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return // a pipe, which has no position
	}
	o.back, o.start = r, start
}

// reserve has the writer reserve space for a payload that is not compressed.
func (o *rewindable) reserve() error {
	r, ok := o.w.(Reserver)
	if !ok || o.total == nil || o.total() == 0 {
		return nil
	}
	if err := r.Reserve(o.total()); err != nil {
		return &WriteError{err}
	}
	return nil
}

// write passes bytes to the writer only.
func (o *rewindable) write(p []byte) error {
	if n, err := o.w.Write(p); err != nil {
		return &WriteError{err}
	} else if n < len(p) {
		return &WriteError{io.ErrShortWrite}
	}
	return nil
}

// hash adds bytes to the digest.
func (o *rewindable) hash(p []byte) {
	if o.digest != nil {
		o.digest.Write(p) // never fails, by its documentation
	}
}

// Write passes bytes to the digest and then to the writer.
func (o *rewindable) Write(p []byte) (int, error) {
	o.hash(p)
	if err := o.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// rewind undoes all writes since mark.
func (o *rewindable) rewind() error {
	if o.back == nil {
		return errFixed
	}
	if o.digest != nil {
		o.digest.Reset()
	}
	if err := o.back.Truncate(o.start); err != nil {
		return &WriteError{fmt.Errorf("start over: %w", err)}
	}
	if _, err := o.back.Seek(o.start, io.SeekStart); err != nil {
		return &WriteError{fmt.Errorf("start over: %w", err)}
	}
	return nil
}
