// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A world is the environment of one run: the programs, the server, the machine's logs.
type world struct {
	t         *testing.T
	dir       string
	all       map[string]secret
	config    string // the user's, with placeholders
	cmdline   string
	answers   map[string]http.HandlerFunc // instead of the bodies
	outputs   map[string]*sink
	authority []byte            // the server's content at /ca
	between   map[string]func() // called before a stage
	running   *exec.Cmd
	said      bytes.Buffer // for debugging
}

// A sink collects what is written to a log of the machine.
type sink struct {
	mu   sync.Mutex
	more sync.Cond
	text bytes.Buffer
	send io.Writer // into the log
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.more.Broadcast()
	return s.text.Write(p)
}

// take returns the text written so far: it writes a marker and reads up to it.
func (s *sink) take(t *testing.T) []byte {
	t.Helper()
	mark := []byte("the end of what was written\n")
	if _, err := s.send.Write(mark); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !bytes.HasSuffix(s.text.Bytes(), mark) {
		s.more.Wait()
	}
	text := bytes.Clone(s.text.Bytes())
	s.text.Reset()
	return text
}

// logs are the machine's logs: sockets, and FIFOs in place of devices.
var logs = map[string]string{"syslog": "/run/log", "journal": "/run/systemd/journal/socket", "console": "/dev/console", "kmsg": "/dev/kmsg"}

// furnish sets the namespaces up as a machine whose logs belong to the test.
func furnish(t *testing.T) map[string]*sink {
	t.Helper()
	for _, c := range []string{"mount --make-rprivate /", "mount -t tmpfs tmpfs /run", "mkdir -p /run/systemd/journal"} {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c, err, out)
		}
	}
	sinks := map[string]*sink{}
	for name, at := range logs {
		s := &sink{}
		s.more.L = &s.mu
		sinks[name] = s
		if strings.HasPrefix(at, "/run/") {
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			go io.Copy(s, l)
			if s.send, err = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: at, Net: "unixgram"}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		fifo := "/run/" + name
		err := unix.Mkfifo(fifo, 0o600)
		if err == nil {
			err = unix.Mount(fifo, at, "", unix.MS_BIND, "")
		}
		if err != nil {
			t.Fatal(name, err)
		}
		f, err := os.OpenFile(fifo, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.send = f
		go io.Copy(s, f)
	}
	return sinks
}

// newWorld makes the initial state of a first boot.
func newWorld(t *testing.T, all map[string]secret, sinks map[string]*sink) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), all: all, config: template, cmdline: "ignition.firstboot", answers: map[string]http.HandlerFunc{}, outputs: sinks,
		between: map[string]func(){}, authority: newAuthority(t)}
	w.write("root/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644)
	w.write("root/etc/group", "root:x:0:\n", 0o644)
	w.write("root/etc/shadow", "root:*:1::::::\n", 0o600)
	w.write("root/etc/gshadow", "root:*::\n", 0o600)
	w.write("root/etc/motd", "welcome\n", 0o644)
	w.write("root/usr/bin/x", "", 0o755)
	w.write("run/x", "", 0o600)
	return w
}

// newAuthority returns a certificate.
func newAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (w *world) write(name, text string, mode os.FileMode) {
	w.t.Helper()
	name = filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

// ServeHTTP serves all references of the config.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if h := w.answers[r.URL.Path]; h != nil {
		h(rw, r)
		return
	}
	body, known := bodies[r.URL.Path]
	switch {
	case r.URL.Path == "/ca":
		rw.Write(w.authority)
		return
	case !known:
		http.NotFound(rw, r)
		return
	}
	body = fill(body, w.all)
	if r.URL.Path == "/gz" {
		body = zipped(body)
	}
	io.WriteString(rw, body)
}

// stages are those of a boot.
var stages = []string{"fetch-offline", "fetch", "kargs", "disks", "mount", "files", "umount"}

// run runs the stages of a boot, up to the first that fails.
func (w *world) run(s *searcher) (exit int) {
	w.t.Helper()
	server := &http.Server{Handler: w}
	l, err := net.Listen("tcp", "127.0.0.1:80")
	if err != nil {
		w.t.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()
	if _, err := os.Stat(filepath.Join(w.dir, "config.ign")); err != nil {
		w.write("config.ign", fill(w.config, w.all), 0o600)
	}
	w.write("cmdline", w.cmdline, 0o600)
	for _, stage := range stages {
		if f := w.between[stage]; f != nil {
			f()
		}
		if exit = w.stage(s, stage); exit != 0 {
			break
		}
	}
	s.tree(w.t, filepath.Join(w.dir, "run"), "run")
	s.tree(w.t, filepath.Join(w.dir, "root"), "root")
	return exit
}

// stage runs one stage, and searches its output.
func (w *world) stage(s *searcher, name string) int {
	w.t.Helper()
	run := filepath.Join(w.dir, "run")
	cmd := exec.Command(filepath.Join(os.Getenv(inside), "ignition"), "-platform", "file", "-stage", name, "-root", filepath.Join(w.dir, "root"),
		"-config-cache", run+"/cache", "-neednet", run+"/neednet", "-state-file", run+"/state", "-fetch-timeout", "2s")
	cmd.Env = append(os.Environ(), "IGNITION_KERNEL_CMDLINE_PATH="+filepath.Join(w.dir, "cmdline"), "IGNITION_CONFIG_FILE="+filepath.Join(w.dir, "config.ign"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	w.running = cmd
	err := cmd.Start()
	if err == nil {
		err = cmd.Wait()
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		w.t.Fatal(err)
	}
	s.look(w.t, "stdout", stdout.Bytes())
	s.look(w.t, "stderr", stderr.Bytes())
	for place, sink := range w.outputs {
		text := sink.take(w.t)
		s.look(w.t, place, text)
		w.said.Write(text)
	}
	return cmd.ProcessState.ExitCode()
}

// tools runs the people's tool on the config of the case, in all its forms.
func (w *world) tools(s *searcher) {
	w.t.Helper()
	config, root := filepath.Join(w.dir, "config.ign"), filepath.Join(w.dir, "root")
	facts := filepath.Join(w.dir, "facts.json")
	for _, c := range []string{
		"facts --root " + root + " " + config, "plan --facts " + facts + " " + config, "plan --json --facts " + facts + " " + config,
		"validate --format text " + config, "validate --strict --format line " + config, "validate --format json " + config, "validate --format sarif " + config,
		"validate --format github " + config, "ignition-validate " + config,
	} {
		words := strings.Fields(c)
		program := "firstlight"
		if words[0] == "ignition-validate" {
			program, words = words[0], words[1:]
		}
		cmd := exec.Command(filepath.Join(os.Getenv(inside), "firstlight"), words...)
		cmd.Args[0] = program
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // the configs are wrong in many ways
		name := "tool " + strings.TrimSpace(strings.NewReplacer(w.dir, "", "/config.ign", "", "/facts.json", "", "/root", "").Replace(c))
		if strings.Contains(c, "format text") {
			name = "tool text"
		}
		s.look(w.t, name, stdout.Bytes())
		if words[0] == "plan" || words[0] == "facts" { // findings
			name = "tool text"
		}
		s.look(w.t, name, stderr.Bytes())
		if words[0] == "facts" {
			w.write("facts.json", stdout.String(), 0o600)
		}
	}
}

// TestEngine runs the engine as it is shipped and the tool on the same config.
func TestEngine(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("namespaces need root")
	}
	sinks := furnish(t)
	s := &searcher{all: plant(), searched: map[string]int{}}
	t.Run("success", func(t *testing.T) {
		w := newWorld(t, s.all, sinks)
		if exit := w.run(s); exit != 0 {
			t.Fatalf("exit %d\n%s", exit, &w.said)
		}
		w.complete(s)
		w.tools(s)
	})
	ways := waysToFail()
	for _, f := range ways {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, s.all, sinks)
			began := time.Now()
			if f.config != nil {
				if w.config = f.config(template); w.config == template {
					t.Fatal("the config is as it was")
				}
			}
			s.reported = f.shows
			if f.world != nil {
				f.world(w)
			}
			if exit := w.run(s); exit == 0 && !f.harmless {
				t.Errorf("nothing failed\n%s", &w.said)
			}
			if f.config != nil {
				w.tools(s)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	t.Logf("%d canaries planted, %d places searched (%d MiB), %d ways to fail", len(s.all), len(s.searched), s.bytes>>20, len(ways))
	if len(ways) < 60 || len(s.all) < 40 {
		t.Error("too few")
	}
}

// complete checks that a successful run put the secrets where they belong: otherwise the search would prove nothing.
func (w *world) complete(s *searcher) {
	w.t.Helper()
	for _, p := range places {
		if !strings.HasPrefix(p.pattern, "root/") || strings.Contains(p.pattern, "*") || strings.HasSuffix(p.pattern, "-") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(w.dir, p.pattern))
		held := 0
		for name, secret := range s.all {
			if p.holdsCanary(name) && bytes.Contains(text, []byte(secret.text)) {
				held++
			}
		}
		if err != nil || held == 0 {
			w.t.Errorf("%s holds no canary: %v", p.pattern, err)
		}
	}
	for _, name := range []string{"syslog", "journal", "console", "run/cache.origins", "run/progress.json", "root/etc/.ignition-result.json"} {
		if s.searched[name] == 0 {
			w.t.Errorf("%s was not searched", name)
		}
	}
}
