// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A world is a network in memory, with a clock of its own when it is used in a synctest bubble. Servers are real ones of
// net/http and crypto/tls; failures come from the wire or from handlers.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	servers map[string]func(net.Conn) // by host:port
	down    map[string][]error        // results of dialing a host:port, in order; a final nil means that it works from then on
	close   []func()
}

func newWorld(t *testing.T) *world {
	return &world{t: t, servers: map[string]func(net.Conn){}, down: map[string][]error{}}
}

// dial is a way to connect for a client.
func (w *world) dial(_ context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if list := w.down[address]; len(list) > 0 {
		err := list[0]
		if len(list) > 1 || err == nil {
			w.down[address] = list[1:]
		}
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	serve := w.servers[address]
	if serve == nil {
		host, _, _ := net.SplitHostPort(address)
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	near, far := net.Pipe()
	go serve(far)
	return near, nil
}

var (
	refused     = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	unreachable = os.NewSyscallError("connect", syscall.ENETUNREACH)
	unknown     = &net.DNSError{Err: "no such host", Name: "host", IsNotFound: true}
)

// queue is a listener for connections that the test hands to it.
type queue struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

func (q *queue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// http makes an address serve HTTP, over TLS if config is set.
func (w *world) http(address string, config *tls.Config, h http.Handler) {
	q := &queue{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(q)
	w.close = append(w.close, func() { server.Close() })
	w.servers[address] = func(c net.Conn) {
		if config != nil {
			c = tls.Server(c, config)
		}
		select {
		case q.conns <- c:
		case <-q.done:
			c.Close()
		}
	}
}

// next separates the first bytes from those sent after more input.
const next = "\x00"

// raw makes an address answer each connection with some bytes and then close it.
func (w *world) raw(address string, answers ...string) {
	var n int
	w.servers[address] = func(c net.Conn) {
		defer c.Close()
		w.mu.Lock()
		text := answers[min(n, len(answers)-1)]
		n++
		w.mu.Unlock()
		buffer := make([]byte, 4096)
		for _, part := range strings.Split(text, next) {
			if _, err := c.Read(buffer); err != nil {
				return
			}
			io.WriteString(c, part)
		}
	}
}

func (w *world) shut() {
	for _, f := range w.close {
		f()
	}
}

// An authority signs certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(100 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pem is the certificate of the authority.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// server returns a TLS configuration for a host, with a certificate that is valid between two times relative to now.
func (a *authority) server(host string, from, to time.Duration) *tls.Config {
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
