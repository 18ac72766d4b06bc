// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// keyless are machines with an encrypted volume whose key nobody but the boot that made it has.
var keyless = map[string]string{
	"partition": `"disks":[{"device":"/dev/vda","partitions":[{"label":"home"}]}],
		"luks":[{"name":"home","device":"/dev/disk/by-partlabel/home"}],"filesystems":[{"device":"/dev/mapper/home","format":"ext4","path":"/home"}]`,
	"RAID 0": `"disks":[{"device":"/dev/vda","partitions":[{"label":"a"}]},{"device":"/dev/vdb","partitions":[{"label":"b"}]}],
		"raid":[{"name":"home","level":"raid0","devices":["/dev/disk/by-partlabel/a","/dev/disk/by-partlabel/b"]}],
		"luks":[{"name":"home","device":"/dev/md/home"}],"filesystems":[{"device":"/dev/mapper/home","format":"ext4","path":"/home"}]`,
}

// A power cut after the disks stage, such as in the files stage, loses the key of a volume without keyFile: the next boot makes
// the volume again, and with it what it is on, as often as that happens.
func TestPowerCutAfterDisks(t *testing.T) {
	for name, storage := range keyless {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, image, "vda", "vdb")
			doc := document(t, `"storage":{`+storage+`}`)
			for boot := range 3 {
				run := b.stage(doc)
				run.Inputs.Seed += strings.Repeat("'", boot)
				if _, err := run.Do(context.Background()); err != nil {
					t.Fatalf("boot %d: %v", boot, err)
				}
				if b.state.LuksKeys["home"] == "" {
					t.Errorf("boot %d: the files stage has no key to write", boot)
				}
				b.Machine = b.PowerLoss(fake.LoseAll)
				b.Boot()
				b.Settle()
				b.journals, b.state.LuksKeys = t.TempDir(), nil // /run is empty
			}
		})
	}
}

// A stopped stage is resumed with the plan that it began: no effect of a finished step happens a second time.
func TestResume(t *testing.T) {
	doc := document(t, `"storage":{`+keyless["partition"]+`}`)
	b := newBench(t, image, "vda")
	b.StopBefore(40)
	run := b.stage(doc)
	begun := 0
	run.Begin = func() error { begun++; return nil }
	first, err := run.Do(context.Background())
	if !errors.Is(err, fake.ErrStopped) || first != "seed" || begun != 1 {
		t.Fatalf("the stage began %d times with seed %q and ended with %v", begun, first, err)
	}
	done := b.Effects()
	b.StopBefore(0)
	again := b.stage(doc)
	again.Inputs.Seed = "another"
	if _, err := again.Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.log.String(), "where an earlier run was cut short") {
		t.Errorf("the log does not say that the stage was resumed:\n%s", b.log.String())
	}
	for _, effect := range b.Effects() {
		if strings.Contains(effect, "luksFormat") && slices.Contains(done[:len(done)-1], effect) {
			t.Errorf("done twice: %s", effect)
		}
	}
}

// Another config, or another engine, does not resume what was begun.
func TestStartOver(t *testing.T) {
	doc := document(t, `"storage":{`+keyless["partition"]+`}`)
	for name, change := range map[string]func(*Run){
		"config": func(r *Run) { r.Digest = "another" }, "engine": func(r *Run) { r.Engine = "another" },
	} {
		b := newBench(t, image, "vda")
		b.StopBefore(12)
		if _, err := b.stage(doc).Do(context.Background()); !errors.Is(err, fake.ErrStopped) {
			t.Fatal(err)
		}
		b.StopBefore(0)
		run := b.stage(doc)
		change(run)
		run.Inputs.Seed = "another"
		foreseen := false
		run.Foreseen = func(facts.Facts, Forecast) { foreseen = true }
		seed, err := run.Do(context.Background())
		if err != nil || seed != "another" || !foreseen || !strings.Contains(b.log.String(), "starting over") {
			t.Errorf("%s: seed %q, error %v, log\n%s", name, seed, err, b.log.String())
		}
	}
}

// recorder notes which parts are applied.
type recorder struct {
	Applier
	parts []string
}

func (r *recorder) Apply(ctx context.Context, p op.Plan, j *journal.Journal, loads op.Payloads) error {
	r.parts = append(r.parts, p.Part)
	return r.Applier.Apply(ctx, p, j, loads)
}

// A stage does its parts in order, each with a journal of its own that has its plan and all of its steps as done; a part with
// nothing to do has none. Begin comes before the first effect, and an error of it stops the stage.
func TestJournals(t *testing.T) {
	b := newBench(t, image, "vda")
	run := b.stage(document(t, `"storage":{`+keyless["partition"]+`}`))
	failure := errors.New("no")
	run.Begin = func() error { return failure }
	if _, err := run.Do(context.Background()); !errors.Is(err, failure) || len(b.Effects()) > 0 {
		t.Errorf("error %v, effects %q", err, b.Effects())
	}
	run = b.stage(document(t, `"storage":{`+keyless["partition"]+`}`))
	applied := &recorder{Applier: run.Applier}
	run.Applier = applied
	parts := 0
	run.Done = func() error { parts++; return nil }
	if _, err := run.Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"partitions", "luks", "filesystems"}; !slices.Equal(applied.parts, want) || parts != len(want) {
		t.Errorf("%q were applied, %d parts were done", applied.parts, parts)
	}
	dir, err := os.OpenRoot(b.journals)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, part := range []string{"partitions", "luks", "filesystems"} {
		j, err := journal.Open(dir, part)
		if err != nil {
			t.Error(err)
			continue
		}
		h := j.Header()
		if h.Plan.Part != part || h.Plan.Format != op.Format || h.Seed != "seed" || h.Config != "digest" || len(h.Plan.Steps) == 0 {
			t.Errorf("%s: the header is %+v", part, h)
		}
		for _, s := range h.Plan.Steps {
			if state, _ := j.State(s.ID); state != journal.Done {
				t.Errorf("%s: %s is %q", part, s.Op.Describe(), state)
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(b.journals, "raid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part without steps has a journal (%v)", err)
	}
}

// The table of parts: names are unique, stages stand together in the order of a boot, what is live works on the root.
func TestParts(t *testing.T) {
	var stages []string
	seen := map[string]bool{}
	for _, p := range Parts() {
		if seen[p.Name] || p.Ask == nil || p.Ahead == nil || p.Plan == nil {
			t.Errorf("%s is there twice, or not complete", p.Name)
		}
		seen[p.Name] = true
		if p.Live && !p.Root || p.Journal == OnRoot && !p.Root {
			t.Errorf("%s needs the target root and does not say so", p.Name)
		}
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
	}
	if want := []string{Kargs, Disks, Mount, Files, Umount}; !slices.Equal(stages, want) {
		t.Errorf("the stages are %q", stages)
	}
	if got := names(After(Disks)); !slices.Equal(got, []string{"mount", "accounts", "files"}) {
		t.Errorf("after disks come %q", got)
	}
	if got := names(Boot()); slices.Contains(got, "umount") || len(got) != len(Parts())-1 {
		t.Errorf("a boot has %q", got)
	}
	if got := names(Live()); !slices.Equal(got, []string{"files"}) {
		t.Errorf("live are %q", got)
	}
}

// What firstlight itself has wiped in this boot is empty, whatever udev's database says of it: a stage that was stopped anywhere and
// starts over under another config does not take its own leavings for somebody's data.
func TestOutdatedOpinions(t *testing.T) {
	const used = `"storage":{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]}],"filesystems":[{"device":"/dev/vda1","format":"ext4"},{"device":"/dev/vdb","format":"xfs"}]}`
	const wiping = `"storage":{"disks":[{"device":"/dev/vda","wipeTable":true}],"filesystems":[{"device":"/dev/vdb","format":"none","wipeFilesystem":true}]}`
	const plain = `"storage":{"filesystems":[{"device":"/dev/vda","format":"ext4"},{"device":"/dev/vdb","format":"ext4"}]}`
	b := newBench(t, image, "vda", "vdb")
	if _, err := b.stage(document(t, used)).Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.reboot()
	start := b.Machine
	stop := func(n int) error {
		b.Machine, b.journals = start.Clone(), t.TempDir()
		b.StopBefore(n)
		_, err := b.stage(document(t, wiping)).Do(context.Background())
		return err
	}
	if err := stop(0); err != nil {
		t.Fatal(err)
	}
	effects, succeeded := len(b.Effects()), false
	for n := 1; n <= effects+1; n++ {
		if err := stop(n); n <= effects && !errors.Is(err, fake.ErrStopped) || n > effects && err != nil {
			t.Fatal(err)
		}
		b.StopBefore(0)
		run := b.stage(document(t, plain))
		run.Digest = "another"
		_, err := run.Do(context.Background())
		if err != nil && strings.Contains(err.Error(), "udev's database") {
			t.Errorf("stopped before effect %d: %v", n, err)
		}
		succeeded = err == nil
	}
	if !succeeded {
		t.Error("after the whole run the devices are not empty")
	}
}

// Contents that only udev knows are kept, and the conflict says where it knows them from. With the member that allows it they
// are destroyed.
func TestForeignContents(t *testing.T) {
	for wipe, storage := range map[string]string{
		"wipeFilesystem": `"filesystems":[{"device":"/dev/vda","format":"ext4"WIPE}]`,
		"wipeVolume":     `"luks":[{"name":"v","device":"/dev/vda","keyFile":{"source":"data:,k"}WIPE}]`,
		"wipeTable":      `"disks":[{"device":"/dev/vda","partitions":[{"number":1}]WIPE}]`,
	} {
		b := newBench(t, image, "vda")
		d, err := b.OpenDisk(context.Background(), "/dev/vda")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.WriteAt([]byte(fake.Foreign), fake.ForeignAt); err != nil {
			t.Fatal(err)
		}
		d.Close()
		b.reboot()
		before := b.Digest()
		b.StopBefore(0)
		_, err = b.stage(document(t, `"storage":{`+strings.Replace(storage, "WIPE", "", 1)+`}`)).Do(context.Background())
		const want = "not empty according to udev's database: ID_FS_TYPE=" + fake.Foreign
		if err == nil || !strings.Contains(err.Error(), want) || len(b.Effects()) > 0 || b.Digest() != before {
			t.Errorf("%s: error %v, effects %q", wipe, err, b.Effects())
		}
		_, err = b.stage(document(t, `"storage":{`+strings.Replace(storage, "WIPE", `,"`+wipe+`":true`, 1)+`}`)).Do(context.Background())
		if err != nil {
			t.Errorf("%s is set: %v", wipe, err)
		}
	}
}

// planned collects what is carried out.
type planned struct {
	Applier
	steps []op.Step
}

func (p *planned) Apply(ctx context.Context, all op.Plan, j *journal.Journal, loads op.Payloads) error {
	p.steps = append(p.steps, all.Steps...)
	return p.Applier.Apply(ctx, all, j, loads)
}

// Every write is in a place that a step of the plan declares: in the extents of a table, or on the very device that a step is about.
// Helper programs never get the disk that their partition is on.
func TestWritesAreDeclared(t *testing.T) {
	const storage = `"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"a","sizeMiB":20},{"number":2,"label":"b"}]},{"device":"/dev/vdb","partitions":[{"number":1}]}],
		"raid":[{"name":"r","level":"raid0","devices":["/dev/vda2","/dev/vdb1"]}],"luks":[{"name":"l","device":"/dev/md/r"}],
		"filesystems":[{"device":"/dev/vda1","format":"xfs"},{"device":"/dev/mapper/l","format":"ext4"},{"device":"/dev/vdc","format":"btrfs"}]`
	b := newBench(t, image, "vda", "vdb", "vdc")
	b.StopBefore(0)
	run := b.stage(document(t, `"storage":{`+storage+`}`))
	carried := &planned{Applier: run.Applier}
	run.Applier = carried
	if _, err := run.Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	declared, whole := map[string][]probe.Extent{}, map[string]bool{}
	for _, s := range carried.steps {
		switch o := s.Op.(type) {
		case op.WritePartitionTable:
			declared[o.Node] = append(declared[o.Node], o.Extents()...)
		case op.MarkDisk:
			declared[o.Node] = append(declared[o.Node], o.Header)
		case op.CreateArray:
			for _, n := range o.Nodes {
				whole[n] = true
			}
		case op.MakeVolume:
			whole[o.Node] = true
		case op.MakeFilesystem:
			whole[o.Node] = true
		}
	}
	writes := 0
	for _, effect := range b.Effects() {
		var offset, length int64
		var node string
		if n, _ := fmt.Sscanf(effect, "write %d bytes at %d of %s", &length, &offset, &node); n < 3 || whole[node] {
			continue
		}
		writes++
		inside := func(e probe.Extent) bool { return offset >= e.Offset && offset+length <= e.Offset+e.Length }
		if !slices.ContainsFunc(declared[node], inside) {
			t.Errorf("%s is in no place that the plan declares", effect)
		}
	}
	if whole["/dev/vda"] || whole["/dev/vdb"] || len(whole) != 6 || writes < 10 {
		t.Errorf("%d writes to tables, and devices of which all is written to: %v", writes, whole)
	}
}
