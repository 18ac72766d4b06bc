// SPDX-License-Identifier: Apache-2.0

// Package origin has the common parts of all origins: the interface through which fetch reads payloads, the classes of
// failures, and the texts for errors of connections.
//
// Each kind of origin is a package below this one. Origins neither retry nor verify: package fetch does. Their errors show
// no text that a server could have echoed: no header, no status line, no Location.
package origin

import (
	"bytes"
	"context"
	"io"
)

// An Origin is the source of one payload.
type Origin interface {
	// Open makes one attempt to get the payload, from a mark on if possible, or else from the beginning. A *Failure tells if
	// another attempt can help; any other error is final.
	Open(ctx context.Context, from Mark) (*Stream, error)
}

// A Mark is a position in one version of a payload. The zero Mark is the beginning of any version.
type Mark struct {
	Offset    int64  // in bytes, before decompression
	Validator string // strong validator of the version (RFC 9110, section 8.8.1); empty: the origin gave none
	Total     int64  // size of the version in bytes, before decompression; 0: unknown
}

// A Stream is the body of a payload that is being transferred.
type Stream struct {
	io.ReadCloser
	From Mark // the position of its first byte
}

// Inline is a payload that is part of its URL.
type Inline []byte

// Open returns the whole payload.
func (p Inline) Open(context.Context, Mark) (*Stream, error) {
	return &Stream{ReadCloser: io.NopCloser(bytes.NewReader(p))}, nil
}
