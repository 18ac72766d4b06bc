// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFIPS provisions a root with only the cryptography that FIPS 140-3 approves, from a server by https with a certificate
// authority of the config, and checks a file by sha512. A server without approved cryptography leads to a readable error.
func TestFIPS(t *testing.T) {
	engine := filepath.Join(t.TempDir(), "ignition")
	if out, err := inTree(top, []string{"CGO_ENABLED=0"}, "go", "build", "-o", engine, "./internal/cmd/engine"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const content = "from the server"
	for _, c := range []struct {
		name  string
		tls   *tls.Config
		fault string
	}{
		{name: "approved", tls: &tls.Config{}},
		{name: "TLS 1.2", tls: &tls.Config{MaxVersion: tls.VersionTLS12}},
		{
			name:  "only ChaCha20",
			tls:   &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}},
			fault: "handshake failure",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, authority := serve(t, c.tls, content)
			dir := t.TempDir()
			write(t, dir+"/config.ign", fmt.Sprintf(`{"ignition":{"version":"3.4.0","timeouts":{"httpTotal":5},
				"security":{"tls":{"certificateAuthorities":[{"source":"data:;base64,%s"}]}}},
				"storage":{"files":[{"path":"/etc/fetched","contents":{"source":"%s/","verification":{"hash":"sha512-%x"}}}]}}`,
				base64.StdEncoding.EncodeToString(authority), url, sha512.Sum512([]byte(content))))
			write(t, dir+"/cmdline", "ignition.firstboot\n")
			write(t, dir+"/root/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
			write(t, dir+"/root/etc/group", "root:x:0:\n")
			env := []string{"GODEBUG=fips140=only", "IGNITION_CONFIG_FILE=" + dir + "/config.ign", "IGNITION_KERNEL_CMDLINE_PATH=" + dir + "/cmdline"}
			var out string
			var err error
			for _, stage := range []string{"fetch", "files"} {
				out, err = inTree(dir, env, engine, "-platform=file", "-stage="+stage, "-root="+dir+"/root", "-state-file="+dir+"/run/state",
					"-config-cache="+dir+"/run/config", "-neednet="+dir+"/run/neednet", "-log-to-stdout")
			}
			if c.fault != "" {
				if err == nil || !strings.Contains(out, c.fault) || strings.Contains(out, "panic") {
					t.Errorf("%v, want %q\n%s", err, c.fault, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := read(t, dir+"/root/etc/fetched"); got != content {
				t.Errorf("fetched %q", got)
			}
		})
	}
}

// serve starts a server for https and returns its address, and the authority that signed its certificate.
func serve(t *testing.T, config *tls.Config, content string) (url string, authority []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) }))
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	server.TLS = config
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestFIPSBuild: a program linked with Go's FIPS module has FIPS mode on.
func TestFIPSBuild(t *testing.T) {
	if text := os.Getenv("GOFIPS140"); text != "" && text != "off" {
		t.Skip("the tests themselves are compiled for FIPS")
	}
	out, err := inTree(top, []string{"GOFIPS140=latest"}, "go", "list", "-f", "{{.DefaultGODEBUG}}", "./internal/cmd/engine")
	if err != nil || !strings.Contains(out, "fips140=on") {
		t.Errorf("GOFIPS140=latest: GODEBUG is %q (%v)", out, err)
	}
}
