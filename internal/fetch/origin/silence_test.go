// SPDX-License-Identifier: Apache-2.0

package origin_test

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// inet matches a system call on the network in strace's output. Netlink and Unix sockets do not count.
var inet = regexp.MustCompile(`(?m)^.*AF_INET6?\b.*$`)

// TestSilence traces the sockets of the stages after fetch: there are none, unless the config has files from the network.
// The config refers to other configs behind its own authority, and names proxies.
func TestSilence(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("setting owners needs root")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("missing package: strace")
	}
	dir := t.TempDir()
	engine := filepath.Join(dir, "ignition")
	build := exec.Command("go", "build", "-o", engine, "../../../internal/cmd/engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, c := range map[string]struct {
		source string
		talks  bool
	}{
		"inline files":        {source: "data:,inline"},
		"file of the network": {source: "URL/file", talks: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newStaged(t, strace, engine, c.source)
			if out, err := m.stage("fetch"); err != nil {
				t.Fatalf("fetch: %v\n%s", err, out)
			}
			var calls []string
			for _, s := range []string{"kargs", "disks", "mount", "files", "umount"} {
				if out, err := m.stage(s); err != nil {
					t.Fatalf("%s: %v\n%s", s, err, out)
				}
				trace, err := os.ReadFile(m.trace)
				if err != nil {
					t.Fatal(err)
				}
				calls = append(calls, inet.FindAllString(string(trace), -1)...)
			}
			if talks := len(calls) > 0; talks != c.talks {
				t.Errorf("used the network: %v, want %v: %q", talks, c.talks, calls)
			}
			for _, file := range []string{"file", "child"} {
				if _, err := os.Stat(filepath.Join(m.root, file)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// staged is a machine for the stages of the real program.
type staged struct{ strace, engine, dir, root, trace string }

func newStaged(t *testing.T, strace, engine, source string) staged {
	t.Helper()
	m := staged{strace: strace, engine: engine, dir: t.TempDir()}
	m.root, m.trace = filepath.Join(m.dir, "root"), filepath.Join(m.dir, "trace")
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") }))
	t.Cleanup(plain.Close)
	child := `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/child","contents":{"source":"data:,x"}}]}}`
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, child) }))
	t.Cleanup(secure.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	authorities := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(authority) }))
	t.Cleanup(authorities.Close)
	sum := sha512.Sum512(authority)
	if source == "URL/file" {
		source = plain.URL + "/file"
	}
	for _, d := range []string{m.root, filepath.Join(m.root, "etc")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":%q}]},
		"proxy":{"httpProxy":"http://127.0.0.1:1","httpsProxy":"https://127.0.0.1:1","noProxy":["127.0.0.0/8"]},
		"security":{"tls":{"certificateAuthorities":[{"source":%q,"verification":{"hash":"sha512-%s"}}]}}},
		"storage":{"files":[{"path":"/file","contents":{"source":%q}}]}}`,
		secure.URL, authorities.URL, hex.EncodeToString(sum[:]), source)
	for name, text := range map[string]string{"config.ign": config, "cmdline": "quiet"} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// stage runs a stage; the trace has its sockets.
func (m staged) stage(name string) ([]byte, error) {
	cmd := exec.Command(m.strace, "-f", "-qq", "-e", "trace=%network", "-o", m.trace, m.engine,
		"-platform", "file", "-stage", name, "-root", m.root, "-log-to-stdout", "-config-cache", filepath.Join(m.dir, "run/ignition.json"),
		"-state-file", filepath.Join(m.dir, "run/state"), "-neednet", filepath.Join(m.dir, "run/neednet"))
	cmd.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+filepath.Join(m.dir, "config.ign"),
		"IGNITION_KERNEL_CMDLINE_PATH="+filepath.Join(m.dir, "cmdline"))
	return cmd.CombinedOutput()
}
