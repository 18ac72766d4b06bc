// SPDX-License-Identifier: Apache-2.0

// Package files tests the files stage as a whole: it runs a config on a target root and compares the whole resulting tree.
// It touches only a temporary directory. It needs root, because it also compares owners.
package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

const version = `"ignition":{"version":"3.6.0"}`

// machine is a target root together with the state that survives between runs: journals, inputs and log.
type machine struct {
	dir      string // the target root
	journals string
	state    handover.State
	programs map[string]string
	before   func(effect string) error // stops a run
	in       plan.Inputs
	labels   bool // SELinux labels are set
	syncs    int  // of the last run, including the journals'
	log      []string
	chatty   bool // the log has more than warnings

	seen facts.Facts // the facts of the last forecast
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

// tempDir returns a directory that is removed after the test. It is in memory if possible, because runs would wait for the
// disk.
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

// problems returns the texts of an error; for a conflict, each with its hint.
func problems(err error) string {
	var conflict *provision.PlanError
	if !errors.As(err, &conflict) {
		return err.Error()
	}
	var lines []string
	for _, d := range conflict.Report.Errors() {
		line := d.Line()
		if d.Hint != "" {
			line += " (" + d.Hint + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// run runs the files stage on a config. It resumes a stopped run.
func (m *machine) run(doc config.Document) (err error) {
	log := slog.New(slog.NewTextHandler(&lineLog{m}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if m.chatty {
		log = slog.New(slog.NewTextHandler(&lineLog{m}, nil))
	}
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
	in := m.in
	in.Relabel = m.labels
	applier := &recorder{Machine: apply.Machine{Sys: host, Root: root, Fetch: http, Keep: &m.state, Log: log}}
	run := &provision.Run{
		Parts: provision.Of(provision.Files), Doc: doc, Digest: "digest", Engine: "test", Inputs: in, Log: log,
		Machine: observe.Machine{System: withFiles{host}, Root: root, Handover: m.state.Facts},
		Applier: applier, Left: m.state.Payloads,
		Journals: func(p provision.Part) (*os.Root, string, error) {
			dir, err := os.OpenRoot(m.journals)
			return dir, p.Name, err
		},
		Foreseen: func(f facts.Facts, _ provision.Forecast) { m.seen, m.in = f, in },
	}
	_, err = run.Do(context.Background())
	m.syncs = applier.syncs + root.Syncs()
	if err != nil {
		err = &runError{err}
	}
	return err
}

// withFiles is a machine on which regular files count as block devices.
type withFiles struct{ *sys.Host }

// Resolve implements sys.Names.
func (w withFiles) Resolve(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path, nil
	}
	return w.Host.Resolve(path)
}

// Block implements sys.Devices.
func (w withFiles) Block(node string) (sys.Block, error) {
	if info, err := os.Stat(node); err == nil && info.Mode().IsRegular() {
		return sys.Block{Node: node, Name: filepath.Base(node), Size: info.Size(), SectorSize: 512}, nil
	}
	return w.Host.Block(node)
}

// runError shows conflicts with their hints.
type runError struct{ err error }

func (e *runError) Error() string { return problems(e.err) }
func (e *runError) Unwrap() error { return e.err }

// recorder counts the syncs of the journals. Every plan goes through its JSON form, to show that a plan is complete in
// itself.
type recorder struct {
	apply.Machine
	syncs int
}

// Apply implements provision.Applier.
func (r *recorder) Apply(ctx context.Context, p op.Plan, j *journal.Journal, loads op.Payloads) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var again op.Plan
	if err := json.Unmarshal(text, &again); err != nil {
		return err
	}
	if written, err := json.Marshal(again); err != nil || string(written) != string(text) {
		return fmt.Errorf("a plan that was read back is another one: %w\n%s\n%s", err, text, written)
	}
	err = r.Machine.Apply(ctx, again, j, loads)
	r.syncs += j.Syncs()
	return err
}

// predicted is the predicted machine.
func (m *machine) predicted(doc config.Document) facts.Facts {
	f := m.seen
	for _, p := range provision.Of(provision.Files) {
		f = plan.Build(p.Name, p.Plan, doc, f, m.in).After
	}
	return f
}

// untrue lists the predictions of the last plan that are false: types, owners, modes and targets of nodes, and the account
// files.
func (m *machine) untrue(doc config.Document) []string {
	root, err := rootfs.Open(m.dir)
	if err != nil {
		return []string{err.Error()}
	}
	defer root.Close()
	log := slog.New(slog.DiscardHandler)
	var found facts.Facts
	machine := observe.Machine{System: withFiles{&sys.Host{Log: log}}, Root: root, Handover: m.state.Facts}
	if err := provision.Capture(context.Background(), machine, nil, provision.Of(provision.Files), doc, &found); err != nil {
		return []string{err.Error()}
	}
	predicted := m.predicted(doc)
	if found.Tree == nil {
		found.Tree = &facts.Tree{}
	}
	again := facts.Questions{Accounts: true} // paths that no question is about now, such as a skeleton once the home directory exists
	for place := range predicted.Tree.Nodes {
		again.Nodes = append(again.Nodes, facts.NodeQuestion{Path: place})
	}
	if err := observe.Answer(context.Background(), machine, &again, &found); err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	for place, want := range predicted.Tree.Nodes {
		got, seen := found.Tree.Nodes[place]
		if !seen && want.Type == "directory" {
			continue // a parent directory
		}
		if want.Mode == 0 {
			continue // a hard link to a target that only the run could find
		}
		want.Size, want.Digest, want.Inode, got.Size, got.Digest, got.Inode = 0, "", "", 0, "", ""
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %+v, not %+v", place, got, want))
		}
	}
	for place := range found.Tree.Nodes {
		if path.Base(place) == path.Base(unit.PresetFile) {
			continue // lines for disabled units depend on the units at that time
		}
		if _, known := predicted.Tree.Nodes[place]; !known && found.Tree.Nodes[place].Type != "directory" {
			wrong = append(wrong, place+" was not predicted")
		}
	}
	if predicted.Accounts != nil {
		for name, want := range predicted.Accounts.Texts {
			if _, node := found.Tree.Nodes[string(name)]; !node && found.Accounts.Texts[name] != want {
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
