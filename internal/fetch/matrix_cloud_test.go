// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	"github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// The matrix of clouds: each object store with each behavior of the metadata service and of the store. The metadata service
// hands out secrets, and the store echoes them.

// cloudCanaries are the secrets that metadata services hand out.
var cloudCanaries = []string{"canarytoken", "canarykey", "canarysecret", "canarysession"}

// A cloud is one object store.
type cloud struct {
	platform, url, store string
	none                 int // status of a metadata service for a machine without identity
	mustHave             bool
	items                map[string]string // of a working metadata service, by the ends of their paths
}

func allClouds() []cloud {
	const token = `{"access_token":"canarytoken","expires_in":3600}`
	return []cloud{
		{platform: "aws", url: "s3://bucket/key", store: "bucket.s3.dualstack.us-east-1.amazonaws.com", none: 404, items: map[string]string{
			"/latest/api/token":                     "canarytoken",
			"/placement/region":                     "us-east-1",
			"/iam/security-credentials/":            "role",
			"/iam/security-credentials/role":        `{"Code":"Success","AccessKeyId":"canarykey","SecretAccessKey":"canarysecret","Token":"canarysession","Expiration":"2000-01-02T00:00:00Z"}`,
			"/iam/security-credentials/canarytoken": "",
		}},
		{platform: "gcp", url: "gs://bucket/key", store: "storage.googleapis.com", none: 404, mustHave: true, items: map[string]string{
			"/default/scopes": "scope\n", "/default/token": token,
		}},
		{platform: "azure", url: "https://account.blob.core.windows.net/box/key", store: "account.blob.core.windows.net", none: 400, items: map[string]string{
			"/oauth2/token": token,
		}},
	}
}

// The result of asking a metadata service.
type knowledge int

const (
	identity knowledge = iota
	nobody
	trouble
)

// metadataServices has the behaviors of metadata services.
var metadataServices = []struct {
	name string
	gets knowledge
	do   func(c cloud, w http.ResponseWriter, r *http.Request)
}{
	{"well", identity, func(c cloud, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		for end, text := range c.items {
			if strings.HasSuffix(r.URL.Path, end) {
				io.WriteString(w, text)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}},
	{"knows nobody", nobody, func(c cloud, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		w.WriteHeader(c.none)
		io.WriteString(w, "canarytoken")
	}},
	{"fails", trouble, func(_ cloud, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, "canarytoken")
	}},
	{"sends nonsense", trouble, func(_ cloud, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "canarytoken") }},
	{"sends nothing", trouble, func(_ cloud, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	{"redirects", trouble, func(_ cloud, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere/canarytoken", http.StatusFound)
	}},
	{"hangs up", trouble, func(cloud, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
}

// stores has the behaviors of stores: the answer to a request, and the result of the fetch.
var stores = []struct {
	name string
	want error // nil: the payload
	text string
}{
	{"well", nil, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"},
	{"forbids", ErrFailed, "HTTP/1.1 403 ECHO\r\nX: ECHO\r\nContent-Length: 0\r\n\r\n"},
	{"forbids, with words", ErrFailed, "HTTP/1.1 403 No\r\n\r\n<Error><Code>canarysecret</Code><Message>ECHO</Message></Error>"},
	{"has nothing", ErrNotFound, "HTTP/1.1 404 ECHO\r\nX: ECHO\r\n\r\nECHO"},
	{"fails", ErrTimeout, "HTTP/1.1 503 ECHO\r\n\r\nECHO"},
	{"speaks nonsense", ErrTimeout, "ECHO\r\n\r\n"},
	{"contradicts itself", ErrFailed, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: ECHO\r\n\r\nbody"},
	{"breaks off", ErrTimeout, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nbody"},
	{"falls silent", ErrTimeout, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nbody" + hold},
	{"forbids and falls silent", ErrFailed, "HTTP/1.1 403 No\r\nContent-Length: 40\r\n\r\nECHO" + hold},
	{"redirects to nonsense", ErrFailed, "HTTP/1.1 302 Found\r\nLocation: ftp://ECHO/\r\n\r\n"},
}

// expect returns the expected error of a fetch.
func expect(c cloud, k knowledge, store error) error {
	final := errors.Is(store, ErrFailed) || errors.Is(store, ErrNotFound)
	if k == trouble && (c.mustHave || final) {
		return ErrTimeout // it may recover
	}
	return store
}

func TestCloudMatrix(t *testing.T) {
	log.SetOutput(io.Discard) // see TestMatrix
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	n := 0
	for _, c := range allClouds() {
		for _, m := range metadataServices {
			for _, s := range stores {
				n++
				t.Run(fmt.Sprintf("%s, metadata %s, store %s", c.platform, m.name, s.name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						defer w.shut()
						w.http("169.254.169.254:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { m.do(c, rw, r) }))
						authority := newAuthority(t)
						serveTLS(w, c.store, authority, s.text)
						gets := m.gets
						if c.platform == "azure" && m.name == "redirects" {
							gets = nobody // as for any other status that it does not document
						}
						c.run(t, w, authority, expect(c, gets, s.want))
					})
				})
			}
		}
	}
	t.Logf("%d combinations of clouds", n)
}

// serveTLS makes a host answer each request with a text, in which ECHO stands for all canaries.
func serveTLS(w *world, host string, a *authority, text string) {
	config := a.server(host, -time.Hour, time.Hour)
	config.CurvePreferences = []tls.CurveID{tls.X25519} // the cheapest
	text, held := strings.CutSuffix(strings.ReplaceAll(text, "ECHO", strings.Join(cloudCanaries, ".")), hold)
	w.servers[host+":443"] = func(c net.Conn) {
		conn := tls.Server(c, config)
		defer c.Close()
		if !readRequest(conn) {
			return
		}
		io.WriteString(conn, text)
		if held {
			io.Copy(io.Discard, conn)
		}
		conn.Close()
	}
}

// services returns a client of metadata services.
func services(w *world) *metadata.Client {
	return metadata.New(metadata.Options{Dial: func(ctx context.Context, network, address string, _ int) (net.Conn, error) {
		return w.dial(ctx, network, address)
	}})
}

// ec2Item asks the metadata service of EC2 as the engine does, with the client of the platforms. That client logs the names
// of items, which are not secrets. One of them is the role's name, which may be a canary here.
func ec2Item(w *world) ec2.Get {
	client := services(w)
	return func(ctx context.Context, item string) ([]byte, error) {
		data, err := client.Once(ctx, metadata.EC2, "/"+item)
		if errors.Is(err, metadata.ErrNotFound) {
			err = ec2.Status(http.StatusNotFound)
		}
		return data, err
	}
}

func (c cloud) run(t *testing.T, w *world, a *authority, want error) {
	out := &emitted{}
	client, err := New(Options{
		Dial: w.dial, Platform: c.platform, EC2: ec2Item(w), Google: google.Account(services(w)),
		Total: 25 * time.Second, Say: func(text string) { io.WriteString(out, text+"\n") },
		Log:  slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Base: Settings{Authorities: []Request{{URL: DataURL(a.pem())}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.closeIdle()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	began := time.Now()
	got, err := client.Bytes(ctx, Request{URL: c.url}, 1<<16)
	if took := time.Since(began); took > 30*time.Second { // crypto/tls takes 5 s to close a connection to a server that does not read
		t.Errorf("it took %s", took)
	}
	if want == nil && (err != nil || string(got) != "body") || want != nil && !errors.Is(err, want) {
		t.Errorf("got %q, %v; want %v", got, err, want)
	}
	out.search(t, err)
	shown := out.text.String()
	if i := slices.IndexFunc(cloudCanaries, func(s string) bool { return strings.Contains(shown, s) }); i >= 0 {
		t.Errorf("%s is shown:\n%s", cloudCanaries[i], shown)
	}
}
