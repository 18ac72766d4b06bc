// SPDX-License-Identifier: Apache-2.0

// Package http reads payloads from HTTP servers. The origins of object stores are built on it.
//
// It has its own loop over redirects, because that of net/http reads the bodies of redirects without a time limit, drops
// Accept, and quotes servers in its errors.
package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	nethttp "net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// Accept is the Accept header: the newest stable version of the config format.
const Accept = "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1"

// A Client makes the requests of HTTP origins.
type Client struct {
	Transport nethttp.RoundTripper // under the settings in force
	Limits    *Limits
	Agent     string // User-Agent
	Log       *slog.Logger
}

// An Origin is the payload at a URL of an HTTP server. Only one goroutine at a time may use it.
type Origin struct {
	Client *Client
	URL    *url.URL
	Header nethttp.Header
	// Authorize adds credentials to the request of one attempt, since some contain the time or a token that expires. Nil: no
	// credentials.
	Authorize func(context.Context, *nethttp.Request) error
	// Refusal classifies an answer other than 200, 204 and 206 by its first bytes; if it returns nil, or is nil, RFC 9110
	// decides.
	Refusal func(answer *nethttp.Response, text []byte) error
	// Fixed disables redirects, because a signature is valid for one host.
	Fixed bool
}

// A Header is one request header of a config.
type Header struct {
	Name  string
	Value *string // nil: the config removes a header of another config
}

// New returns the origin of an http: or https: URL.
func New(c *Client, u *url.URL, headers []Header) (*Origin, error) {
	if err := CheckURL(u); err != nil {
		return nil, err
	}
	o := &Origin{Client: c, URL: u, Header: nethttp.Header{"Accept": {Accept}}}
	for i, h := range headers {
		// The name and the value stay out of errors: either may be secret.
		switch {
		case h.Value == nil || *h.Value == "":
			return nil, fmt.Errorf("%w: httpHeaders.%d has no value", origin.ErrHeader, i)
		case !validName(h.Name):
			return nil, fmt.Errorf("%w: the name of httpHeaders.%d is not a token", origin.ErrHeader, i)
		case !validValue(*h.Value):
			return nil, fmt.Errorf("%w: the value of httpHeaders.%d has a control character", origin.ErrHeader, i)
		}
		o.Header.Set(h.Name, *h.Value)
	}
	return o, nil
}

// CheckURL rejects URLs that no attempt could reach.
func CheckURL(u *url.URL) error {
	if u.Opaque != "" || u.Hostname() == "" {
		return fmt.Errorf("%w: it names no server; write it as %s://HOST/PATH", origin.ErrURL, u.Scheme)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%w: its port is not between 1 and 65535", origin.ErrURL)
		}
	}
	return nil
}

// validName reports whether a text is a token (RFC 9110, section 5.6.2).
func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// validValue reports whether a text can be the value of a header (RFC 9110, section 5.5).
func validValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Open makes one attempt.
func (o *Origin) Open(ctx context.Context, from origin.Mark) (*origin.Stream, error) {
	host := o.URL.Host
	if err := o.Client.Limits.enter(ctx, host); err != nil {
		return nil, origin.Transport(err, true)
	}
	s, err := o.ask(ctx, from)
	var f *origin.Failure
	if errors.As(err, &f) {
		f.LinkLocal = f.LinkLocal || isLinkLocal(o.URL)
	}
	o.Client.Limits.answered(host, !origin.Temporary(err))
	if err != nil {
		o.Client.Limits.leave(host)
		return nil, err
	}
	s.ReadCloser = &closer{ReadCloser: s.ReadCloser, after: func() { o.Client.Limits.leave(host) }}
	return s, nil
}

// ask makes one attempt under the limits. It asks for the rest of a payload only with a validator: without one, the rest
// could be of another version.
func (o *Origin) ask(ctx context.Context, from origin.Mark) (*origin.Stream, error) {
	req, err := o.request(ctx)
	if err != nil {
		return nil, err
	}
	resume := from.Offset > 0 && from.Validator != ""
	if resume {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from.Offset))
		req.Header.Set("If-Range", from.Validator)
	}
	resp, err := o.exchange(req)
	if err != nil {
		return nil, err
	}
	if resume {
		s, err := rest(resp, from)
		if errors.Is(err, errUnusable) {
			letGo(resp)
			o.Client.Log.Info("GET result: " + err.Error() + "; asking for the whole")
			return o.ask(ctx, origin.Mark{})
		}
		if s != nil || err != nil {
			o.logResult(resp)
			return s, err
		}
	}
	if err := o.status(resp); err != nil {
		return nil, err
	}
	o.logResult(resp)
	return &origin.Stream{
		ReadCloser: resp.Body,
		From:       origin.Mark{Validator: validator(resp.Header), Total: max(0, resp.ContentLength)},
	}, nil
}

func (o *Origin) logResult(resp *nethttp.Response) {
	o.Client.Log.Info("GET result: " + nethttp.StatusText(resp.StatusCode))
}

// request makes the request of one attempt.
func (o *Origin) request(ctx context.Context) (*nethttp.Request, error) {
	req, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, o.URL.String(), nil)
	if err != nil {
		return nil, origin.ErrURL // net/http's own error shows the URL
	}
	req.URL = o.URL // keeps the escaping, which may be signed
	for name, values := range o.Header {
		req.Header[name] = values
	}
	if o.Authorize != nil {
		if err := o.Authorize(ctx, req); err != nil {
			return nil, err
		}
	}
	// Added after signing, because proxies may change them.
	for name, value := range map[string]string{"User-Agent": o.Client.Agent, "Accept-Encoding": "identity"} {
		if req.Header[name] == nil {
			req.Header[name] = []string{value}
		}
	}
	return req, nil
}

const mostRefusal = 16 << 10 // bytes of an answer for Refusal

// status classifies an answer, and discards its body unless it is the payload.
func (o *Origin) status(resp *nethttp.Response) error {
	code := resp.StatusCode
	if code == nethttp.StatusOK || code == nethttp.StatusNoContent {
		return nil
	}
	defer letGo(resp)
	if o.Refusal != nil {
		text, _ := io.ReadAll(io.LimitReader(bounded(resp), mostRefusal)) // the first bytes are enough
		if err := o.Refusal(resp, text); err != nil {
			return err
		}
	}
	text := strings.TrimSpace(fmt.Sprintf("status %d %s", code, nethttp.StatusText(code)))
	f := &origin.Failure{Err: fmt.Errorf("%w: %s", origin.ErrFailed, text), RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch code {
	case nethttp.StatusNotFound:
		f.Err = fmt.Errorf("%w: %s", origin.ErrNotFound, text)
	case nethttp.StatusRequestTimeout, nethttp.StatusTooEarly, nethttp.StatusTooManyRequests:
		f.Class = origin.ClassBusy
	case nethttp.StatusGone:
		f.Class = origin.ClassGone
	default:
		if code >= 500 {
			f.Class, f.Err = origin.ClassServer, errors.New(text)
		}
	}
	return f
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := nethttp.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// ProxyAnswer classifies a proxy's answer to CONNECT.
func ProxyAnswer(_ context.Context, proxy *url.URL, _ *nethttp.Request, resp *nethttp.Response) error {
	code := resp.StatusCode
	if code == nethttp.StatusOK {
		return nil
	}
	err := fmt.Errorf("the proxy %s refused the connection: status %d %s", proxy.Host, code, nethttp.StatusText(code))
	if code >= 500 || code == nethttp.StatusTooManyRequests {
		return &origin.Failure{Class: origin.ClassServer, Err: err, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	return &origin.Failure{Err: fmt.Errorf("%w: %w", origin.ErrFailed, err)}
}
