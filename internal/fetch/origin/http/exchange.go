// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

const maxRedirects = 10

// Limits of one exchange that net/http does not offer.
const (
	writeLimit = 30 * time.Second // for a server to read a part of the request
	bodyLimit  = 2 * time.Second  // for reading a body that is not the payload
	shortBody  = 4096             // bytes; a body up to this size is read to its end, so that the connection can be reused
)

// exchange makes a request and follows at most ten redirects.
func (o *Origin) exchange(req *nethttp.Request) (*nethttp.Response, error) {
	for hop := 0; ; hop++ {
		resp, err := o.roundTrip(req)
		if err != nil {
			return nil, origin.Transport(err, hop == 0)
		}
		if o.Fixed {
			return resp, nil
		}
		next, err := redirected(req, resp)
		if next == nil && err == nil {
			return resp, nil
		}
		letGo(resp)
		if err != nil {
			return nil, err
		}
		if hop == maxRedirects {
			return nil, fmt.Errorf("%w: more than %d redirects", origin.ErrRedirect, maxRedirects)
		}
		req = next
	}
}

// redirected returns the request that an answer redirects to, or nil if it is not a redirect. Only the URL in the config
// gets the config's headers.
func redirected(req *nethttp.Request, resp *nethttp.Response) (*nethttp.Request, error) {
	switch resp.StatusCode {
	case nethttp.StatusMovedPermanently, nethttp.StatusFound, nethttp.StatusSeeOther, nethttp.StatusTemporaryRedirect, nethttp.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	u, err := req.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%w: to a malformed URL", origin.ErrRedirect)
	}
	switch {
	case req.URL.Scheme == "https" && u.Scheme == "http":
		return nil, fmt.Errorf("%w: from https to http", origin.ErrRedirect)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: to %s", origin.ErrRedirect, origin.Named(u.Scheme, "a URL that is not HTTP"))
	case CheckURL(u) != nil:
		return nil, fmt.Errorf("%w: to a malformed URL", origin.ErrRedirect)
	}
	next := req.WithContext(req.Context())
	next.URL, next.Host, next.Header = u, u.Host, nethttp.Header{}
	for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding", "Range", "If-Range"} {
		if v := req.Header[name]; v != nil {
			next.Header[name] = v
		}
	}
	return next, nil
}

// roundTrip makes one request. Its context ends when the body of the answer is closed.
func (o *Origin) roundTrip(req *nethttp.Request) (*nethttp.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	req = req.WithContext(ctx)
	if user := req.URL.User; user != nil && req.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := o.Client.Transport.RoundTrip(req)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &closer{ReadCloser: resp.Body, after: cancel}
	return resp, nil
}

// LimitWrites returns a dial whose connections fail when the server does not read for writeLimit. All other limits of
// net/http begin when the request is written.
func LimitWrites(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &limitedConn{Conn: conn}, nil
	}
}

type limitedConn struct {
	net.Conn
	limited atomic.Bool // by the connection's user, as crypto/tls does for its close alert
}

func (c *limitedConn) Write(p []byte) (int, error) {
	if !c.limited.Load() {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// SetWriteDeadline replaces the write limit until it is called with the zero time.
func (c *limitedConn) SetWriteDeadline(t time.Time) error {
	c.limited.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is SetWriteDeadline and SetReadDeadline.
func (c *limitedConn) SetDeadline(t time.Time) error {
	c.limited.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

// letGo ends an exchange whose body is not needed. It reads a short body to its end, so that the next request can reuse the
// connection, but does not wait for a server that announces a body and does not send it.
func letGo(resp *nethttp.Response) {
	if resp.ContentLength <= shortBody {
		io.CopyN(io.Discard, bounded(resp), shortBody) // an error only ends the connection
	}
	resp.Body.Close()
}

// bounded returns the body of an answer with the time limit bodyLimit. The end of the request's context does not end a body
// after status 101 (net/http).
func bounded(resp *nethttp.Response) io.Reader {
	body := resp.Body
	return readerFunc(func(p []byte) (int, error) {
		timer := time.AfterFunc(bodyLimit, func() { body.Close() })
		defer timer.Stop()
		return body.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A closer is a body that calls a function after it is closed.
type closer struct {
	io.ReadCloser
	after func()
	once  sync.Once
}

func (c *closer) Close() error {
	defer c.once.Do(c.after)
	return c.ReadCloser.Close()
}
