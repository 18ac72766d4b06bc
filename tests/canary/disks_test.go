// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// modeled is one run of the disks stage on a modeled machine.
type modeled struct {
	*fake.Machine
	t      *testing.T
	s      *searcher
	all    map[string]secret
	config string
	state  handover.State
	log    bytes.Buffer
}

// newModeled makes a machine whose programs are watched.
func newModeled(t *testing.T, s *searcher, server string) *modeled {
	m := &modeled{Machine: fake.New("canary"), t: t, s: s, all: s.all,
		config: strings.NewReplacer("SERVER", server, "HOST", strings.TrimPrefix(server, "http://")).Replace(volumes)}
	m.AddDisk("vda", 128<<20, 512)
	programs := map[string]fake.Program{}
	for name, program := range m.Programs {
		programs[name] = func(p *fake.Process) error {
			call := name
			if name == "clevis" {
				call += " " + strings.Join(p.Args[:min(2, len(p.Args))], " ") // luks bind, luks unlock
			}
			s.look(t, "program "+call, []byte(strings.Join(p.Args, "\x00")+string(p.Stdin)))
			return program(p)
		}
	}
	m.Programs = programs
	m.Boot()
	m.Settle()
	return m
}

// run runs the stage, and searches its output and leftovers.
func (m *modeled) run() error {
	m.t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "canary-") // journals are synced
	if err != nil {
		dir = m.t.TempDir()
	}
	defer os.RemoveAll(dir)
	doc, report := config.Parse(diag.NewSource("test.ign", []byte(fill(m.config, m.all))))
	if report.HasErrors() {
		m.t.Fatal(report.Errors()[0].Line())
	}
	log := logx.New(logx.Stdout{W: &m.log})
	client, err := fetch.New(fetch.Options{Version: "test", Log: log, Total: 2 * time.Second, Say: func(text string) { m.s.look(m.t, "console", []byte(text)) }})
	if err != nil {
		m.t.Fatal(err)
	}
	run := &provision.Run{
		Parts: provision.Of(provision.Disks), Later: provision.After(provision.Disks), Doc: doc, Digest: "digest", Engine: "test", Log: log,
		Inputs: plan.Inputs{Seed: "seed", Today: 20000}, Machine: observe.Machine{System: m.Machine, Handover: m.state.Facts},
		Applier: &apply.Machine{Sys: m.Machine, Fetch: client, Keep: &m.state, Log: log}, Left: m.state.Payloads,
		Journals: func(p provision.Part) (*os.Root, string, error) {
			root, err := os.OpenRoot(dir)
			return root, p.Name, err
		},
		Foreseen: func(f facts.Facts, forecast provision.Forecast) {
			text, _ := json.Marshal(f)
			m.s.look(m.t, "facts", text)
			text, _ = json.Marshal(forecast)
			m.s.look(m.t, "forecast", text)
		},
		Findings: func(list diag.List) { m.s.look(m.t, "findings", []byte(fmt.Sprint(list))) },
	}
	_, err = run.Do(context.Background())
	m.s.look(m.t, "log", m.log.Bytes())
	m.s.look(m.t, "error", []byte(fmt.Sprintf("%v %+v", err, err)))
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		m.s.look(m.t, "hint", []byte(hint.Hint()))
	}
	m.s.look(m.t, "effects", []byte(strings.Join(m.Effects(), "\n")))
	m.s.tree(m.t, dir, "journal")
	if err := m.state.Save(filepath.Join(dir, "state")); err != nil {
		m.t.Fatal(err)
	}
	text, err2 := os.ReadFile(filepath.Join(dir, "state"))
	if err2 != nil {
		m.t.Fatal(err2)
	}
	m.s.look(m.t, "run/state", text)
	m.show(doc)
	return err
}

// show plans for the machine's current state, in the form for people.
func (m *modeled) show(doc config.Document) {
	var f facts.Facts
	if err := provision.Capture(context.Background(), observe.Machine{System: m.Machine}, nil, provision.Of(provision.Disks), doc, &f); err != nil {
		return
	}
	p, report, err := provision.Show(doc, f, plan.Inputs{Seed: "seed", Today: 20000})
	m.s.look(m.t, "plan of the remaining steps", []byte(fmt.Sprint(report, err)))
	if err == nil {
		text, _ := json.Marshal(p)
		m.s.look(m.t, "plan of the remaining steps", text)
		m.s.look(m.t, "plan of the remaining steps", []byte(p.Text()))
	}
}

// quoting fails with all that a program was given, in lines of at most so many bytes.
func quoting(p *fake.Process, most int) error {
	var stderr strings.Builder
	for _, text := range append([]string{string(p.Secret), string(p.Stdin)}, p.Args...) {
		for len(text) > 0 {
			n := min(most, len(text))
			fmt.Fprintf(&stderr, "do not know '%s'\n", text[:n])
			text = text[n:]
		}
	}
	return p.Failed(p.Name, stderr.String(), errors.New("exit status 1"))
}

// TestDisks runs the disks stage on a model: to its end, stopped before every effect, with every program failing, and with servers that
// do not give the key.
func TestDisks(t *testing.T) {
	s := &searcher{all: plant(), searched: map[string]int{}}
	var handler http.HandlerFunc
	good := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s.all["fetchedKey"].text) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/key" {
			return // the Tang server can be reached
		}
		handler(w, r)
	}))
	defer server.Close()
	handler = good
	whole := newModeled(t, s, server.URL)
	if err := whole.run(); err != nil {
		t.Fatalf("%v\n%s", err, &whole.log)
	}
	effects, ways := len(whole.Effects()), 0
	t.Logf("%d effects", effects)
	for n := 1; n <= effects; n++ {
		m := newModeled(t, s, server.URL)
		m.StopBefore(n)
		if err := m.run(); err == nil {
			t.Errorf("stopped before effect %d, and nothing failed", n)
		}
		ways++
	}
	for _, name := range []string{"cryptsetup", "clevis", "mkfs.ext4"} {
		m := newModeled(t, s, server.URL)
		m.Programs[name] = func(*fake.Process) error { return errors.New(name + ": exit status 1: no such thing") }
		if err := m.run(); err == nil {
			t.Errorf("%s fails, and the stage does not", name)
		}
		delete(m.Programs, name)
		_ = m.run()
		ways += 2
	}
	for _, name := range []string{"cryptsetup", "clevis"} { // it quotes all that it knows, in whole and in part
		for _, most := range []int{1 << 16, 40, 25} {
			m := newModeled(t, s, server.URL)
			m.Programs[name] = func(p *fake.Process) error { return quoting(p, most) }
			if err := m.run(); err == nil {
				t.Errorf("%s fails, and the stage does not", name)
			}
			ways++
		}
	}
	s.reported = "hashKey" // a hash mismatch shows the digest
	for _, h := range []http.HandlerFunc{echoes(403), echoes(404), echoes(302), func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s.all["luksInline"].text) }} {
		handler = h
		m := newModeled(t, s, server.URL)
		if err := m.run(); err == nil {
			t.Error("there is no key, and nothing failed")
		}
		ways++
	}
	t.Logf("%d canaries planted, %d places searched (%d MiB), %d ways to fail", len(s.all), len(s.searched), s.bytes>>20, ways)
	if s.searched["program clevis luks bind"] == 0 || s.searched["program clevis luks unlock"] == 0 || s.searched["program cryptsetup"] == 0 {
		t.Error("the volumes were not made")
	}
}
