// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// accept is what configs are asked for with: the newest stable version of the format.
const accept = "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1"

const maxRedirects = 10

// checkRedirect follows at most ten redirects, never from https to http, and sends the headers of the config to
// the server alone that the config names.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrRedirect, maxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme == "http" {
		return fmt.Errorf("%w: from https to http", ErrRedirect)
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("%w: to %q", ErrRedirect, r.URL.Scheme)
	}
	kept := http.Header{}
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Range", "If-Range"} {
		if v := via[0].Header[name]; v != nil {
			kept[name] = v
		}
	}
	r.Header = kept
	return nil
}

// A site is the origin of what an HTTP server has.
type site struct {
	client *http.Client
	gates  *gates
	host   string // with its port, as in the URL
	log    func(string)
	near   bool
	// request makes the request of one attempt: some carry the time, or a token that ends.
	request func(context.Context) (*http.Request, error)
	// answer sorts what is neither 200, 204 nor 206; nil: as RFC 9110 has it.
	answer func(*http.Response) error
}

// web is the origin of an http: or https: URL.
func web(c *Client, u *url.URL, r Request) (origin, error) {
	header := http.Header{"Accept": {accept}}
	for _, h := range r.Headers {
		if h.Value == nil || *h.Value == "" {
			return nil, fmt.Errorf("%w: %s", ErrHeader, h.Name)
		}
		header.Set(h.Name, *h.Value)
	}
	s := c.site(u, header)
	if c.isBlob(u) {
		return c.blob(u, s), nil
	}
	return s, nil
}

// site returns the origin of what a server gives to a GET request with some headers.
func (c *Client) site(u *url.URL, header http.Header) *site {
	c.mu.Lock()
	client := c.http
	c.mu.Unlock()
	agent := "Ignition/" + c.o.Version
	return &site{
		client: client,
		gates:  &c.gates,
		host:   u.Host,
		log:    func(text string) { c.o.Log.Info(text) },
		near:   near(u),
		request: func(ctx context.Context) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
			if err != nil {
				return nil, errors.New("the URL is malformed")
			}
			req.Header = http.Header{"User-Agent": {agent}, "Accept-Encoding": {"identity"}}
			for name, values := range header {
				req.Header[name] = values
			}
			return req, nil
		},
	}
}

// near tells whether a server is on this machine or its link (RFC 3927, RFC 4291), by its address.
func near(u *url.URL) bool {
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast())
}

func (s *site) open(ctx context.Context, from mark) (*stream, error) {
	if err := s.gates.enter(ctx, s.host); err != nil {
		return nil, classify(err)
	}
	st, err := s.ask(ctx, from)
	var f *failure
	if errors.As(err, &f) {
		f.near = s.near
	}
	s.gates.answered(s.host, f == nil || !traits[f.class].again)
	if err != nil {
		s.gates.leave(s.host)
		return nil, err
	}
	st.ReadCloser = guarded{st.ReadCloser, func() { s.gates.leave(s.host) }}
	return st, nil
}

// ask makes one attempt. Without a validator the rest of a payload could be that of another version.
func (s *site) ask(ctx context.Context, from mark) (*stream, error) {
	req, err := s.request(ctx)
	if err != nil {
		return nil, err
	}
	resume := from.offset > 0 && from.validator != ""
	if resume {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from.offset))
		req.Header.Set("If-Range", from.validator)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, classify(err)
	}
	if resume && resp.StatusCode == http.StatusPartialContent {
		if rest := resp.Header.Get("Content-Range"); !strings.HasPrefix(rest, fmt.Sprintf("bytes %d-", from.offset)) {
			resp.Body.Close()
			return nil, fmt.Errorf("%w: asked for the bytes from %d on, it sent %q", ErrFailed, from.offset, rest)
		}
		s.log("GET result: " + http.StatusText(resp.StatusCode))
		return &stream{resp.Body, from}, nil
	}
	if resume && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		resp.Body.Close()
		return s.ask(ctx, mark{})
	}
	if err := s.status(resp); err != nil {
		return nil, err
	}
	s.log("GET result: " + http.StatusText(resp.StatusCode))
	return &stream{resp.Body, mark{validator: validator(resp.Header)}}, nil
}

// validator returns what a request can be resumed with: a strong entity tag, or the time of the last change (RFC 9110,
// section 13.1.5).
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" {
		if strings.HasPrefix(tag, "W/") {
			return ""
		}
		return tag
	}
	return h.Get("Last-Modified")
}

// status sorts an answer, and lets its body go unless it is the payload.
func (s *site) status(resp *http.Response) error {
	code := resp.StatusCode
	if code == http.StatusOK || code == http.StatusNoContent {
		return nil
	}
	defer resp.Body.Close()
	if s.answer != nil {
		if err := s.answer(resp); err != nil {
			return err
		}
	}
	io.CopyN(io.Discard, resp.Body, 4096) // for the next request to take the same connection; of no other use
	text := strings.TrimSpace(fmt.Sprintf("status %d %s", code, http.StatusText(code)))
	f := &failure{err: fmt.Errorf("%w: %s", ErrFailed, text), asked: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch code {
	case http.StatusNotFound:
		f.err = fmt.Errorf("%w: %s", ErrNotFound, text)
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		f.class = classBusy
	case http.StatusGone:
		f.class = classGone
	default:
		if code >= 500 {
			f.class, f.err = classServer, errors.New(text)
		}
	}
	return f
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// proxyAnswer sorts what a proxy says to CONNECT.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	code := resp.StatusCode
	if code == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("the proxy %s lets nobody through: status %d %s", proxy.Host, code, http.StatusText(code))
	if code >= 500 || code == http.StatusTooManyRequests {
		return &failure{class: classServer, err: err, asked: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	return &failure{err: fmt.Errorf("%w: %w", ErrFailed, err)}
}
