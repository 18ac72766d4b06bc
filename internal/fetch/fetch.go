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
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/firstlight-boot/firstlight/config/types"
)

// Options are what a client is made with.
type Options struct {
	Version string // of the program, for the User-Agent header
	Offline bool   // everything that needs the network is answered by ErrNeedNet
	Log     *slog.Logger
}

// A Client fetches. It may be used concurrently.
type Client struct {
	o Options

	mu       sync.Mutex
	settings Settings
	http     *transport
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

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// New returns a client with the settings that hold before any config is known.
func New(o Options) (*Client, error) {
	c := &Client{o: o}
	return c, c.Configure(context.Background(), Settings{})
}

// Fetch streams the decompressed payload to w and checks it.
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
	body, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer body.Close()
	plain, err := decompress(body, r.Compression)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.MultiWriter(w, check), plain); err != nil {
		return err
	}
	return check.verify()
}

// Bytes fetches a payload of at most limit bytes into memory.
func (c *Client) Bytes(ctx context.Context, r Request, limit int64) ([]byte, error) {
	var buffer bytes.Buffer
	err := c.Fetch(ctx, r, &bounded{w: &buffer, left: limit, limit: limit})
	return buffer.Bytes(), err
}

// bounded fails as soon as more than its limit is written, so that a small compressed payload cannot fill the memory.
type bounded struct {
	w           io.Writer
	left, limit int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.limit)
	}
	return b.w.Write(p)
}
