// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// accept is what configs are asked for with: the newest stable version of the format.
const accept = "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1"

// Bounds of the wait between two attempts.
const (
	firstWait = 200 * time.Millisecond
	mostWait  = 5 * time.Second
)

// patience is how long a wait is silent.
const patience = 5 * time.Second

const maxRedirects = 10

// checkRedirect follows at most ten redirects, never from https to http, and sends the headers of the config to
// the server alone that the config names.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrFailed, maxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("%w: it redirects from https to %s", ErrFailed, r.URL.Scheme)
	}
	r.Header = http.Header{"User-Agent": via[0].Header["User-Agent"], "Accept-Encoding": {"identity"}}
	return nil
}

// openHTTP tries until the server answers with something that another attempt cannot change, or the time is over.
func openHTTP(c *Client, ctx context.Context, u *url.URL, r Request) (io.ReadCloser, error) {
	c.mu.Lock()
	t := c.http
	c.mu.Unlock()
	cancel := func() {}
	if t.total > 0 {
		ctx, cancel = context.WithTimeout(ctx, t.total)
	}
	body, err := c.attempts(ctx, t, u, r)
	if err != nil {
		cancel()
		return nil, err
	}
	return &closer{body, cancel}, nil
}

// closer ends the request's time limit with its body.
type closer struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closer) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

func (c *Client) attempts(ctx context.Context, t *transport, u *url.URL, r Request) (io.ReadCloser, error) {
	began, said := time.Now(), time.Now()
	for n, wait := 1, firstWait; ; n, wait = n+1, min(2*wait, mostWait) {
		c.o.Log.Info(fmt.Sprintf("GET %s: attempt #%d", Redact(r.URL), n))
		body, err := c.attempt(ctx, t, u, r)
		var again *transient
		if err == nil || !errors.As(err, &again) {
			return body, err
		}
		c.o.Log.Info("GET error: " + err.Error())
		pause := time.Duration(rand.Int64N(int64(wait))) + wait/2
		if time.Since(said) > patience {
			said = time.Now()
			c.o.Log.Warn(fmt.Sprintf("still waiting for %s after %s and %d attempts; the next one comes in %s",
				Redact(r.URL), time.Since(began).Round(time.Second), n, pause.Round(time.Millisecond)))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w after %d attempts: %w", ErrTimeout, n, again.err)
		case <-time.After(pause):
		}
	}
}

// transient is a failure that another attempt may heal.
type transient struct{ err error }

func (e *transient) Error() string { return e.err.Error() }
func (e *transient) Unwrap() error { return e.err }

// attempt makes one request.
func (c *Client) attempt(ctx context.Context, t *transport, u *url.URL, r Request) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("the URL is malformed")
	}
	req.Header = http.Header{
		"User-Agent": {"Ignition/" + c.o.Version}, "Accept": {accept}, "Accept-Encoding": {"identity"},
	}
	for _, h := range r.Headers {
		if h.Value == nil || *h.Value == "" {
			return nil, fmt.Errorf("%w: %s", ErrHeader, h.Name)
		}
		req.Header.Set(h.Name, *h.Value)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		var told *url.Error // names the URL once more, unredacted
		if errors.As(err, &told) {
			err = told.Err
		}
		if errors.Is(err, ErrFailed) {
			return nil, err
		}
		return nil, &transient{err}
	}
	if err := status(resp.StatusCode); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	c.o.Log.Info("GET result: " + http.StatusText(resp.StatusCode))
	return resp.Body, nil
}

// status sorts the answers of a server.
func status(code int) error {
	text := fmt.Sprintf("status %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusOK || code == http.StatusNoContent:
		return nil
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNotFound, text)
	case code >= 500:
		return &transient{errors.New(text)}
	}
	return fmt.Errorf("%w: %s", ErrFailed, text)
}
