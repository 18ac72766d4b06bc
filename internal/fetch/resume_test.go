// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

// TestCuts breaks bodies off at random places, with servers that can resume and servers that cannot. The payload arrives,
// and earlier content of the file stays.
func TestCuts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, tag := range []string{`ETag: "one"`, `ETag: W/"one"`, "Server: none"} {
		for range 20 {
			cuts := make([]int, random.IntN(6))
			for i := range cuts {
				cuts[i] = random.IntN(len(body))
			}
			synctest.Test(t, func(t *testing.T) { cutAt(t, cuts, tag) })
		}
	}
}

func cutAt(t *testing.T, cuts []int, tag string) {
	s := &script{}
	for _, n := range cuts {
		s.answers = append(s.answers, func(w http.ResponseWriter, r *http.Request) {
			serve(body, tag)(&cutter{ResponseWriter: w, left: n}, r)
			panic(http.ErrAbortHandler)
		})
	}
	s.answers = append(s.answers, serve(body, tag))
	w := newWorld(t)
	defer w.shut()
	w.http("host:80", nil, s)
	client, err := New(Options{Dial: w.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { client.closeIdle() }()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	io.WriteString(f, "before ")
	if err := client.Fetch(t.Context(), Request{URL: target, Hash: digest(body)}, f); err != nil {
		t.Fatalf("cuts %v with %s: %v", cuts, tag, err)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "before "+body {
		t.Errorf("cuts %v with %s: %d bytes, %v", cuts, tag, len(got), err)
	}
}

// A cutter drops the data after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; err == nil && n < len(p) {
		c.ResponseWriter.(http.Flusher).Flush()
		err = io.ErrShortWrite
	}
	return n, err
}

// TestReset has a real connection reset in the middle of a body.
func TestReset(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests > 1 {
			serve(body, `ETag: "one"`)(w, r)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: 8000\r\n\r\n"+body[:1000])
		conn.(*net.TCPConn).SetLinger(0) // closing it sends a reset
		conn.Close()
	}))
	defer server.Close()
	client, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Bytes(t.Context(), Request{URL: server.URL}, 1<<16)
	if err != nil || string(got) != body || requests != 2 {
		t.Errorf("got %d bytes in %d requests, %v", len(got), requests, err)
	}
}
