// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The matrix: generated hostile servers, the expected result of each, and a search of all output for the request's secrets.
// No request has a hash, so that only the protocol protects the content.

// canaries are in every part of a request that may be secret. Servers echo all of them wherever they can.
var canaries = []string{"canaryuser", "canarypass", "canaryquery", "canaryfragment", "Canaryname", "canaryvalue"}

const canaryURL = "http://canaryuser:canarypass@host/config?token=canaryquery#canaryfragment"

// echo is the text that servers send back.
var echo = strings.Join(canaries, ".")

// emitted is all output of a client.
type emitted struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (e *emitted) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.Write(p)
}

// search looks for secrets.
func (e *emitted) search(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		io.WriteString(e, err.Error())
		var failed *Error
		if errors.As(err, &failed) {
			io.WriteString(e, failed.Hint()+failed.URL)
		}
	}
	text := strings.ToLower(e.text.String())
	for _, c := range append(canaries, base64.StdEncoding.EncodeToString([]byte("canaryuser:canarypass"))) {
		if strings.Contains(text, strings.ToLower(c)) {
			t.Errorf("%s is shown:\n%s", c, e.text.String())
		}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }) {
		t.Errorf("a control character is shown: %q", text)
	}
}

// A behavior is a server's behavior and its expected result.
type behavior struct {
	name    string
	url     string // default: canaryURL
	headers []Header
	hash    string
	world   func(*world)
	proxy   string
	fixed   bool          // the writer cannot rewind
	total   time.Duration // httpTotal; 0: unlimited
	want    string        // the payload, if no error is expected
	err     error
	most    time.Duration // on the clock of the bubble
}

func (b behavior) run(t *testing.T) {
	w := newWorld(t)
	defer w.shut()
	b.world(w)
	out := &emitted{}
	client, err := New(Options{
		Dial: w.dial, Log: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Say: func(text string) { io.WriteString(out, text+"\n") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.closeIdle()
	s := Settings{HTTPSProxy: b.proxy}
	if b.total > 0 {
		s.Total = &b.total
	}
	if err := client.Configure(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if b.url == "" {
		b.url = canaryURL
	}
	if b.headers == nil {
		value := "canaryvalue"
		b.headers = []Header{{Name: "X-Canaryname", Value: &value}}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	began := time.Now()
	got, err := b.fetch(ctx, client)
	if took := time.Since(began); took > b.most {
		t.Errorf("it took %s, want %s at most", took, b.most)
	}
	switch {
	case b.err == nil && (err != nil || got != b.want):
		t.Errorf("got %d bytes, %v; want %d bytes", len(got), err, len(b.want))
	case b.err != nil && !errors.Is(err, b.err):
		t.Errorf("error %v; want %v", err, b.err)
	}
	out.search(t, err)
}

func (b behavior) fetch(ctx context.Context, client *Client) (string, error) {
	r := Request{URL: b.url, Headers: b.headers, Hash: b.hash, Purpose: "config"}
	if b.fixed {
		var s strings.Builder
		err := client.Fetch(ctx, r, &s)
		return s.String(), err
	}
	got, err := client.Bytes(ctx, r, 1<<16)
	return string(got), err
}

// TestMatrix runs all behaviors.
func TestMatrix(t *testing.T) {
	log.SetOutput(io.Discard) // as the engine does: net/http prints unsolicited answers there
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	total := 0
	for _, group := range []struct {
		name      string
		behaviors []behavior
	}{
		{"status", statusBehaviors()},
		{"answer", answerBehaviors()},
		{"redirect", redirectBehaviors()},
		{"request", requestBehaviors()},
		{"silence", silenceBehaviors()},
		{"proxy", proxyBehaviors()},
		{"resume", resumeBehaviors()},
	} {
		for _, b := range group.behaviors {
			t.Run(group.name+"/"+b.name, func(t *testing.T) { synctest.Test(t, b.run) })
		}
		t.Logf("%s: %d behaviors", group.name, len(group.behaviors))
		total += len(group.behaviors)
	}
	t.Logf("%d hostile servers; %d canaries each, searched for in log, console, error and hint", total, len(canaries)+1)
	if total < 200 {
		t.Errorf("only %d behaviors", total)
	}
}

// answering makes host:80 answer every request with a text. After a text that ends in hold the connection stays open.
func answering(text string) func(*world) {
	return func(w *world) {
		w.servers["host:80"] = func(c net.Conn) {
			defer c.Close()
			if !readRequest(c) {
				return
			}
			text, held := strings.CutSuffix(text, hold)
			io.WriteString(c, text)
			if held {
				io.Copy(io.Discard, c)
			}
		}
	}
}

const hold = "\x00hold"

// readRequest reads up to the end of a request's headers.
func readRequest(c net.Conn) bool {
	var text []byte
	buffer := make([]byte, 4096)
	for !bytes.HasSuffix(text, []byte("\r\n\r\n")) {
		n, err := c.Read(buffer)
		if text = append(text, buffer[:n]...); err != nil {
			return false
		}
	}
	return true
}
