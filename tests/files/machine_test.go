// SPDX-License-Identifier: Apache-2.0

// Package files tests the files stage as a whole: a config and a target root go in, and all of the tree that comes
// out is compared. Nothing outside a temporary directory is touched; as the owners of files are part of what is
// compared, root is needed.
package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/state"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

const version = `"ignition":{"version":"3.6.0"}`

// machine is a target root with what belongs to a run on it.
type machine struct {
	dir      string // the target root
	journals string
	state    state.State
	programs map[string]string
	before   func(effect string) error // stops a run
	in       plan.Inputs
	labels   bool // SELinux labels are set
	syncs    int  // of the last run, the journals' included
	log      []string

	predicted facts.Facts // by the last plan
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("setting owners needs root")
	}
	temp := tempDir(t)
	m := &machine{dir: filepath.Join(temp, "root"), journals: filepath.Join(temp, "journals")}
	m.in = plan.Inputs{Seed: "seed", Today: 20000, KeyFragment: true}
	for _, d := range []string{m.dir, m.journals} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// tempDir returns a directory that is removed after the test; in memory if there is such a place, since the runs wait
// for the disk otherwise.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "firstlight-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// parse turns the text of a config, without its version, into a document.
func parse(text string) (config.Document, error) {
	text = "{" + version + "," + strings.TrimPrefix(text, "{")
	doc, report := config.Parse(diag.NewSource("case.ign", []byte(text)))
	if report.HasErrors() {
		return doc, errors.New(report.Errors()[0].Line())
	}
	return doc, nil
}

// conflict is a plan with errors.
type conflict struct{ report diag.List }

func (c *conflict) Error() string {
	var lines []string
	for _, d := range c.report.Errors() {
		line := d.Line()
		if d.Hint != "" {
			line += " (" + d.Hint + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// run runs the files stage on a config. A run that was stopped goes on.
func (m *machine) run(doc config.Document) (err error) {
	log := slog.New(slog.NewTextHandler(&lineLog{m}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	host := &sys.Host{Programs: m.programs, Log: log}
	http, err := fetch.New(fetch.Options{Version: "test", Log: log})
	if err != nil {
		return err
	}
	root, err := rootfs.Open(m.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if m.before != nil {
		root.Before(m.before)
	}
	if m.labels {
		if m.in.Policy, err = apply.SELinuxPolicy(root); err != nil {
			return err
		}
	}
	if err := m.preview(host, root, log, doc); err != nil {
		return err
	}
	m.syncs = 0
	am := &apply.Machine{Sys: host, Root: root, Fetch: http, Config: &doc.Config, State: &m.state, Log: log}
	parts := []plan.Part{plan.Accounts, plan.Files}
	defer am.FetchAhead(context.Background(), parts)()
	for _, p := range parts {
		if err := m.part(am, p, doc); err != nil {
			return err
		}
	}
	m.syncs += root.Syncs()
	return nil
}

// preview plans all parts ahead, as the engine does, unless an earlier run has begun.
func (m *machine) preview(host *sys.Host, root *rootfs.Root, log *slog.Logger, doc config.Document) error {
	if begun, err := os.ReadDir(m.journals); err != nil || len(begun) > 0 {
		return err
	}
	f, err := observe.Run(context.Background(), observe.Env{Sys: host, Root: root, Log: log}, plan.Accounts, doc)
	if err != nil {
		return err
	}
	for _, p := range []plan.Part{plan.Accounts, plan.Files} {
		_, after, report := plan.Build(p, doc, f, m.in)
		if report.HasErrors() {
			return &conflict{report}
		}
		f = after
	}
	return nil
}

func (m *machine) part(am *apply.Machine, p plan.Part, doc config.Document) error {
	dir, err := os.OpenRoot(m.journals)
	if err != nil {
		return err
	}
	defer dir.Close()
	j, err := journal.Open(dir, string(p))
	if errors.Is(err, fs.ErrNotExist) {
		f, err := observe.Run(context.Background(), observe.Env{Sys: am.Sys, Root: am.Root, Log: am.Log}, p, doc)
		if err != nil {
			return err
		}
		if _, _, report := plan.Build(p, doc, f, m.in); report.HasErrors() {
			return &conflict{report}
		}
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if j, err = journal.Create(dir, string(p), journal.Header{Part: string(p), Facts: text}); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	defer j.Close()
	var f facts.Facts
	if err := json.Unmarshal(j.Header().Facts, &f); err != nil {
		return err
	}
	built, after, report := plan.Build(p, doc, f, m.in)
	if report.HasErrors() {
		return &conflict{report}
	}
	m.predicted = after
	r := apply.Run(context.Background(), am, j, built)
	m.syncs += j.Syncs()
	return r.Err
}

// untrue lists what the last plan predicted and a look at the machine does not find: types, owners, modes and targets of nodes,
// and the account files.
func (m *machine) untrue(doc config.Document) []string {
	root, err := rootfs.Open(m.dir)
	if err != nil {
		return []string{err.Error()}
	}
	defer root.Close()
	log := slog.New(slog.DiscardHandler)
	found, err := observe.Run(context.Background(), observe.Env{Sys: &sys.Host{Log: log}, Root: root, Log: log}, plan.Files, doc)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	for place, want := range m.predicted.Tree.Nodes {
		got, seen := found.Tree.Nodes[place]
		if !seen && want.Type == "directory" {
			continue // a directory on the way
		}
		if want.Mode == 0 {
			continue // a hard link to what only the run could find
		}
		want.Size, want.Digest, want.Inode, got.Size, got.Digest, got.Inode = 0, "", "", 0, "", ""
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %+v, not %+v", place, got, want))
		}
	}
	for place := range found.Tree.Nodes {
		if path.Base(place) == path.Base(unit.PresetFile) {
			continue // lines for disabled units depend on what the units are then
		}
		if _, known := m.predicted.Tree.Nodes[place]; !known && found.Tree.Nodes[place].Type != "directory" {
			wrong = append(wrong, place+" was not predicted")
		}
	}
	if m.predicted.Accounts != nil {
		for name, want := range m.predicted.Accounts.Texts {
			if _, node := found.Tree.Nodes[name]; !node && found.Accounts.Texts[name] != want {
				wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", name, found.Accounts.Texts[name], want))
			}
		}
	}
	return wrong
}

// forget drops the journals: the next run is a new one.
func (m *machine) forget(t testing.TB) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(m.journals), os.Mkdir(m.journals, 0o755)); err != nil {
		t.Fatal(err)
	}
}

type lineLog struct{ m *machine }

func (l *lineLog) Write(p []byte) (int, error) {
	l.m.log = append(l.m.log, string(p))
	return len(p), nil
}
