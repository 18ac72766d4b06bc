// SPDX-License-Identifier: Apache-2.0

// Package fetch runs the client of internal/fetch against the servers that people run: an S3 that verifies signatures,
// Google's storage, Azurite, the metadata service of EC2, tftpd. The client gets the real URLs; only the targets of its
// connections are replaced.
package origin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	services "github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// required makes a missing server a failure. The build script sets it.
const required = "FIRSTLIGHT_TEST_SERVERS"

// missing ends a test whose server is missing.
func missing(t *testing.T, what string) {
	t.Helper()
	reason := what + " is not there; ./build servers installs it"
	if os.Getenv(required) != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// installed returns the path of a server that tests/servers/prepare has put into the cache.
func installed(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "firstlight", "servers", name))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		missing(t, name)
	}
	return found[0]
}

// port returns the address of a free local port.
func port(t *testing.T) (address, number string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, number, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), number
}

// start runs a server until the test ends, and returns when it accepts connections at an address.
func start(t *testing.T, address string, env []string, command ...string) {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &output, &output, t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s says:\n%s", filepath.Base(command[0]), output.Bytes())
		}
	})
	deadline := time.After(time.Minute)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", command[0], err, output.Bytes())
		case <-deadline:
			t.Fatalf("%s does not listen at %s", command[0], address)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// A network connects the client to servers on this machine.
type network struct {
	t      *testing.T
	routes map[string]string // the end of a host:port -> address
	pem    []byte            // certificate of the authority
	sign   func(hosts ...string) (cert, key []byte)
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, routes: map[string]string{}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	n.pem = certificate(t, ca, ca, key, key)
	n.sign = func(hosts ...string) ([]byte, []byte) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
			NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		}
		return certificate(t, leaf, ca, own, key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	return n
}

func certificate(t *testing.T, c, parent *x509.Certificate, own, signer *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &own.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// files writes a certificate for hosts, and its key, to files for a server.
func (n *network) files(hosts ...string) (cert, key string) {
	n.t.Helper()
	dir := n.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certText, keyText := n.sign(hosts...)
	for name, text := range map[string][]byte{cert: certText, key: keyText} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
	return cert, key
}

// serve runs a test's handler for hosts, at port 443 with TLS, or at port 80.
func (n *network) serve(handler http.Handler, secure bool, hosts ...string) {
	n.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	port := ":80"
	address := l.Addr().String()
	if secure {
		port = ":443"
		pair, err := tls.X509KeyPair(n.sign(hosts...))
		if err != nil {
			n.t.Fatal(err)
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	for _, h := range hosts {
		n.routes[strings.TrimPrefix(h, "*")+port] = address
	}
	s := &http.Server{Handler: handler}
	go s.Serve(l)
	n.t.Cleanup(func() { s.Close() })
}

// dial connects only to the servers of the test.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	best := ""
	for end := range n.routes {
		if strings.HasSuffix(address, end) && len(end) > len(best) {
			best = end
		}
	}
	if best == "" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("the test has no %s", address)}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, n.routes[best])
}

// http returns a plain client of the network, for filling servers.
func (n *network) http() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(n.pem)
	return &http.Client{Transport: &http.Transport{DialContext: n.dial, TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// client returns the client under test for a platform. It trusts the test's authority, as by a config.
func (n *network) client(platform string) *fetch.Client {
	n.t.Helper()
	c, err := fetch.New(fetch.Options{
		Version: "test", Platform: platform, Dial: n.dial, EC2: n.ec2(), Google: google.Account(n.services()),
		Log: slog.New(slog.NewTextHandler(n.t.Output(), nil)),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	limit := 20 * time.Second
	settings := fetch.Settings{Total: &limit, Authorities: []fetch.Request{{URL: fetch.DataURL(n.pem)}}}
	if err := c.Configure(n.t.Context(), settings); err != nil {
		n.t.Fatal(err)
	}
	return c
}

// services returns a client of metadata services.
func (n *network) services() *services.Client {
	return services.New(services.Options{Version: "test", Dial: func(ctx context.Context, network, address string, _ int) (net.Conn, error) {
		return n.dial(ctx, network, address)
	}})
}

// ec2 asks the metadata service of EC2 as the engine does, with the client of the platforms.
func (n *network) ec2() ec2.Get {
	client := n.services()
	return func(ctx context.Context, item string) ([]byte, error) {
		data, err := client.Once(ctx, services.EC2, "/"+item)
		if errors.Is(err, services.ErrNotFound) {
			err = ec2.Status(http.StatusNotFound)
		}
		return data, err
	}
}

// A fetched is one fetch and its expected result.
type fetched struct {
	name string
	req  fetch.Request
	want string   // payload
	err  error    // class; nil: any
	text []string // parts of the error; empty: no error
}

func (n *network) check(t *testing.T, c *fetch.Client, cases ...fetched) {
	t.Helper()
	for _, f := range cases {
		t.Run(f.name, func(t *testing.T) {
			got, err := c.Bytes(t.Context(), f.req, 64<<20)
			if len(f.text) == 0 {
				if err != nil || string(got) != f.want {
					t.Fatalf("got %.80q, %v; want %.80q", got, err, f.want)
				}
				return
			}
			checkError(t, err, f.err, f.text)
		})
	}
}

// checkError checks the class and the text of an error.
func checkError(t *testing.T, err, class error, words []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if class != nil && !errors.Is(err, class) {
		t.Errorf("%v is not %q", err, class)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}
