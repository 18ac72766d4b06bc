// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// boot is the state that lives from power on to power off, in addition to the machine: the directory of the journals, and
// the data that stages pass on.
type boot struct {
	seed     string
	journals string
	state    handover.State
}

// boot returns the state of another boot, with its own seed.
func (t *trial) boot() *boot {
	t.boots++
	dir := fmt.Sprintf("%s/%d", t.journals, t.boots)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &boot{seed: fmt.Sprintf("seed %d", t.boots), journals: dir}
}

// run runs the disks stage.
func (b *boot) run(m *fake.Machine, doc config.Document) error {
	return b.runWith(m, doc, func(a provision.Applier) provision.Applier { return a })
}

// runWith is run with an applier that wraps the usual one.
func (b *boot) runWith(m *fake.Machine, doc config.Document, applier func(provision.Applier) provision.Applier) error {
	log := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	client, err := fetch.New(fetch.Options{Version: "test", Log: log})
	if err != nil {
		return err
	}
	run := &provision.Run{
		Parts: provision.Of(provision.Disks), Doc: doc, Digest: "digest", Engine: "test", Inputs: plan.Inputs{Seed: b.seed, Today: 20000},
		Machine: observe.Machine{System: m, Handover: b.state.Facts},
		Applier: applier(&apply.Machine{Sys: m, Fetch: client, Keep: &b.state, Log: log}),
		Left:    b.state.Payloads, Log: log,
		Journals: func(p provision.Part) (*os.Root, string, error) {
			dir, err := os.OpenRoot(b.journals)
			return dir, p.Name, err
		},
	}
	_, err = run.Do(context.Background())
	return err
}

// scratch returns a directory that is removed after the test. It is in memory if possible, because journals are synced.
func (t *trial) scratch() string {
	dir, err := os.MkdirTemp("/dev/shm", "firstlight-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// BenchmarkStage runs the disks stage on a machine with three disks.
func BenchmarkStage(b *testing.B) {
	text, err := os.ReadFile("testdata/disks-three.json")
	if err != nil {
		b.Fatal(err)
	}
	c, doc, err := parseCase(text)
	if err != nil {
		b.Fatal(err)
	}
	start, err := c.machine("benchmark")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := (&boot{seed: "seed", journals: b.TempDir()}).run(start.Clone(), doc); err != nil {
			b.Fatal(err)
		}
	}
}
