// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// bench is a modeled machine with the root filesystem that it is going to mount, a directory.
type bench struct {
	testing.TB
	*fake.Machine
	root     string
	journals string
	state    handover.State
	log      strings.Builder
}

// newBench makes a machine with disks of 64 MiB, and its root from lines: "d PATH", "f PATH TEXT", "l PATH TARGET".
func newBench(t testing.TB, root string, disks ...string) *bench {
	t.Helper()
	b := &bench{TB: t, Machine: fake.New("bench"), root: t.TempDir(), journals: t.TempDir()}
	for _, d := range disks {
		b.AddDisk(d, 64<<20, 512)
	}
	b.Boot()
	b.Settle()
	for line := range strings.Lines(root) {
		w := strings.Fields(line)
		if len(w) < 2 {
			continue
		}
		name := filepath.Join(b.root, w[1])
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			switch w[0] {
			case "d":
				err = os.MkdirAll(name, 0o755)
			case "f":
				err = os.WriteFile(name, []byte(strings.ReplaceAll(strings.Join(w[2:], " "), `\n`, "\n")), 0o644)
			case "l":
				err = os.Symlink(w[2], name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// document reads a config without its version.
func document(t testing.TB, sections string) config.Document {
	t.Helper()
	doc, report := config.Parse(diag.NewSource("test.ign", []byte(`{"ignition":{"version":"3.6.0"},`+sections+`}`)))
	if report.HasErrors() {
		t.Fatal(report.Errors()[0].Line())
	}
	return doc
}

// peek gives access to the root before it is mounted.
func (b *bench) peek(_ context.Context, use func(*rootfs.Root) error) (device, unknown string, err error) {
	root, err := rootfs.Open(b.root)
	if err != nil {
		return "", "", err
	}
	defer root.Close()
	return "/dev/vdr", "", use(root)
}

// stage is a run of the disks stage on the machine, with the whole boot planned ahead.
func (b *bench) stage(doc config.Document) *Run {
	b.Helper()
	log := slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	client, err := fetch.New(fetch.Options{Version: "test", Log: log})
	if err != nil {
		b.Fatal(err)
	}
	return &Run{
		Parts: Of(Disks), Later: After(Disks), Doc: doc, Digest: "digest", Engine: "test", Log: log,
		Inputs:  plan.Inputs{Seed: "seed", Today: 20000, KeyFragment: true},
		Machine: observe.Machine{System: b.Machine, Handover: b.state.Facts}, Peek: b.peek,
		Applier: &apply.Machine{Sys: b.Machine, Fetch: client, Keep: &b.state, Log: log}, Left: b.state.Payloads,
		Journals: func(p Part) (*os.Root, string, error) {
			dir, err := os.OpenRoot(b.journals)
			return dir, p.Name, err
		},
	}
}

// reboot boots the machine again: /run with its journals is empty.
func (b *bench) reboot() {
	b.Machine = b.Reboot()
	b.Settle()
	b.journals = b.TempDir()
	b.state = handover.State{}
}
