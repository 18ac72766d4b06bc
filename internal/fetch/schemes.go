// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/vincent-petithory/dataurl"
)

// A scheme is one way of getting at a payload.
type scheme struct {
	network bool
	open    func(*Client, context.Context, *url.URL, Request) (io.ReadCloser, error)
}

// schemes is the table of URL schemes. The empty one is that of the empty URL, an empty payload.
func schemes() map[string]scheme {
	return map[string]scheme{
		"":      {open: openNothing},
		"data":  {open: openData},
		"http":  {network: true, open: openHTTP},
		"https": {network: true, open: openHTTP},
	}
}

// NeedsNetwork tells whether a URL can be fetched only over the network.
func NeedsNetwork(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.Scheme != "" && u.Scheme != "data"
}

// open begins to fetch.
func (c *Client) open(ctx context.Context, r Request) (io.ReadCloser, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL is malformed", ErrScheme)
	}
	s, ok := schemes()[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrScheme, u.Scheme)
	}
	if s.network && c.o.Offline {
		return nil, ErrNeedNet
	}
	return s.open(c, ctx, u, r)
}

func openNothing(*Client, context.Context, *url.URL, Request) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(nil)), nil
}

func openData(_ *Client, _ context.Context, _ *url.URL, r Request) (io.ReadCloser, error) {
	d, err := dataurl.DecodeString(r.URL)
	if err != nil {
		return nil, fmt.Errorf("the data: URL is malformed") // the decoder's own words could show its content
	}
	return io.NopCloser(bytes.NewReader(d.Data)), nil
}

// DataURL returns a payload as a URL.
func DataURL(payload []byte) string {
	return dataurl.New(payload, "text/plain", "charset", "utf-8").String()
}
