// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Classes of failure, for errors.Is.
var (
	ErrNeedNet      = errors.New("the network is needed")
	ErrNotFound     = errors.New("not found")
	ErrFailed       = errors.New("the server refused")
	ErrHashMismatch = errors.New("the payload does not have the expected hash")
	ErrBadHash      = errors.New("the expected hash is malformed")
	ErrScheme       = errors.New("the URL scheme is not supported")
	ErrCompression  = errors.New("the compression is not supported")
	ErrGzip         = errors.New("the payload is not sound gzip data")
	ErrTooLarge     = errors.New("the payload is too large")
	ErrTimeout      = errors.New("the time for it ran out")
	ErrRedirect     = fmt.Errorf("%w: a redirect that is not followed", ErrFailed)
	ErrTrust        = errors.New("the certificate of the server is not trusted")
	ErrHeader       = errors.New("a request header has no value")
)

// An Error is a fetch that failed. Its text has no secret of the URL.
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

// hints say what can be done about each class.
var hints = []struct {
	class error
	text  string
}{
	{ErrNotFound, "check the URL; the server has nothing there"},
	{ErrHashMismatch, "either the payload changed after its hash was written down, or it is not what you meant; compare both, then correct the config"},
	{ErrGzip, "compress it anew, or leave compression out of the config if it is not compressed"},
	{ErrTrust, "name its authority in ignition.security.tls.certificateAuthorities; for the very first config, by the kernel argument firstlight.config.ca"},
	{ErrRedirect, "name the server that has it in the URL"},
	{ErrFailed, "check the URL and the credentials that it needs"},
	{ErrTimeout, "check that the machine reaches the server, or raise ignition.timeouts"},
	{ErrTooLarge, "make it smaller, or let the config merge several"},
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

// Redact returns a URL without what may be secret: user information, query, fragment, and the whole content of a data URL.
func Redact(raw string) string {
	if scheme, _, ok := strings.Cut(raw, ":"); ok && scheme == "data" {
		return "data: URL"
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "malformed URL"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "redacted"
	}
	return u.String()
}
