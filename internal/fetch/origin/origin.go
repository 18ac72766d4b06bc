// SPDX-License-Identifier: Apache-2.0

// Package origin declares what all kinds of origins share: the interface that fetch reads payloads through, the classes of
// failure, and the words for errors of connections.
//
// Each kind of origin is a package below this one. None of them retries or verifies: that is the work of package fetch. An
// error that leaves a kind of origin shows nothing that a server could have echoed: no header, no status line, no Location.
package origin

import (
	"bytes"
	"context"
	"io"
)

// An Origin is where one payload comes from.
type Origin interface {
	// Open makes one attempt to get the payload, from a mark on if that is possible and from the beginning otherwise.
	// A *Failure says whether another attempt can help; any other error is final.
	Open(ctx context.Context, from Mark) (*Stream, error)
}

// A Mark is a place in one version of a payload. The zero Mark is the beginning of any version.
type Mark struct {
	Offset    int64  // in bytes, before decompression
	Validator string // strong validator of the version (RFC 9110, section 8.8.1); empty: the origin gave none
	Total     int64  // size of the version in bytes, before decompression; 0: unknown
}

// A Stream is a payload on its way.
type Stream struct {
	io.ReadCloser
	From Mark // the place of its first byte
}

// Inline is a payload that is part of its URL.
type Inline []byte

// Open returns the whole payload.
func (p Inline) Open(context.Context, Mark) (*Stream, error) {
	return &Stream{ReadCloser: io.NopCloser(bytes.NewReader(p))}, nil
}
