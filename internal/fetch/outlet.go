// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"hash"
	"io"
)

// A Rewinder is a writer that can be brought back to where it stood before: an open file, for one.
type Rewinder interface {
	io.WriteSeeker
	Truncate(size int64) error
}

// errFixed is the end of a payload that begins again for a writer that cannot.
var errFixed = errors.New("the body broke off, and the server cannot go on from there")

// An outlet hands a payload to its writer and its digest.
type outlet struct {
	w     io.Writer
	hash  hash.Hash
	back  Rewinder // nil: there is no way back
	start int64
}

// mark notes the place to which rewind goes back.
func (o *outlet) mark() error {
	r, ok := o.w.(Rewinder)
	if !ok {
		return nil
	}
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("find the place to write to: %w", err)
	}
	o.back, o.start = r, start
	return nil
}

func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.hash.Write(p[:n]) // never fails, by its documentation
	return n, err
}

// rewind makes all that was written undone.
func (o *outlet) rewind() error {
	if o.back == nil {
		return errFixed
	}
	o.hash.Reset()
	if err := o.back.Truncate(o.start); err != nil {
		return fmt.Errorf("begin again: %w", err)
	}
	if _, err := o.back.Seek(o.start, io.SeekStart); err != nil {
		return fmt.Errorf("begin again: %w", err)
	}
	return nil
}
