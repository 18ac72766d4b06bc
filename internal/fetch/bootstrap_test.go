// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// args is a kernel command line, as name and value.
func args(words ...string) func(string) (string, bool) {
	return func(name string) (value string, ok bool) {
		for _, w := range words {
			if v, found := strings.CutPrefix(w, name+"="); found {
				value, ok = v, true
			}
		}
		return value, ok
	}
}

func TestParseBootstrap(t *testing.T) {
	for _, c := range []struct {
		name, word string
		want       Bootstrap
		text       string // in the error
	}{
		{name: "nothing", word: "quiet"},
		{name: "hash", word: "firstlight.config.hash=" + digest("config"), want: Bootstrap{Hash: digest("config")}},
		{name: "empty hash", word: "firstlight.config.hash=", text: "firstlight.config.hash: the expected hash is malformed"},
		{name: "short hash", word: "firstlight.config.hash=sha512-00", text: "128 hex digits"},
		{name: "other hash", word: "firstlight.config.hash=md5-00", text: `"md5"`},
		{name: "authority in a file", word: "firstlight.config.ca=/etc/ca.pem", want: Bootstrap{CA: "/etc/ca.pem"}},
		{name: "authority inline", word: "firstlight.config.ca=data:,x", want: Bootstrap{CA: "data:,x"}},
		{name: "authority of anyone", word: "firstlight.config.ca=http://host/ca", text: "could be anyone's"},
		{name: "proxy", word: "firstlight.config.proxy=http://proxy:3128", want: Bootstrap{Proxy: "http://proxy:3128"}},
		{name: "no proxy", word: "firstlight.config.proxy=proxy:3128", text: "not an http: or https: URL"},
		{name: "timeout", word: "firstlight.fetch.timeout=10m", want: Bootstrap{Timeout: 10 * time.Minute}},
		{name: "no timeout", word: "firstlight.fetch.timeout=10", text: "not a duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseBootstrap(args(c.word))
			if c.text == "" && (err != nil || got != c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
			if c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)) {
				t.Errorf("error %v, want %q in it", err, c.text)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	b := Bootstrap{Hash: digest("config")}
	if err := b.Verify([]byte("config")); err != nil {
		t.Error(err)
	}
	if err := b.Verify(nil); !errors.Is(err, ErrHashMismatch) {
		t.Errorf("no config at all: %v, want %v", err, ErrHashMismatch)
	}
	if err := (Bootstrap{}).Verify([]byte("any")); err != nil {
		t.Error(err)
	}
}

// TestBase checks that the kernel command line applies to the first fetch, and is the default of a config.
func TestBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.shut()
		a, s := newAuthority(t), &script{answers: []answer{serve(body)}}
		w.http("host:443", a.server("host", -time.Hour, time.Hour), s)
		w.raw("proxy:3128", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")
		boot := Bootstrap{CA: "/ca.pem", Proxy: "http://proxy:3128"}
		base := boot.Settings(a.pem())
		base.HTTPSProxy = "" // the proxy of this test does not support CONNECT
		client, err := New(Options{Dial: w.dial, Base: base})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { client.closeIdle() }()
		fetch := func(url, want string) {
			t.Helper()
			if got, err := client.Bytes(t.Context(), Request{URL: url}, 1<<16); err != nil || string(got) != want {
				t.Errorf("%s: got %d bytes, %v; want %d bytes", url, len(got), err, len(want))
			}
		}
		fetch("https://host/", body)
		fetch("http://elsewhere/", "proxy")
		if err := client.Configure(t.Context(), Settings{NoProxy: []string{"*"}}); err != nil {
			t.Fatal(err)
		}
		w.http("elsewhere:80", nil, &script{answers: []answer{serve("direct")}})
		fetch("https://host/", body)
		fetch("http://elsewhere/", "direct")
	})
}
