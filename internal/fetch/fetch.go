// SPDX-License-Identifier: Apache-2.0

// Package fetch turns URLs into verified streams of bytes.
//
// It gives no meaning to what it fetches, and writes nowhere but to the writer it is handed. The invariant: when
// Fetch returns nil, the writer has got every byte, decompressed, and they have the digest that was asked for; after any
// error what was written is not to be used. URLs appear in logs and errors without credentials and queries.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
)

// Options are what a client is made with.
type Options struct {
	Version string // of the program, for the User-Agent header
	Offline bool   // everything that needs the network is answered by ErrNeedNet
	// Platform is the id of the platform; "aws" and "azure" have credentials for the machine.
	Platform string
	// AzureClientID selects one of several managed identities; empty: the machine has one.
	AzureClientID string
	Log           *slog.Logger
	// Say tells people at the console of waits longer than 5 s; nil: nobody is told.
	Say func(string)
	// Total limits each fetch, all attempts together, unless a config says otherwise; 0: unlimited.
	Total time.Duration
	// Base is what holds where no config says otherwise. Its authorities are data: URLs.
	Base Settings
	// Dial connects to servers; nil: TCP, with a limit of 30 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client fetches. It may be used concurrently.
type Client struct {
	o Options
	clouds
	gates gates

	mu       sync.Mutex
	settings Settings
	http     *http.Client // under the settings in force
}

// A Header is one extra request header.
type Header struct {
	Name  string
	Value *string // nil makes the fetch fail: it meant to remove a header that was not there
}

// A Request says what to fetch.
type Request struct {
	URL         string // empty: an empty payload
	Headers     []Header
	Compression string // "gzip", or empty for none
	Hash        string // "sha512-" or "sha256-" and hex digits of the decompressed payload; empty: unchecked
	Purpose     string // what it is for, in logs: "config", "file /etc/motd"
}

// FromResource returns the request for a resource of a config.
func FromResource(r types.Resource) Request {
	req := Request{URL: text(r.Source), Compression: text(r.Compression), Hash: text(r.Verification.Hash)}
	for _, h := range r.HTTPHeaders {
		req.Headers = append(req.Headers, Header{h.Name, h.Value})
	}
	return req
}

// Key is the same for requests that have the same payload. It holds secrets.
func (r Request) Key() string {
	key := fmt.Sprintf("%q %q %q", r.URL, r.Compression, r.Hash)
	for _, h := range r.Headers {
		key += fmt.Sprintf(" %q", h.Name)
		if h.Value != nil {
			key += fmt.Sprintf("=%q", *h.Value)
		}
	}
	return key
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// New returns a client with the settings that hold before any config is known.
func New(o Options) (*Client, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext
	}
	c := &Client{o: o}
	return c, c.Configure(context.Background(), Settings{})
}

// Fetch streams the decompressed payload to w and checks it. A payload that breaks off is gone on with where it broke. If the
// server cannot do that, it comes from the beginning: then w must be a Rewinder, and is brought back to where it
// stood.
func (c *Client) Fetch(ctx context.Context, r Request, w io.Writer) error {
	if err := c.fetch(ctx, r, w); err != nil {
		return &Error{URL: Redact(r.URL), Purpose: r.Purpose, Err: err}
	}
	return nil
}

func (c *Client) fetch(ctx context.Context, r Request, w io.Writer) error {
	check, err := newCheck(r.Hash)
	if err != nil {
		return err
	}
	origin, err := c.origin(r)
	if err != nil {
		return err
	}
	out := &outlet{w: w, hash: check}
	if l, at := origin.(literal); at {
		if err := pour(out, bytes.NewReader(l), r.Compression); err != nil {
			return err
		}
		return check.verify()
	}
	if err := out.mark(); err != nil {
		return err
	}
	if limit := c.limit(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	f := c.feed(ctx, origin, r)
	defer f.drop()
	for {
		err := pour(out, f, r.Compression)
		if err == nil {
			return check.verify()
		}
		if !errors.Is(err, errRestart) {
			return err
		}
		if err := out.rewind(); err != nil {
			return err
		}
	}
}

// limit is how long the whole of one fetch may take; 0: unlimited.
func (c *Client) limit() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings.Total != nil {
		return *c.settings.Total
	}
	return c.o.Total
}

// feed begins to fetch.
func (c *Client) feed(ctx context.Context, o origin, r Request) *feed {
	now, address := time.Now(), Redact(r.URL)
	what := address
	if r.Purpose != "" {
		what = r.Purpose + " from " + what
	}
	return &feed{ctx: ctx, origin: o, retry: &retry{
		log: c.o.Log, say: c.o.Say, address: address, what: what, attempt: 1, began: now, said: now,
	}}
}

// Bytes fetches a payload of at most limit bytes into memory.
func (c *Client) Bytes(ctx context.Context, r Request, limit int64) ([]byte, error) {
	m := &memory{limit: limit}
	err := c.Fetch(ctx, r, m)
	return m.Bytes(), err
}

// memory takes a payload in and fails as soon as it has more than its limit, so that a small compressed payload
// cannot fill the machine.
type memory struct {
	bytes.Buffer
	limit int64
}

func (m *memory) Write(p []byte) (int, error) {
	if int64(m.Len())+int64(len(p)) > m.limit {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, m.limit)
	}
	return m.Buffer.Write(p)
}

// Seek and Truncate make it a Rewinder.
func (m *memory) Seek(int64, int) (int64, error) { return int64(m.Len()), nil }

// Truncate drops what is behind size.
func (m *memory) Truncate(size int64) error {
	m.Buffer.Truncate(int(size))
	return nil
}
