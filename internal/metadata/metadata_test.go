// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestRace covers services with two addresses, one for each family.
func TestRace(t *testing.T) {
	type host struct {
		after time.Duration
		data  string
		err   error
	}
	refused := syscall.ECONNREFUSED
	for _, c := range []struct {
		name          string
		first, second host
		want          string
		err           error
		took          time.Duration
		asked         int32
	}{
		{"the first answers", host{data: "a"}, host{data: "b"}, "a", nil, 0, 1},
		{"the first is slow", host{after: time.Second, data: "a"}, host{after: time.Second, data: "b"}, "a", nil, time.Second, 2},
		{"the first is not there", host{err: refused}, host{data: "b"}, "b", nil, 0, 2},
		{"the first hangs", host{after: time.Hour}, host{data: "b"}, "b", nil, headStart, 2},
		{"404 is an answer", host{err: ErrNotFound}, host{data: "b"}, "", ErrNotFound, 0, 1},
		{"403 is an answer", host{err: StatusError(403)}, host{data: "b"}, "", StatusError(403), 0, 1},
		{"500 is none", host{err: StatusError(500)}, host{data: "b"}, "b", nil, 0, 2},
		{"a status says more than silence", host{err: refused}, host{after: time.Second, err: StatusError(503)}, "", StatusError(503), time.Second, 2},
		{"neither", host{err: refused}, host{err: syscall.ENETUNREACH}, "", refused, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				began := time.Now()
				data, err := race(t.Context(), []string{"first", "second"}, func(ctx context.Context, name string) ([]byte, error) {
					asked.Add(1)
					h := map[string]host{"first": c.first, "second": c.second}[name]
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(h.after):
						return []byte(h.data), h.err
					}
				})
				if string(data) != c.want || !errors.Is(err, c.err) || time.Since(began) != c.took || asked.Load() != c.asked {
					t.Errorf("%q, error %v after %s, %d hosts asked", data, err, time.Since(began), asked.Load())
				}
			})
		})
	}
}

// client returns a client whose connections all lead to a handler.
func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(Options{Version: "test", Dial: func(ctx context.Context, network, _ string, _ int) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}})
}

// TestSecondHost checks that one attempt reaches a service that has only its second address, and that the client keeps this
// address.
func TestSecondHost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	t.Cleanup(server.Close)
	var dialed []string
	c := New(Options{Dial: func(ctx context.Context, network, address string, _ int) (net.Conn, error) {
		dialed = append(dialed, address)
		if address != "[fd00::1]:80" {
			return nil, syscall.ENETUNREACH
		}
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}})
	s := Service{Hosts: []string{"169.254.169.254", "[fd00::1]"}}
	if got := c.Hosts(s); !slices.Equal(got, s.Hosts) {
		t.Errorf("before any answer the hosts are %s", got)
	}
	for range 2 {
		if got, err := c.Once(t.Context(), s, "/item"); err != nil || string(got) != "[fd00::1]" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if got := c.Hosts(s); !slices.Equal(got, []string{"[fd00::1]"}) || len(dialed) != 3 {
		t.Errorf("the host is %s, connections went to %v", got, dialed)
	}
}

// TestToken checks that a token is requested once, and again only when the service rejects it.
func TestToken(t *testing.T) {
	var tokens, refused atomic.Int32
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			tokens.Add(1)
			io.WriteString(w, "token")
		case r.URL.Path == "/over" && refused.Add(1) == 1, r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			io.WriteString(w, "ok")
		}
	})
	for _, path := range []string{"/a", "/b", "/over", "/over"} {
		data, err := c.Once(t.Context(), EC2, path)
		if first := path == "/over" && tokens.Load() == 1 && err != nil; first != errors.Is(err, StatusError(401)) || err == nil && string(data) != "ok" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if tokens.Load() != 2 {
		t.Errorf("%d tokens were requested", tokens.Load())
	}
}

// TestSessions: a client that continues the sessions of an earlier one requests no token, and a new one when that has expired.
func TestSessions(t *testing.T) {
	var tokens, expired atomic.Int32
	serve := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			fmt.Fprintf(w, "token%d", tokens.Add(1))
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != fmt.Sprintf("token%d", 1+expired.Load()):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			io.WriteString(w, "ok")
		}
	}
	first := client(t, serve)
	if _, err := first.Once(t.Context(), EC2, "/a"); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(first.Sessions())
	if err != nil {
		t.Fatal(err)
	}
	next := client(t, serve)
	if err := json.Unmarshal(text, &next.sessions); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Once(t.Context(), EC2, "/b"); err != nil || tokens.Load() != 1 {
		t.Errorf("%v; %d tokens were requested", err, tokens.Load())
	}
	expired.Add(1)
	next.Once(t.Context(), EC2, "/c")
	if _, err := next.Once(t.Context(), EC2, "/c"); err != nil || tokens.Load() != 2 {
		t.Errorf("%v; %d tokens were requested", err, tokens.Load())
	}
}

// TestBound checks that attempts end with the context, and that the error is the last failure rather than "deadline
// exceeded".
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		c := New(Options{
			Say:  func(text string) { said = append(said, text) },
			Dial: func(context.Context, string, string, int) (net.Conn, error) { return nil, syscall.ENETUNREACH },
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		began := time.Now()
		_, err := c.Get(ctx, Service{Hosts: []string{"169.254.169.254"}}, "/")
		if took := time.Since(began); !errors.Is(err, syscall.ENETUNREACH) || took != 2*time.Minute || !strings.Contains(err.Error(), "gave up after 2m0s and 28 attempts") {
			t.Errorf("error %v after %s", err, took)
		}
		if len(said) < 20 || !strings.Contains(said[0], "waiting for the metadata service at 169.254.169.254 since 6s: attempt 6: network is unreachable") {
			t.Errorf("people were told %q", said)
		}
	})
}

// TestTransport checks what a cloud's own library sees of a service: answers that another attempt would not change, and errors
// in which it finds nothing to retry by.
func TestTransport(t *testing.T) {
	var asked []string
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host+r.RequestURI+" "+r.Header.Get("Metadata-Flavor")+" "+r.UserAgent())
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		if status == 503 && len(asked) == 3 {
			status = 200
		}
		if status == 302 {
			w.Header().Set("Location", "http://192.0.2.1/200")
		}
		w.Header().Set("Etag", "tag")
		w.WriteHeader(status)
		io.WriteString(w, "data")
	})
	for _, k := range []struct {
		name, url    string
		single, stay bool
		status       int // 0: an error
		asks         int
		first, cause string
	}{
		{name: "an item", url: "http://169.254.169.254/200/a?b=c", status: 200, asks: 1, first: "169.254.169.254/200/a?b=c Google Ignition/test"},
		{name: "another host", url: "http://192.0.2.1/200", status: 200, asks: 1, first: "192.0.2.1/200 Google Ignition/test"},
		{name: "no item", url: "http://169.254.169.254/404", status: 404, asks: 1},
		{name: "refused", url: "http://169.254.169.254/403", status: 403, asks: 1},
		{name: "not yet", url: "http://169.254.169.254/503", status: 200, asks: 3},
		{name: "elsewhere", url: "http://169.254.169.254/302", status: 200, asks: 2},
		{name: "elsewhere, not followed", url: "http://169.254.169.254/302", stay: true, status: 302, asks: 1},
		{name: "not yet, once", url: "http://169.254.169.254/503", single: true, asks: 1, cause: "status 503 Service Unavailable"},
	} {
		t.Run(k.name, func(t *testing.T) {
			asked = nil
			s := Service{Hosts: []string{"169.254.169.254", "[fd00::1]"}, Stay: k.stay}
			c.sessions = Sessions{s.Hosts[0]: {Host: s.Hosts[0]}}
			req, err := http.NewRequest(http.MethodGet, k.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"Metadata-Flavor": {"Google"}, "User-Agent": {"library"}}
			resp, err := (&http.Client{Transport: Transport{c, s, k.single}}).Do(req)
			if len(asked) != k.asks || k.first != "" && asked[0] != k.first {
				t.Errorf("asked %q", asked)
			}
			if k.status == 0 {
				var failure *Failure
				if !errors.As(err, &failure) || failure.Cause.Error() != k.cause || errors.As(err, new(StatusError)) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(resp.Body)
			want := map[int]string{200: "data"}[k.status]
			if err != nil || resp.StatusCode != k.status || string(data) != want || k.status == 200 && resp.Header.Get("Etag") != "tag" {
				t.Errorf("status %d, %q, %v", resp.StatusCode, data, err)
			}
		})
	}
}

// TestTransportFails checks that the error of a service that cannot be reached is a Failure that does not unwrap.
func TestTransportFails(t *testing.T) {
	c := New(Options{Dial: func(context.Context, string, string, int) (net.Conn, error) { return nil, syscall.ECONNREFUSED }})
	transport := Transport{Client: c, Service: Service{Hosts: []string{"169.254.169.254", "[fd00::1]"}}, Single: true}
	_, err := (&http.Client{Transport: transport}).Get("http://169.254.169.254/")
	var failure *Failure
	if !errors.As(err, &failure) || !errors.Is(failure.Cause, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v", err)
	}
}

// TestLowPorts checks that a taken port leads to another try, and that a missing privilege ends the attempt.
func TestLowPorts(t *testing.T) {
	tries := 0
	c := New(Options{Dial: func(_ context.Context, _, _ string, from int) (net.Conn, error) {
		if tries++; from < 1 || from > 1022 {
			t.Errorf("port %d", from)
		}
		if tries < 5 {
			return nil, syscall.EADDRINUSE
		}
		return nil, syscall.EACCES
	}})
	_, err := c.Get(t.Context(), Service{Hosts: []string{"169.254.42.42"}, LowPort: true}, "/")
	if err == nil || !strings.Contains(err.Error(), "CAP_NET_BIND_SERVICE") || tries != 5 {
		t.Errorf("error %v after %d ports", err, tries)
	}
}
