// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"errors"
	"fmt"
	"time"
)

// Kinds of errors, for errors.Is. Package fetch exports them to the rest of the program.
var (
	ErrNotFound    = errors.New("not found")
	ErrFailed      = errors.New("the server refused")
	ErrAnswer      = fmt.Errorf("%w: its answer is not valid HTTP", ErrFailed)
	ErrRedirect    = fmt.Errorf("%w: a redirect that is not followed", ErrFailed)
	ErrTrust       = errors.New("the certificate of the server is not trusted")
	ErrTooLarge    = errors.New("the payload is too large")
	ErrURL         = errors.New("the URL is malformed")
	ErrHeader      = errors.New("a request header is malformed")
	ErrCompression = errors.New("the compression is not supported")
)

// A Class groups failures by whether, and when, another attempt can help.
type Class int

// The classes of failures.
const (
	ClassFinal     Class = iota // a retry cannot help: 4xx, a redirect that is not followed, a malformed request
	ClassTrust                  // the server's certificate is not trusted
	ClassResolve                // the name of the server is unknown, or no name server answers
	ClassRoute                  // no route to the server
	ClassConnect                // the server does not accept the connection
	ClassHandshake              // the TLS handshake failed
	ClassSilent                 // the server accepts the request but does not answer
	ClassGarbled                // the answer is not HTTP: another program may hold the port until the server starts
	ClassBusy                   // 408, 425, 429
	ClassGone                   // 410: final by RFC 9110, but metadata services give it while they start
	ClassServer                 // 5xx
	ClassTruncated              // the body broke off
	ClassStalled                // the body stalled
	Classes                     // the number of classes
)

// Temporary reports whether another attempt can help.
func (c Class) Temporary() bool { return c != ClassFinal && c != ClassTrust }

// A Failure is a failed attempt.
type Failure struct {
	Class      Class
	LinkLocal  bool          // the server, such as a metadata service, is on this machine or its link: no crowd shares it
	RetryAfter time.Duration // how long the server asks to wait; 0: not given
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Temporary reports whether an error is a failure that another attempt may fix.
func Temporary(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Class.Temporary()
}
