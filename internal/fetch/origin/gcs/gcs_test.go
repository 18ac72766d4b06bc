// SPDX-License-Identifier: Apache-2.0

package gcs

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
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// A cloud plays the metadata service and the store.
type cloud struct {
	away   bool   // there is no metadata service
	scopes string // empty: there is no service account
	token  string
	tokens int
	object *http.Request // the last
}

func (g *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(code int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{"Metadata-Flavor": {"Google"}}, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
	switch {
	case r.URL.Host == "storage.googleapis.com":
		g.object = r
		return answer(http.StatusOK, "payload")
	case g.away:
		return nil, errors.New("no route")
	case strings.HasSuffix(r.URL.Path, "/scopes") && g.scopes == "":
		return answer(http.StatusNotFound, "")
	case strings.HasSuffix(r.URL.Path, "/scopes"):
		return answer(http.StatusOK, g.scopes)
	case strings.HasSuffix(r.URL.Path, "/token"):
		g.tokens++
		if g.token == "" {
			return answer(http.StatusForbidden, "s3cret")
		}
		return answer(http.StatusOK, `{"access_token":"`+g.token+`","expires_in":3600}`)
	}
	return answer(http.StatusOK, "")
}

func TestAccount(t *testing.T) {
	for _, c := range []struct {
		name, platform string
		cloud          cloud
		authorization  string
		tokens         int
		err            string
	}{
		{name: "elsewhere", cloud: cloud{away: true}},
		{name: "no account", cloud: cloud{}},
		{name: "no scopes", cloud: cloud{scopes: "\n"}},
		{name: "account", cloud: cloud{scopes: "x\n", token: "token"}, authorization: "Bearer token", tokens: 1},
		{name: "no token", platform: "gcp", cloud: cloud{scopes: "x\n"}, tokens: 2, err: "status 403 Forbidden of the metadata service"},
		{name: "service away", platform: "gcp", cloud: cloud{away: true}, err: "the connection failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := slog.New(slog.DiscardHandler)
			account := NewAccount(google.New(&c.cloud), c.platform, log)
			client := &httporigin.Client{Transport: &c.cloud, Limits: &httporigin.Limits{}, Log: log}
			for range 2 {
				o, err := New(account, client, &url.URL{Scheme: "gs", Host: "bucket", Path: "//a/b c"})
				if err != nil {
					t.Fatal(err)
				}
				_, err = o.Open(t.Context(), origin.Mark{})
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) || !origin.Temporary(err) || strings.Contains(err.Error(), "s3cret") {
						t.Errorf("error %v; want %q", err, c.err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if c.cloud.object.Header.Get("Authorization") != c.authorization {
					t.Errorf("the headers are %v", c.cloud.object.Header)
				}
				if got, want := c.cloud.object.URL.EscapedPath(), "/storage/v1/b/bucket/o/a%2Fb%20c"; got != want {
					t.Errorf("asked for %s, want %s", got, want)
				}
			}
			if c.cloud.tokens != c.tokens {
				t.Errorf("%d tokens for two objects, want %d", c.cloud.tokens, c.tokens)
			}
		})
	}
}
