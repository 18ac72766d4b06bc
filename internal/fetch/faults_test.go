// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	secret    = "s3cret"
	target    = "http://host/config?token=" + secret
	target443 = "https://host/config?token=" + secret
)

// body is the servers' payload, long enough to break off at several places.
var body = strings.Repeat("payload ", 1000)

// A fault is one failure and its expected result.
type fault struct {
	name    string
	url     string // target unless it is set
	answers []answer
	world   func(*world, *script) // more of the network
	req     Request
	s       Settings
	trust   bool // in the test authority
	fixed   bool // the writer cannot rewind

	want     string
	err      error
	text     string        // in the error
	least    time.Duration // how long it takes, on the clock of the bubble
	most     time.Duration // default: 10 s
	requests int           // that the server sees; 0: unchecked
	said     string        // on the console
	resumed  string        // If-Range of the second request
}

func limited(d time.Duration) Settings { return Settings{Total: &d} }

func dials(address string, errs ...error) func(*world, *script) {
	return func(w *world, _ *script) { w.down[address] = errs }
}

// secured serves the script over TLS, with a certificate for host that is valid between two times relative to now.
func secured(host string, from, to time.Duration) func(*world, *script) {
	return func(w *world, s *script) { w.http("host:443", ca(w).server(host, from, to), s) }
}

// ca returns the authority of a test, and serves its certificate to the client.
func ca(w *world) *authority {
	a := newAuthority(w.t)
	w.http("authority:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(a.pem()) }))
	return a
}

// proxied has the client use a proxy with a sequence of answers.
func proxied(f fault, answers ...string) fault {
	f.url = target443
	f.s.HTTPSProxy = "http://proxy:3128"
	f.world = func(w *world, _ *script) {
		if len(answers) > 0 {
			w.raw("proxy:3128", answers...)
		} else {
			w.servers["proxy:3128"] = func(c net.Conn) { c.Close() }
			w.down["proxy:3128"] = []error{refused}
		}
	}
	return f
}

func (f fault) run(t *testing.T) {
	w := newWorld(t)
	defer w.shut()
	s := &script{answers: f.answers}
	w.http("host:80", nil, s)
	if f.world != nil {
		f.world(w, s)
	}
	var said []string
	client, err := New(Options{Version: "1", Dial: w.dial, Say: func(text string) { said = append(said, text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { client.closeIdle() }()
	if f.trust {
		f.s.Authorities = []Request{{URL: "http://authority/"}}
	}
	if err := client.Configure(t.Context(), f.s); err != nil {
		t.Fatal(err)
	}
	if f.req.URL = f.url; f.url == "" {
		f.req.URL = target
	}
	began := time.Now()
	got, err := f.fetch(t, client)
	took := time.Since(began)
	if f.most == 0 {
		f.most = 10 * time.Second
	}
	if took < f.least || took > f.most {
		t.Errorf("it took %s, want between %s and %s", took, f.least, f.most)
	}
	f.compare(t, got, err)
	f.watch(t, s, strings.Join(said, "\n"))
}

func (f fault) fetch(t *testing.T, client *Client) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // bounds a fetch that would never end
	defer cancel()
	if f.fixed {
		var b strings.Builder
		err := client.Fetch(ctx, f.req, &b)
		return b.String(), err
	}
	got, err := client.Bytes(ctx, f.req, 1<<16)
	return string(got), err
}

// compare checks the outcome.
func (f fault) compare(t *testing.T, got string, err error) {
	t.Helper()
	if f.err == nil && f.text == "" {
		if err != nil || got != f.want {
			t.Fatalf("got %d bytes, %v; want %d bytes", len(got), err, len(f.want))
		}
		return
	}
	if err == nil {
		t.Fatalf("no error; want %v with %q", f.err, f.text)
	}
	if f.err != nil && !errors.Is(err, f.err) || !strings.Contains(err.Error(), f.text) {
		t.Errorf("error %q; want %v with %q", err, f.err, f.text)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error tells a secret: %v", err)
	}
}

// watch checks the server's requests and the console's messages.
func (f fault) watch(t *testing.T, s *script, said string) {
	t.Helper()
	s.mu.Lock()
	seen := slices.Clone(s.seen)
	s.mu.Unlock()
	if f.requests > 0 && len(seen) != f.requests {
		t.Errorf("the server saw %d requests, want %d", len(seen), f.requests)
	}
	if !strings.Contains(said, f.said) {
		t.Errorf("the console says %q, want %q in it", said, f.said)
	}
	if strings.Contains(said, secret) {
		t.Errorf("the console tells a secret: %s", said)
	}
	if f.resumed != "" {
		if len(seen) < 2 || seen[1].Get("If-Range") != f.resumed || seen[1].Get("Range") == "" {
			t.Errorf("it was not resumed with %s: %v", f.resumed, seen)
		}
	} else if len(seen) > 1 && seen[1].Get("Range") != "" {
		t.Errorf("it was resumed: %v", seen[1])
	}
}

func TestFaults(t *testing.T) {
	for _, group := range [][]fault{connectionFaults(), statusFaults(), bodyFaults(), contentFaults(), redirectFaults(), tlsFaults(), proxyFaults()} {
		for _, f := range group {
			t.Run(f.name, func(t *testing.T) {
				synctest.Test(t, f.run)
			})
		}
	}
}

func connectionFaults() []fault {
	good := []answer{serve(body)}
	const minute = time.Minute
	return []fault{
		{name: "connection refused", world: dials("host:80", refused), s: limited(20 * time.Second), err: ErrTimeout,
			text: "attempts: dial tcp: connect: connection refused", least: 10 * time.Second, most: 20 * time.Second,
			said: "waiting for http://host/config?redacted, "},
		{name: "connection refused, then not", world: dials("host:80", refused, refused, nil), answers: good, want: body},
		{name: "unknown name", world: dials("host:80", unknown), s: limited(minute), err: ErrTimeout, text: "no such host",
			least: 50 * time.Second, most: minute, said: "no such host; next attempt in"},
		{name: "unknown name, then known", world: dials("host:80", unknown, nil), answers: good, want: body},
		{name: "no route", world: dials("host:80", unreachable), s: limited(minute), err: ErrTimeout,
			text: "network is unreachable", least: 50 * time.Second, most: minute},
		{name: "no route, then one", world: dials("host:80", unreachable, nil), answers: good, want: body},
		{name: "hangs up before it answers", answers: []answer{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, serve(body)}, want: body, requests: 2},
		{name: "no answer within 10 s", answers: []answer{func(_ http.ResponseWriter, r *http.Request) { silent(r) }, serve(body)},
			want: body, requests: 2, least: 10 * time.Second, most: 11 * time.Second, said: "timeout awaiting response headers"},
		{name: "no answer within the config's time", answers: []answer{func(_ http.ResponseWriter, r *http.Request) { silent(r) }},
			s:   func() Settings { s, d := limited(7*time.Second), time.Second; s.ResponseHeaders = &d; return s }(),
			err: ErrTimeout, text: "timeout awaiting response headers", least: 3 * time.Second},
		{name: "not HTTP", world: func(w *world, _ *script) { w.raw("host:80", "SSH-2.0-OpenSSH_9.2\r\n") },
			s: limited(5 * time.Second), err: ErrTimeout, text: "malformed HTTP response"},
		{name: "headers of 1 MB", answers: []answer{code(200, "X-Long: "+strings.Repeat("x", 2<<20))}, err: ErrTooLarge,
			text: "the response headers are longer than the limit"},
		{name: "no such scheme", url: "ftp://host/x?" + secret, err: ErrScheme, text: `"ftp"`},
	}
}

func statusFaults() []fault {
	good := serve(body)
	again := func(n int, headers ...string) []answer { return []answer{code(n, headers...), good} }
	refusal := func(n int, text string) fault {
		return fault{name: text, answers: again(n), err: ErrFailed, text: fmt.Sprintf("the server refused: status %d", n), requests: 1, most: 1}
	}
	date := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}
	return []fault{
		{name: "503 three times", answers: []answer{code(503), code(503), code(503), good}, want: body, requests: 4},
		{name: "502 for ever", answers: []answer{code(502)}, s: limited(2 * time.Minute), err: ErrTimeout, text: "attempts: status 502 Bad Gateway",
			least: 100 * time.Second, most: 2 * time.Minute, said: "status 502 Bad Gateway; next attempt in"},
		{name: "503 with Retry-After", answers: again(503, "Retry-After: 7"), want: body, least: 7 * time.Second, said: "next attempt in 7"},
		{name: "429 with Retry-After", answers: again(429, "Retry-After: 20"), want: body, least: 20 * time.Second, most: 21 * time.Second, said: "status 429"},
		{name: "429 with a date", answers: []answer{date, good}, want: body, least: 19 * time.Second, most: 21 * time.Second},
		{name: "429 until after the end", answers: again(429, "Retry-After: 100"), s: limited(time.Minute), err: ErrTimeout,
			text: "asks to wait 1m40s, but only 1m0s remain", requests: 1, most: 1},
		{name: "429 with nonsense", answers: again(429, "Retry-After: -1"), want: body},
		{name: "503 for a day", answers: again(503, "Retry-After: 86400"), want: body, least: 10 * time.Minute, most: 11 * time.Minute},
		{name: "408", answers: again(408), want: body, requests: 2},
		{name: "425", answers: again(425), want: body, requests: 2},
		{name: "410 at first", answers: again(410), want: body, requests: 2},
		{name: "410 for ever", answers: []answer{code(410)}, err: ErrFailed, text: "status 410 Gone; gave up after 2m", least: 2 * time.Minute, most: 3 * time.Minute},
		refusal(400, "bad request"), refusal(401, "unauthorized"), refusal(403, "forbidden"), refusal(206, "a range nobody asked for"),
		refusal(304, "not modified"), refusal(416, "no such range"),
		{name: "404", answers: again(404), err: ErrNotFound, text: "not found: status 404", requests: 1, most: 1},
		{name: "204", answers: again(204), requests: 1},
		{name: "empty 200", answers: []answer{plain("")}, requests: 1},
	}
}

func bodyFaults() []fault {
	const tag, changed = `ETag: "one"`, "Last-Modified: Fri, 31 Dec 1999 23:59:59 GMT"
	wrongRange := code(206, "Content-Range: bytes 0-7999/8000", tag)
	reset := func(w http.ResponseWriter, r *http.Request) { // in the middle of a chunk
		w.(http.Flusher).Flush()
		io.WriteString(w, body[:3000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return []fault{
		{name: "breaks off at byte 0", answers: []answer{cut(0, tag), serve(body, tag)}, want: body, requests: 2},
		{name: "breaks off, resumed by tag", answers: []answer{cut(5000, tag), serve(body, tag)}, want: body, requests: 2, resumed: `"one"`},
		{name: "breaks off, resumed by time", answers: []answer{cut(5000, changed), serve(body, changed)}, want: body, requests: 2,
			resumed: strings.TrimPrefix(changed, "Last-Modified: ")},
		{name: "breaks off at the last byte", answers: []answer{cut(7999, tag), serve(body, tag)}, want: body, resumed: `"one"`},
		{name: "breaks off, no validator", answers: []answer{cut(5000), serve(body)}, want: body, requests: 2},
		{name: "breaks off, weak tag", answers: []answer{cut(5000, `ETag: W/"one"`), serve(body)}, want: body, requests: 2},
		{name: "breaks off, no ranges", answers: []answer{cut(5000, tag), plain(body, tag)}, want: body, resumed: `"one"`},
		{name: "breaks off and changes", answers: []answer{cut(5000, tag), serve("other", `ETag: "two"`)}, want: "other", resumed: `"one"`,
			req: Request{Hash: digest("other")}},
		{name: "breaks off, another range", answers: []answer{cut(5000, tag), wrongRange}, err: ErrFailed,
			text: `asked for the bytes from 5000 on, it sent "bytes 0-7999/8000"`, resumed: `"one"`},
		{name: "breaks off, 416", answers: []answer{cut(5000, tag), code(416), serve(body, tag)}, want: body, requests: 3, resumed: `"one"`},
		{name: "breaks off, then 503", answers: []answer{cut(5000, tag), code(503), serve(body, tag)}, want: body, requests: 3, resumed: `"one"`},
		{name: "breaks off, then 404", answers: []answer{cut(5000, tag), code(404)}, err: ErrNotFound, text: "404", resumed: `"one"`},
		{name: "breaks off again and again", answers: []answer{cut(5000)}, s: limited(20 * time.Second), err: ErrTimeout,
			text: "the body broke off after 5000 bytes: unexpected EOF", least: 15 * time.Second, most: 20 * time.Second},
		{name: "breaks off, no way back", answers: []answer{cut(5000), serve(body)}, fixed: true, text: "the server cannot go on from there"},
		{name: "breaks off, resumed without a way back", answers: []answer{cut(5000, tag), serve(body, tag)}, fixed: true, want: body, resumed: `"one"`},
		{name: "chunks break off", answers: []answer{reset, serve(body)}, want: body, requests: 2},
		{name: "stalls, resumed", answers: []answer{stall(5000, tag), serve(body, tag)}, want: body, resumed: `"one"`,
			least: stallLimit, most: stallLimit + time.Second, said: "no data for 30s after 5000 bytes"},
		{name: "stalls, starts over", answers: []answer{stall(5000), serve(body)}, want: body, least: stallLimit, most: stallLimit + time.Second},
		{name: "stalls until the end", answers: []answer{stall(5000)}, s: limited(20 * time.Second), err: ErrTimeout,
			text: "the body was still on its way after 5000 bytes", least: 20 * time.Second, most: 20 * time.Second},
		{name: "a byte a second", answers: []answer{drip("payload payload payload payload payload ")}, want: "payload payload payload payload payload ",
			least: 39 * time.Second, most: 41 * time.Second, requests: 1, said: "fetching http://host/config?redacted: 31 bytes after 30s"},
		{name: "a byte a second, too slow", answers: []answer{drip(body)}, s: limited(time.Minute), err: ErrTimeout, text: "the body was still on its way after 6",
			least: time.Minute, most: time.Minute},
		{name: "more than announced", world: func(w *world, _ *script) {
			w.raw("host:80", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npayload and more")
		}, want: "payload"},
		{name: "never ends", answers: []answer{endless}, err: ErrTooLarge, text: "more than 65536 bytes"},
	}
}

func contentFaults() []fault {
	zip := func(t string) string { return string(zipped(t)) }
	const tag = `ETag: "one"`
	packed := zip(body)
	broken := packed[:len(packed)-8] + "\x00\x00\x00\x00" + packed[len(packed)-4:]
	gz := Request{Compression: "gzip"}
	return []fault{
		{name: "wrong hash", answers: []answer{serve(body)}, req: Request{Hash: digest("other")}, err: ErrHashMismatch, text: digest(body), requests: 1},
		{name: "gzip", answers: []answer{serve(packed)}, req: Request{Compression: "gzip", Hash: digest(body)}, want: body},
		{name: "gzip in several members", answers: []answer{serve(zip("pay") + zip("load"))}, req: gz, want: "payload"},
		{name: "gzip breaks off, resumed", answers: []answer{part(40, packed, hangUp, tag), serve(packed, tag)}, req: gz, want: body, resumed: `"one"`},
		{name: "gzip breaks off, starts over", answers: []answer{part(40, packed, hangUp), serve(packed)}, req: gz, want: body, requests: 2},
		{name: "gzip stalls in its header", answers: []answer{part(5, packed, silent), serve(packed)}, req: gz, want: body, least: stallLimit, most: stallLimit + time.Second},
		{name: "gzip cut on the server", answers: []answer{serve(packed[:50])}, req: gz, err: ErrGzip, text: "ends early", requests: 1},
		{name: "gzip with a wrong sum", answers: []answer{serve(broken)}, req: gz, err: ErrGzip, text: "invalid checksum", requests: 1},
		{name: "not gzip", answers: []answer{serve(body)}, req: gz, err: ErrGzip, text: "does not begin with the bytes of a gzip file", requests: 1},
		{name: "gzip with trailing data", answers: []answer{serve(packed + body)}, req: gz, err: ErrGzip, text: "invalid header"},
		{name: "empty, not gzip", answers: []answer{serve("")}, req: gz, err: ErrGzip, text: "does not begin with the bytes of a gzip file"},
		{name: "gzip bomb", answers: []answer{serve(zip(strings.Repeat("0", 10<<20)))}, req: gz, err: ErrTooLarge, text: "more than 65536 bytes"},
	}
}

func redirectFaults() []fault {
	ten := append(redirect("/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10"), serve(body))
	value := secret
	return []fault{
		{name: "redirect loop", answers: redirect("/config"), err: ErrRedirect, text: "more than 10 redirects", requests: 11, most: 1},
		{name: "ten redirects", answers: ten, want: body, requests: 11},
		{name: "redirect from https to http", url: target443, trust: true, world: secured("host", -time.Hour, time.Hour),
			answers: redirect("http://host/config?" + secret), err: ErrRedirect, text: "from https to http", requests: 1, most: 1},
		{name: "redirect from http to https", trust: true, world: secured("host", -time.Hour, time.Hour),
			answers: append(redirect("https://host/config?"+secret), serve(body)), want: body, requests: 2},
		{name: "redirect to nowhere", answers: []answer{code(302)}, s: limited(3 * time.Second), err: ErrFailed, text: "status 302", most: 1},
		{name: "redirect to another scheme", answers: redirect("ftp://host/" + secret), err: ErrRedirect, text: `to "ftp"`, most: 1},
		{name: "redirect drops headers", req: Request{Headers: []Header{{Name: "X-Token", Value: &value}}}, world: func(w *world, s *script) {
			w.http("other:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, r.Header.Get("X-Token")) }))
		}, answers: redirect("http://other/")},
		{name: "redirect, breaks off, resumed", answers: []answer{code(302, "Location: /a"), cut(5000, `ETag: "one"`), code(302, "Location: /b"), serve(body, `ETag: "one"`)},
			want: body, requests: 4},
	}
}

// TestCancel checks that a canceled fetch ends at once.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.shut()
		client, err := New(Options{Dial: w.dial})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		if _, err := client.Bytes(ctx, Request{URL: target}, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}
