// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/vincent-petithory/dataurl"
)

// A scheme is one way of getting at a payload.
type scheme struct {
	network bool
	origin  func(*Client, *url.URL, Request) (origin, error)
}

// schemes is the table of URL schemes. The empty one is that of the empty URL, an empty payload.
func schemes() map[string]scheme {
	return map[string]scheme{
		"":      {origin: nothing},
		"data":  {origin: inline},
		"http":  {network: true, origin: web},
		"https": {network: true, origin: web},
		"tftp":  {network: true, origin: tftpURL},
		"gs":    {network: true, origin: googleObject},
		"s3":    {network: true, origin: s3URL},
		"arn":   {network: true, origin: s3ARN},
	}
}

// NeedsNetwork tells whether a URL can be fetched only over the network.
func NeedsNetwork(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.Scheme != "" && u.Scheme != "data"
}

// origin returns where the payload of a request comes from.
func (c *Client) origin(r Request) (origin, error) {
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
	return s.origin(c, u, r)
}

// literal is a payload that is at hand.
type literal []byte

func (l literal) open(context.Context, mark) (*stream, error) {
	return &stream{ReadCloser: io.NopCloser(bytes.NewReader(l))}, nil
}

func nothing(*Client, *url.URL, Request) (origin, error) { return literal(nil), nil }

func inline(_ *Client, _ *url.URL, r Request) (origin, error) {
	d, err := dataurl.DecodeString(r.URL)
	if err != nil {
		return nil, errors.New("the data: URL is malformed") // the decoder's own words could show its content
	}
	return literal(d.Data), nil
}

// DataURL returns a payload as a URL.
func DataURL(payload []byte) string {
	return dataurl.New(payload, "text/plain", "charset", "utf-8").String()
}
