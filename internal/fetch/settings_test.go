// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestAuthorities: authorities are fetched under the timeouts of their own config, and each only once.
func TestAuthorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.shut()
		asked, bundle := 0, newAuthority(t).pem()
		w.http("good:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { asked++; rw.Write(bundle) }))
		w.http("other:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "no certificate") }))
		w.servers["silent:80"] = func(c net.Conn) { io.Copy(io.Discard, c) }
		client, err := New(Options{Dial: w.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { client.closeIdle() }()
		total := 3 * time.Second
		for _, c := range []struct {
			url  string
			most time.Duration
			err  error
		}{{"http://good/", 0, nil}, {"http://silent/", total, ErrTimeout}, {"http://good/", 0, nil}, {"http://other/", 0, errAny}} {
			began := time.Now()
			err := client.Configure(t.Context(), Settings{Total: &total, Authorities: []Request{{URL: "http://good/"}, {URL: c.url}}})
			var of *AuthorityError
			switch {
			case c.err == nil && err != nil, c.err != nil && (!errors.As(err, &of) || of.URL != c.url), c.err == ErrTimeout && !errors.Is(err, c.err):
				t.Errorf("%s: %v, want %v", c.url, err, c.err)
			case time.Since(began) > c.most:
				t.Errorf("%s: it took %s", c.url, time.Since(began))
			}
			if got, err := client.Authority(t.Context(), Request{URL: "http://good/"}); err != nil || string(got) != string(bundle) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		if asked != 1 {
			t.Errorf("the authority was fetched %d times", asked)
		}
	})
}

var errAny = errors.New("any")
