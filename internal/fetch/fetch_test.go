// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text)) // a bytes.Buffer does not fail
	z.Close()
	return b.Bytes()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + hex.EncodeToString(sum[:])
}

func TestFetch(t *testing.T) {
	failures := 2
	var seen http.Header
	mux := http.NewServeMux()
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		w.Write([]byte("payload"))
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) { w.Write(zipped("payload")) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(zipped(strings.Repeat("0", 1<<20)))
	})
	mux.HandleFunc("/heals", func(w http.ResponseWriter, _ *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("payload"))
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/forbidden", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.Handle("/moved", http.RedirectHandler("/plain", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	value, second := "v", time.Second
	for _, c := range []struct {
		name string
		req  Request
		want string
		err  error
		text string
	}{
		{name: "nothing", req: Request{}},
		{name: "data", req: Request{URL: "data:,payload"}, want: "payload"},
		{name: "data in base64, gzip", req: Request{URL: DataURL(zipped("payload")), Compression: "gzip"}, want: "payload"},
		{name: "plain", req: Request{URL: "/plain", Hash: digest("payload"), Headers: []Header{{Name: "X-A", Value: &value}}}, want: "payload"},
		{name: "gzip, hash of what is inside", req: Request{URL: "/gzip", Compression: "gzip", Hash: digest("payload")}, want: "payload"},
		{name: "wrong hash", req: Request{URL: "/plain", Hash: digest("other")}, err: ErrHashMismatch, text: digest("payload")},
		{name: "malformed hash", req: Request{URL: "/plain", Hash: "md5-00"}, err: ErrBadHash},
		{name: "bomb", req: Request{URL: "/bomb", Compression: "gzip"}, err: ErrTooLarge},
		{name: "not gzip", req: Request{URL: "/plain", Compression: "gzip"}, err: ErrGzip, text: "does not begin with the bytes of a gzip file"},
		{name: "other compression", req: Request{URL: "/plain", Compression: "xz"}, err: ErrCompression},
		{name: "missing", req: Request{URL: "/missing?token=secret"}, err: ErrNotFound, text: "/missing?redacted: not found: status 404"},
		{name: "refused", req: Request{URL: "/forbidden"}, err: ErrFailed, text: "403"},
		{name: "heals", req: Request{URL: "/heals"}, want: "payload"},
		{name: "stays down", req: Request{URL: "/down"}, err: ErrTimeout, text: "502"},
		{name: "redirect", req: Request{URL: "/moved"}, want: "payload"},
		{name: "redirect loop", req: Request{URL: "/loop"}, err: ErrFailed, text: "redirects"},
		{name: "header to be removed", req: Request{URL: "/plain", Headers: []Header{{Name: "X-A"}}}, err: ErrHeader, text: "httpHeaders.0"},
		{name: "scheme", req: Request{URL: "ftp://host/file"}, err: ErrScheme},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := New(Options{Version: "1", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Configure(t.Context(), Settings{Total: &second}); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.req.URL, "/") {
				c.req.URL = server.URL + c.req.URL
			}
			got, err := client.Bytes(t.Context(), c.req, 1<<16)
			if c.err == nil && c.text == "" {
				if err != nil || string(got) != c.want {
					t.Fatalf("got %q, %v; want %q", got, err, c.want)
				}
				return
			}
			if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v; want %v with %q", err, c.err, c.text)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	if seen.Get("User-Agent") != "Ignition/1" || seen.Get("Accept-Encoding") != "identity" {
		t.Errorf("headers of the last request: %v", seen)
	}
}

func TestOffline(t *testing.T) {
	client, err := New(Options{Offline: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Bytes(t.Context(), Request{URL: "http://host/config"}, 1); !errors.Is(err, ErrNeedNet) {
		t.Errorf("error %v, want %v", err, ErrNeedNet)
	}
	if _, err := client.Bytes(t.Context(), Request{URL: "data:,x"}, 1); err != nil {
		t.Error(err)
	}
}

// TestPlace checks that the log of a failed fetch names the place of its source, and that other ends of a fetch are not
// logged.
func TestPlace(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, c := range []struct {
		url     string
		offline bool
		want    string
	}{
		{"ftp://host/", false, `not supported: \"ftp\"; its source is at user.ign:4:29 ($.storage.files.0)`},
		{"http://host/", true, ""},
	} {
		out.Reset()
		client, err := New(Options{Offline: c.offline, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Bytes(t.Context(), Request{URL: c.url, Place: "user.ign:4:29 ($.storage.files.0)"}, 1); err == nil {
			t.Error("no error")
		}
		if got := out.String(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: the log is %q, want %q in it", c.url, got, c.want)
		}
	}
}

func TestRedact(t *testing.T) {
	for url, want := range map[string]string{
		"https://user:pass@host/p?token=x#frag": "https://host/p?redacted",
		"data:,secret":                          "data: URL",
		"http://host/plain":                     "http://host/plain",
		"http://[::1":                           "malformed URL",
		"http:user:pass@host":                   "malformed URL",
		"user:pass@host":                        "malformed URL",
		"//user:pass@host/p":                    "//host/p",
		"DATA:,secret":                          "data: URL",
		"arn:aws:s3:::b/k?versionId=x":          "arn:aws:s3:::b/k?redacted",
	} {
		if got := Redact(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
