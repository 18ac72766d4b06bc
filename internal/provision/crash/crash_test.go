// SPDX-License-Identifier: Apache-2.0

// Package crash interrupts the disks stage before each of its effects, on machines that package fake models, and shows that the next boot
// makes the same machine as a run without interruption.
package crash

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// secondStops: after one in this many crash points, the resume is stopped, too, at a random effect.
const secondStops = 6

// powerCut is one outcome for unsynced writes.
type powerCut struct {
	name string
	loss fake.Loss
}

// powerCuts are the outcomes to try at every point: unsynced writes are lost, all were written back already, or some were.
func powerCuts(c testCase, seed uint64) []powerCut {
	all := []powerCut{{"nothing unsynced survives", fake.LoseAll}, {"everything survives", fake.LoseNothing}}
	if c.InOrder == "" {
		all = append(all, powerCut{"a part survives", fake.LoseSome(seed)})
	}
	return all
}

// TestMain makes garbage collection rare: each run reads some MiB of its disks once.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1600)
	os.Exit(m.Run())
}

// counts are the figures of the test.
type counts struct{ configs, points, cuts, failed, runs, again atomic.Int64 }

func cases(t *testing.T) map[string]testCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	all := map[string]testCase{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := parseCase(text)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = c
	}
	return all
}

// The initial machine of every case can be made, and has the contents that its programs made.
func TestStarts(t *testing.T) {
	for name, c := range cases(t) {
		m, err := c.machine(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for node, found := range m.State(func(string) bool { return true }).Devices {
			if !found.Whole || found.Ambiguous {
				t.Errorf("%s: %s: %+v", name, node, found)
			}
		}
	}
}

// trial is a running case.
type trial struct {
	*testing.T
	c      testCase
	doc    config.Document
	start  *fake.Machine
	keep   func(id string) bool
	want   fake.State
	counts *counts
	seed   uint64
	boots  int

	resumed  map[[32]byte]bool // contents of the disks from which a boot led to the right machine
	journals string            // directory for the journals of all boots
}

func newTrial(t *testing.T, name string, c testCase, n *counts) *trial {
	t.Helper()
	_, doc, err := parseCase([]byte(fmt.Sprintf(`{"config":%s}`, c.Config)))
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.machine(name)
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	known := strings.ToLower(string(c.Config) + fmt.Sprintf("%+v", start.State(func(string) bool { return true })))
	made := &trial{T: t, resumed: map[[32]byte]bool{}, c: c, doc: doc, start: start, counts: n, seed: h.Sum64(),
		keep: func(id string) bool { return strings.Contains(known, id) }}
	made.journals = made.scratch()
	return made
}

func (t *trial) state(m *fake.Machine) fake.State {
	m.Settle()
	return m.State(t.keep)
}

// reference runs without interruption and returns the number of effects.
func (t *trial) reference() int {
	m := t.start.Clone()
	if err := t.boot().run(m, t.doc); err != nil {
		t.Fatalf("without interruption: %v", err)
	}
	effects := len(m.Effects())
	t.want = t.state(m)
	t.complete(t.start.Clone(), t.boot(), "without interruption, again")
	for device, found := range t.want.Devices {
		if !found.Whole || found.Ambiguous {
			t.Errorf("without interruption: %s: %+v", device, found)
		}
	}
	for disk, table := range t.want.Disks {
		if table.GPT && !table.InKernel || len(table.Damage) > 0 {
			t.Errorf("without interruption: %s: %+v", disk, table)
		}
	}
	return effects
}

// A stop is a machine that was stopped before an effect of a boot.
type stop struct {
	*fake.Machine
	boot   *boot
	effect string
}

// stopped runs on a copy of a machine up to an effect; nil if there are fewer effects.
func (t *trial) stopped(m *fake.Machine, n int) *stop {
	s := &stop{Machine: m.Clone(), boot: t.boot()}
	s.StopBefore(n)
	err := s.boot.run(s.Machine, t.doc)
	t.counts.runs.Add(1)
	effects := s.Effects()
	if len(effects) < n {
		if err != nil {
			t.Errorf("stopped before effect %d, which there is not: %v", n, err)
		}
		return nil
	}
	s.effect = effects[n-1]
	if err == nil {
		t.Errorf("stopped before effect %d (%s), and it is no error", n, s.effect)
	}
	return s
}

func cut(m *fake.Machine, loss fake.Loss) *fake.Machine {
	m = m.PowerLoss(loss)
	m.Boot()
	return m
}

// finish runs to the end and compares. Many power cuts leave the same disks, so there is one run for each contents.
func (t *trial) finish(m *fake.Machine, history string) {
	t.counts.cuts.Add(1)
	digest := m.Digest()
	if t.resumed[digest] {
		return
	}
	t.resumed[digest] = true
	t.complete(m, t.boot(), history)
}

// complete runs to the end. The machine must be that of the run without interruption, and the keys handed over must open
// their volumes.
func (t *trial) complete(m *fake.Machine, b *boot, history string) {
	t.counts.runs.Add(1)
	if err := b.run(m, t.doc); err != nil {
		t.Errorf("%s: the next run: %v", history, err)
		return
	}
	if d := cmp.Diff(t.want, t.state(m)); d != "" {
		t.Errorf("%s: another machine (-uninterrupted +resumed)\n%s", history, d)
	}
	for _, l := range t.doc.Config.Storage.Luks {
		key, kept := b.state.LuksKeys[l.Name]
		if bound := l.Clevis.TPM2 != nil && l.KeyFile.Source == nil; kept == bound {
			t.Errorf("%s: the key of %s is kept: %v", history, l.Name, kept)
		}
		if kept && !m.Unlocks(l.Device, decode(t.T, key)) {
			t.Errorf("%s: the key that is kept of %s does not open it", history, l.Name)
		}
	}
}

// decode returns the payload of a data URL of the handover.
func decode(t *testing.T, url string) []byte {
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(url, "data:;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// point stops before one effect, cuts the power in every way, and resumes. Sometimes it stops the resume, too.
func (t *trial) point(n, effects int) {
	s := t.stopped(t.start, n)
	if s == nil {
		return
	}
	t.counts.points.Add(1)
	t.again(s, n)
	r := rand.New(rand.NewPCG(t.seed, uint64(n)))
	for _, p := range powerCuts(t.c, r.Uint64()) {
		history := fmt.Sprintf("stopped before effect %d (%s), %s", n, s.effect, p.name)
		after := cut(s.Machine, p.loss)
		if r.IntN(secondStops) == 0 {
			t.second(after, history, effects, r)
		}
		t.finish(after, history)
		if t.Failed() {
			return
		}
	}
}

// again runs the stage again in the same boot, as after a failed effect: machine, journal and handover stay.
func (t *trial) again(s *stop, n int) {
	t.counts.failed.Add(1)
	t.complete(s.Clone(), s.boot, fmt.Sprintf("failed at effect %d (%s)", n, s.effect))
}

// second stops the resume before a random effect, cuts the power in one of the ways, and resumes that.
func (t *trial) second(m *fake.Machine, history string, effects int, r *rand.Rand) {
	n := 1 + r.IntN(effects)
	cuts := powerCuts(t.c, r.Uint64())
	p := cuts[r.IntN(len(cuts))]
	s := t.stopped(m, n)
	if s == nil {
		return // the resume had less to do
	}
	t.counts.again.Add(1)
	t.finish(cut(s.Machine, p.loss), fmt.Sprintf("%s; then before effect %d (%s), %s", history, n, s.effect, p.name))
}

// Every effect of the disks stage is a crash point: the machine stops before it, loses its power, and the next boot leads to
// the same machine.
func TestPowerCuts(t *testing.T) {
	n := &counts{}
	var mu sync.Mutex
	points := map[string]int{}
	t.Run("cases", func(t *testing.T) {
		for name, c := range cases(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				trial := newTrial(t, name, c, n)
				effects := trial.reference()
				n.configs.Add(1)
				n.runs.Add(1)
				mu.Lock()
				points[name] = effects
				mu.Unlock()
				for at := 1; at <= effects && !t.Failed(); at++ {
					trial.point(at, effects)
				}
			})
		}
	})
	t.Logf("%d configs, %d crash points, %d of them with a second one in the resume; %d power cuts, %d runs again in the same boot; %d runs, one for each contents of the disks; "+
		"points: %v", n.configs.Load(), n.points.Load(), n.again.Load(), n.cuts.Load(), n.failed.Load(), n.runs.Load(), points)
}

// The worst result of a power cut is a superblock with the wanted label and no filesystem behind it. Wherever the next boot
// stops, it must not accept that filesystem.
func TestHalfAFilesystem(t *testing.T) {
	for name, start := range map[string]int64{"table-new": 2048, "table-wiped-kept": 2048, "table-untouched": 63488} { // sector of the partition
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := newTrial(t, name, cases(t)[name], &counts{})
			effects := trial.reference()
			trap := func(_ string, sector int64) bool { return sector == start+2 || sector == start+3 }
			half, reached := trial.start.Clone(), atomic.Bool{}
			half.Before = func(effect string) error {
				if !reached.Load() && !strings.HasPrefix(effect, "mkfs.ext4: sync") {
					return nil
				}
				reached.Store(true)
				return fake.ErrStopped
			}
			if err := trial.boot().run(half, trial.doc); err == nil || !reached.Load() {
				t.Fatalf("no ext4 is made: %v", err)
			}
			half = cut(half, trap)
			if c := half.State(trial.keep).Devices["/dev/vda1"]; name != "table-untouched" && (c.Type != "ext4" || c.Whole) {
				t.Fatalf("this is not half an ext4: %+v", c)
			}
			for n := 1; n <= effects+1; n++ {
				s := trial.stopped(half, n)
				if s == nil {
					break
				}
				for _, p := range powerCuts(trial.c, uint64(n)) {
					trial.finish(cut(s.Machine, p.loss), fmt.Sprintf("half an ext4; then before effect %d (%s), %s", n, s.effect, p.name))
				}
			}
		})
	}
}
