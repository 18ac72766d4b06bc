// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"

	"github.com/firstlight-boot/firstlight/config/types"
)

// TestProxy compares our choice of proxies with that of the library that defines the usual meaning.
func TestProxy(t *testing.T) {
	entries := []string{
		"", "*", "example.com", ".example.com", "*.example.com", "example.com:8080", "example.com:443", "EXAMPLE.com",
		"192.0.2.1", "192.0.2.1:80", "192.0.2.0/24", "2001:db8::1", "[2001:db8::1]:443", "2001:db8::/32", " example.com ",
		"192.0.2.0/24,2001:db8::1", "localhost, .example.com, 192.0.2.1", ",,example.com:443, ,*.test", "*,x",
	}
	urls := []string{
		"http://example.com/", "https://example.com/", "http://www.example.com/", "http://example.com:8080/",
		"http://notexample.com/", "http://192.0.2.1/", "https://192.0.2.1/", "http://192.0.3.1/", "https://[2001:db8::1]/",
		"http://[2001:db8::2]:8080/", "http://localhost/", "http://127.0.0.1/", "https://[::1]:8443/", "http://Example.Com/",
	}
	for _, no := range entries {
		s := Settings{HTTPProxy: "http://p:1", HTTPSProxy: "https://q:2", NoProxy: []string{no, "other.test"}}
		theirs := (&httpproxy.Config{HTTPProxy: s.HTTPProxy, HTTPSProxy: s.HTTPSProxy, NoProxy: strings.Join(s.NoProxy, ",")}).ProxyFunc()
		for _, raw := range urls {
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs(u)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.proxyOf(u)
			if err != nil {
				t.Fatal(err)
			}
			if types.Text(str(got)) != types.Text(str(want)) {
				t.Errorf("%s with noProxy %q: %s, want %s", raw, no, types.Text(str(got)), types.Text(str(want)))
			}
		}
	}
}

// TestBadProxy checks that an unusable proxy ends the stage, and that the error does not show its password.
func TestBadProxy(t *testing.T) {
	for _, proxy := range []string{"http://user:s3cret@[", "user:s3cret@host", "http:user:s3cret@host", "http:///s3cret", "socks5://user:s3cret@host", "s3cret",
		"http://user:s3cret@host:99999", "http://host:0/s3cret"} {
		for _, s := range []Settings{{HTTPProxy: proxy}, {HTTPSProxy: proxy}} {
			if _, err := New(Options{Base: s}); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: error %v, want %v", proxy, err, ErrURL)
			}
		}
	}
}

func str(u *url.URL) *string {
	if u == nil {
		return nil
	}
	s := u.String()
	return &s
}
