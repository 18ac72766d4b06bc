// SPDX-License-Identifier: Apache-2.0

package origin_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// TestGoogle runs fake-gcs-server. That does not check tokens, so a guard in front of it does, for one bucket.
func TestGoogle(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("payload"))
	z.Close()
	data := t.TempDir()
	for name, text := range map[string]string{
		"public/config.ign": "payload", "public/a dir/ü+&?#%41": "strange name", "public/packed": packed.String(), "private/config.ign": "secret payload",
	} {
		path := filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	address, number := port(t)
	start(t, address, nil, installed(t, "fake-gcs-server"), "-backend", "memory", "-data", data, "-scheme", "http",
		"-host", "127.0.0.1", "-port", number, "-log-level", "warn")

	const private = "gs://private/config.ign"
	t.Run("elsewhere", func(t *testing.T) {
		n := newNetwork(t)
		n.serve(guard(address), true, "storage.googleapis.com")
		n.check(t, n.client("metal"),
			fetched{name: "object", req: fetch.Request{URL: "gs://public/config.ign"}, want: "payload"},
			fetched{name: "slashes before the name", req: fetch.Request{URL: "gs://public///config.ign"}, want: "payload"},
			fetched{name: "strange name", req: fetch.Request{URL: "gs://public/a%20dir/ü+&%3F%23%2541"}, want: "strange name"},
			fetched{name: "gzip", req: fetch.Request{URL: "gs://public/packed", Compression: "gzip"}, want: "payload"},
			fetched{name: "missing", req: fetch.Request{URL: "gs://public/none"}, err: fetch.ErrNotFound, text: []string{"gs://public/none"}},
			fetched{name: "without credentials", req: fetch.Request{URL: private}, err: fetch.ErrFailed, text: []string{"401"}},
			fetched{name: "no object", req: fetch.Request{URL: "gs://public"}, err: fetch.ErrURL, text: []string{"an object"}},
		)
	})
	t.Run("with a service account", func(t *testing.T) {
		n := newNetwork(t)
		n.serve(guard(address), true, "storage.googleapis.com")
		m := &googleMetadata{scopes: "https://www.googleapis.com/auth/cloud-platform\n", fail: 1}
		n.serve(m, false, "169.254.169.254")
		n.check(t, n.client("metal"), // any platform: the client looks for the service account everywhere
			fetched{name: "object", req: fetch.Request{URL: private}, want: "secret payload"},
			fetched{name: "again", req: fetch.Request{URL: private}, want: "secret payload"},
		)
		if m.tokens != 1 {
			t.Errorf("%d tokens were handed out for two objects", m.tokens)
		}
	})
	t.Run("with a service account, over IPv6 only", func(t *testing.T) {
		n := newNetwork(t)
		n.serve(guard(address), true, "storage.googleapis.com")
		m := &googleMetadata{scopes: "https://www.googleapis.com/auth/cloud-platform\n"}
		n.serve(m, false, "[fd20:ce::254]")
		n.check(t, n.client("gcp"), fetched{name: "object", req: fetch.Request{URL: private}, want: "secret payload"})
	})
	t.Run("with a service account without scopes", func(t *testing.T) {
		n := newNetwork(t)
		n.serve(guard(address), true, "storage.googleapis.com")
		n.serve(&googleMetadata{}, false, "169.254.169.254")
		n.check(t, n.client("metal"),
			fetched{name: "public", req: fetch.Request{URL: "gs://public/config.ign"}, want: "payload"},
			fetched{name: "private", req: fetch.Request{URL: private}, err: fetch.ErrFailed, text: []string{"401"}},
		)
	})
}

// guard forwards requests to a server. For the private bucket it requires the token.
func guard(address string) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/private/") && r.Header.Get("Authorization") != "Bearer the-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// googleMetadata answers as the metadata service of Compute Engine is documented to.
// https://cloud.google.com/compute/docs/access/authenticate-workloads
type googleMetadata struct {
	scopes string
	fail   int // how many requests for a token fail at first
	tokens int
}

func (m *googleMetadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	switch r.URL.Path {
	case "/", "":
	case "/computeMetadata/v1/instance/service-accounts/default/scopes":
		if r.Header.Get("Metadata-Flavor") != "Google" {
			w.WriteHeader(http.StatusForbidden)
		} else if m.scopes == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, m.scopes)
	case "/computeMetadata/v1/instance/service-accounts/default/token":
		if m.fail--; m.fail >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		m.tokens++
		if r.FormValue("scopes") != "https://www.googleapis.com/auth/devstorage.read_only" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, `{"access_token":"the-token","expires_in":3599,"token_type":"Bearer"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
