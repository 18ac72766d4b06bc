// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// cloud plays the metadata service and the store.
type cloud struct {
	metadata int    // status of the metadata service
	token    string // its answer
	signed   int    // status for requests with a token
	plain    int    // status for others
	seen     []*http.Request
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	c.seen = append(c.seen, r)
	code, text := c.plain, "payload"
	switch {
	case r.URL.Host == "169.254.169.254":
		code, text = c.metadata, c.token
	case r.Header.Get("Authorization") != "":
		code = c.signed
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

const token = `{"access_token":"token","expires_in":"3600"}`

func TestBlob(t *testing.T) {
	for _, c := range []struct {
		name      string
		cloud     cloud
		requests  int
		err       error
		temporary bool
	}{
		{name: "as the machine", cloud: cloud{200, token, 200, 403, nil}, requests: 2},
		{name: "public", cloud: cloud{400, "", 0, 200, nil}, requests: 2},
		{name: "public, token refused", cloud: cloud{200, token, 403, 200, nil}, requests: 3},
		{name: "private, no identity", cloud: cloud{400, "", 0, 403, nil}, requests: 2, err: origin.ErrFailed},
		{name: "private, identity not known yet", cloud: cloud{404, "", 0, 403, nil}, requests: 2, err: origin.ErrFailed, temporary: true},
		{name: "private, store busy", cloud: cloud{200, token, 503, 403, nil}, requests: 3, temporary: true},
		{name: "missing", cloud: cloud{200, token, 404, 404, nil}, requests: 3, err: origin.ErrNotFound},
		{name: "not a token", cloud: cloud{200, "s3cret", 0, 403, nil}, requests: 2, temporary: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := url.Parse("http://account.blob.core.windows.net/box/a/b")
			if err != nil || !IsBlob(u) {
				t.Fatal("the URL is not that of a blob", err)
			}
			client := &httporigin.Client{Transport: &c.cloud, Limits: &httporigin.Limits{}, Log: slog.New(slog.DiscardHandler)}
			plain, err := httporigin.New(client, u, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(NewIdentity(&http.Client{Transport: &c.cloud}, "id"), plain).Open(t.Context(), origin.Mark{})
			failed := c.err != nil || c.temporary
			if failed != (err != nil) || c.err != nil && !errors.Is(err, c.err) || origin.Temporary(err) != c.temporary {
				t.Errorf("error %v; want %v, temporary %v", err, c.err, c.temporary)
			}
			if err == nil {
				s.Close()
			} else if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows what the service sent: %v", err)
			}
			if len(c.cloud.seen) != c.requests {
				t.Errorf("%d requests, want %d", len(c.cloud.seen), c.requests)
			}
			for _, r := range c.cloud.seen {
				if r.Header.Get("Authorization") != "" && r.URL.Scheme != "https" {
					t.Error("a token was sent in the clear")
				}
			}
		})
	}
}

func TestIsBlob(t *testing.T) {
	for address, want := range map[string]bool{
		"https://a.blob.core.windows.net/c/f": true, "https://A.BLOB.core.windows.net/c/f": true, "https://a.blob.core.windows.net/c/f?sig=x": false,
		"https://a.blob.core.windows.net.evil.example/c/f": false, "https://example.com/": false,
	} {
		if u, err := url.Parse(address); err != nil || IsBlob(u) != want {
			t.Errorf("%s: %v, want %v", address, IsBlob(u), want)
		}
	}
}
