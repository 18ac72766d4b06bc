// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"net/url"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// Kinds of errors, for errors.Is.
var (
	ErrNeedNet      = errors.New("the network is needed")
	ErrNotFound     = origin.ErrNotFound
	ErrFailed       = origin.ErrFailed
	ErrHashMismatch = errors.New("the payload does not have the expected hash")
	ErrBadHash      = errors.New("the expected hash is malformed")
	ErrScheme       = errors.New("the URL scheme is not supported")
	ErrURL          = origin.ErrURL
	ErrCompression  = origin.ErrCompression
	ErrGzip         = errors.New("the payload is not valid gzip data")
	ErrTooLarge     = origin.ErrTooLarge
	ErrTimeout      = errors.New("timed out")
	ErrRedirect     = origin.ErrRedirect
	ErrTrust        = origin.ErrTrust
	ErrHeader       = origin.ErrHeader
)

// A WriteError is a fetch that failed at the writer. A full disk, for one, is not the fault of the origin.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// An Error is a failed fetch. Its text shows no secret of the request, and no text that a server may have echoed.
type Error struct {
	URL     string // redacted
	Purpose string
	Err     error
}

func (e *Error) Error() string {
	what := e.URL
	if e.Purpose != "" {
		what = e.Purpose + " from " + e.URL
	}
	return "fetch " + what + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// hints is what the user can do about each class of errors.
var hints = []struct {
	class error
	text  string
}{
	{ErrNotFound, "check the URL; the server has nothing there"},
	{ErrHashMismatch, "the payload changed after its hash was computed, or it is the wrong payload; compare both, then correct the config"},
	{ErrGzip, "compress the payload again, or remove compression from the config if it is not compressed"},
	{ErrTrust, "name its authority in ignition.security.tls.certificateAuthorities; for the very first config, by the kernel argument firstlight.config.ca"},
	{ErrRedirect, "give the URL of the server that has the payload"},
	{origin.ErrAnswer, "check that the URL leads to an HTTP server; fix its response headers"},
	{ErrURL, "correct the URL in the config"},
	{ErrHeader, "correct httpHeaders in the config"},
	{ErrFailed, "check the URL and the credentials that it needs"},
	{ErrTimeout, "check that the machine reaches the server, or raise ignition.timeouts"},
	{ErrTooLarge, "make the payload smaller, or split the config into several and merge them"},
}

// Hint says what the user can do.
func (e *Error) Hint() string {
	for _, h := range hints {
		if errors.Is(e.Err, h.class) {
			return h.text
		}
	}
	return ""
}

// Redact returns a URL without its possible secrets: user information, query, fragment, and the whole content of a data URL.
func Redact(raw string) string {
	if scheme, _, ok := strings.Cut(raw, ":"); ok && strings.EqualFold(scheme, "data") {
		return "data: URL"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" && u.Scheme != "arn" || u.Opaque == "" && u.Host == "" && raw != "" {
		return "malformed URL" // without a host, any part of it may be user information
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "redacted"
	}
	return u.String()
}
