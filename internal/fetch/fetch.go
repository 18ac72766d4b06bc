// SPDX-License-Identifier: Apache-2.0

// Package fetch turns URLs into verified streams of bytes.
//
// It does not interpret payloads, and writes only to the caller's writer. The invariant: when Fetch returns nil, the writer
// has every byte of one version of the payload, decompressed, and the digest is the expected one; after any error the
// written data must not be used. URLs appear in logs and errors without credentials and queries.
package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// Options configures a client.
type Options struct {
	Version string // of the program, for the User-Agent header
	Offline bool   // requests that need the network fail with ErrNeedNet
	// Platform is the id of the platform; "aws" and "azure" have credentials for the machine.
	Platform string
	// EC2 reads an item of EC2's metadata service, for the credentials of a machine on "aws"; nil: no credentials.
	EC2 ec2.Get
	// Google asks the metadata service of Compute Engine, for the service account that gs: URLs use; nil: no credentials.
	Google *google.Client
	// AzureClientID selects one of several managed identities; empty: the only one.
	AzureClientID string
	Log           *slog.Logger
	// Say writes to the console about waits longer than 5 s; nil: no messages.
	Say func(string)
	// Total limits each fetch with all its attempts, unless a config sets another limit; 0: unlimited.
	Total time.Duration
	// Base is the default settings below every config. Its authorities are data: URLs.
	Base Settings
	// Dial connects to servers; nil: TCP, with a limit of 30 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client fetches payloads. It is safe for concurrent use.
type Client struct {
	o      Options
	limits httporigin.Limits
	clouds clouds
	chunks sync.Pool // of *chunk

	mu       sync.Mutex
	settings Settings
	trusted  *x509.CertPool     // under the settings in force
	bundles  map[string][]byte  // of authorities, by the keys of their requests
	http     *httporigin.Client // under the settings in force
}

// A Header is one extra request header. Without a value the fetch fails: it was meant to remove a header that does not
// exist.
type Header = httporigin.Header

// A Request describes one fetch.
type Request struct {
	URL         string // empty: an empty payload
	Headers     []Header
	Compression string // "gzip", or empty for none
	Hash        string // "sha512-" or "sha256-" and hex digits of the decompressed payload; empty: unchecked
	Purpose     string // for logs: "config", "file /etc/motd"
	Place       string // of the source in its config, for logs: "user.ign:4:29 ($.storage.files.0)"; empty: unknown
}

// FromResource returns the request for a resource of a config.
func FromResource(r types.Resource) Request {
	req := Request{URL: types.Text(r.Source), Compression: types.Text(r.Compression), Hash: types.Text(r.Verification.Hash)}
	for _, h := range r.HTTPHeaders {
		req.Headers = append(req.Headers, Header{Name: h.Name, Value: h.Value})
	}
	return req
}

// Key returns a key that is equal for requests of the same payload. It contains secrets.
func (r Request) Key() string {
	url := r.URL
	if !strings.HasPrefix(url, "data:") {
		url, _, _ = strings.Cut(url, "#") // fragments are not sent to servers
	}
	key := fmt.Sprintf("%q %q %q", url, r.Compression, r.Hash)
	for _, h := range r.Headers {
		key += fmt.Sprintf(" %q", h.Name)
		if h.Value != nil {
			key += fmt.Sprintf("=%q", *h.Value)
		}
	}
	return key
}

// New returns a client with the settings that apply before any config is known.
func New(o Options) (*Client, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext
	}
	c := &Client{o: o, clouds: newClouds(o)}
	return c, c.Configure(context.Background(), Settings{})
}

// Fetch streams the decompressed payload to w and checks it. If the transfer breaks off, Fetch resumes it. If the server
// cannot resume, the transfer starts over: then w must be a Rewinder, and Fetch rewinds it. If w is a Reserver, it gets the
// size of a payload that is longer than a chunk. An error of w is returned as a *WriteError, any other as an *Error.
func (c *Client) Fetch(ctx context.Context, r Request, w io.Writer) error {
	err := c.fetch(ctx, r, w)
	var of *WriteError
	if err == nil || errors.As(err, &of) {
		return err
	}
	return c.failed(r, err)
}

// failed logs the end of a fetch and returns its error. ErrNeedNet and a canceled fetch are not failures.
func (c *Client) failed(r Request, err error) error {
	err = &Error{URL: Redact(r.URL), Purpose: r.Purpose, Err: err}
	if errors.Is(err, ErrNeedNet) || errors.Is(err, context.Canceled) {
		return err
	}
	text := "GET error: " + err.Error()
	if r.Place != "" {
		text += "; its source is at " + r.Place
	}
	c.o.Log.Info(text)
	return err
}

func (c *Client) fetch(ctx context.Context, r Request, w io.Writer) error {
	check, err := newCheck(r.Hash)
	if err != nil {
		return err
	}
	from, err := c.origin(r)
	if err != nil {
		return err
	}
	out := &rewindable{w: w, digest: check.Hash, chunks: &c.chunks}
	if payload, ok := from.(origin.Inline); ok {
		if err := out.copy(bytes.NewReader(payload), r.Compression); err != nil {
			return err
		}
		return check.verify()
	}
	out.mark()
	if limit := c.limit(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	in := c.resuming(ctx, from, r)
	defer in.drop()
	out.total = func() int64 { return in.at.Total }
	for {
		err := out.copy(in, r.Compression)
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

// limit returns the time limit of one whole fetch; 0: unlimited.
func (c *Client) limit() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings.Total != nil {
		return *c.settings.Total
	}
	return c.o.Total
}

// resuming returns the reader of a payload from the network.
func (c *Client) resuming(ctx context.Context, from origin.Origin, r Request) *resumingReader {
	now, address := time.Now(), Redact(r.URL)
	what := address
	if r.Purpose != "" {
		what = r.Purpose + " from " + what
	}
	return &resumingReader{ctx: ctx, origin: from, retry: &retry{
		log: c.o.Log, say: c.o.Say, address: address, what: what, attempt: 1, began: now, said: now,
	}}
}

// Bytes fetches a payload of at most limit bytes into memory.
func (c *Client) Bytes(ctx context.Context, r Request, limit int64) ([]byte, error) {
	m := &memory{limit: limit}
	err := c.Fetch(ctx, r, m)
	var full *WriteError
	if errors.As(err, &full) { // report the payload's size, not a failed write
		err = c.failed(r, full.Err)
	}
	return m.data, err
}

// memory stores a payload and fails as soon as it exceeds its limit, so that a small compressed payload cannot fill the
// machine's memory. It is not a bytes.Buffer, because io.Copy would use its ReadFrom, which has no limit.
type memory struct {
	data  []byte
	limit int64
}

func (m *memory) Write(p []byte) (int, error) {
	if err := m.Reserve(int64(len(p))); err != nil {
		return 0, err
	}
	m.data = append(m.data, p...)
	return len(p), nil
}

// Reserve makes room for more bytes, never beyond the limit.
func (m *memory) Reserve(more int64) error {
	need := int64(len(m.data)) + more
	if need > m.limit {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, m.limit)
	}
	if room := int64(cap(m.data)); need > room {
		grown := make([]byte, len(m.data), min(max(need, 2*room), m.limit))
		copy(grown, m.data)
		m.data = grown
	}
	return nil
}

// Seek and Truncate make it a Rewinder.
func (m *memory) Seek(int64, int) (int64, error) { return int64(len(m.data)), nil }

// Truncate cuts the content to size.
func (m *memory) Truncate(size int64) error {
	m.data = m.data[:size]
	return nil
}
