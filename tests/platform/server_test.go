// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A reply is a service's answer to a request.
type reply struct {
	status int // 0: 200
	body   string
	wait   time.Duration // before the first byte of the body
	cut    bool          // the body ends early
	header []string      // name, value
}

// A service answers at the address of a cloud, and records the requests.
type service struct {
	mu       sync.Mutex
	requests []string
	answer   func(n int, r *http.Request) reply // n counts the requests of a path from 1
	seen     map[string]int
}

// defaults are the headers of every request, unless a platform has others.
var defaults = map[string]string{
	"Accept":          "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1",
	"Accept-Encoding": "identity",
	"User-Agent":      "Ignition/0.0.0-unknown",
	"Connection":      "close",
}

// describe returns a request as text, with all headers that differ from the defaults and all missing defaults.
func describe(r *http.Request) string {
	var extra []string
	for name, values := range r.Header {
		if value := strings.Join(values, ","); defaults[name] != value {
			extra = append(extra, name+": "+value)
		}
	}
	for name := range defaults {
		if name != "Connection" && r.Header.Get(name) == "" {
			extra = append(extra, "without "+name)
		}
	}
	slices.Sort(extra)
	return strings.TrimSpace(fmt.Sprintf("%s %s%s %s", r.Method, r.Host, r.URL.RequestURI(), strings.Join(extra, "; ")))
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	text := describe(r)
	if body, _ := io.ReadAll(r.Body); len(body) > 0 {
		text += " " + string(body)
	}
	s.requests = append(s.requests, text)
	s.seen[r.URL.Path]++
	n := s.seen[r.URL.Path]
	s.mu.Unlock()
	a := s.answer(n, r)
	for i := 0; i+1 < len(a.header); i += 2 {
		w.Header().Set(a.header[i], a.header[i+1])
	}
	if a.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+10))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	if a.wait > 0 {
		w.(http.Flusher).Flush()
		time.Sleep(a.wait)
	}
	io.WriteString(w, a.body)
}

// asked returns the requests so far.
func (s *service) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// serve answers at hosts, such as "169.254.169.254" or "[fe80::a9fe:a9fe%cloud0]", until the test ends.
func serve(t *testing.T, answer func(n int, r *http.Request) reply, hosts ...string) *service {
	t.Helper()
	s := &service{answer: answer, seen: map[string]int{}}
	for _, h := range hosts {
		l, err := net.Listen("tcp", h+":80")
		if err != nil {
			t.Fatal(err)
		}
		start(t, l, s)
	}
	return s
}

func start(t *testing.T, l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

// serveTLS answers at a host's port 443, and returns the authority of its certificate.
func serveTLS(t *testing.T, answer func(n int, r *http.Request) reply, name, address string) (*service, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address+":443")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{answer: answer, seen: map[string]int{}}
	start(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}), s)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
