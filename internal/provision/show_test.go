// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// show plans a boot of the machine for people.
func (b *bench) show(doc config.Document) (Shown, error) {
	b.Helper()
	var f facts.Facts
	if err := Capture(context.Background(), observe.Machine{System: b.Machine}, b.peek, Boot(), doc, &f); err != nil {
		b.Fatal(err)
	}
	p, _, err := Show(doc, f, plan.Inputs{Seed: "seed", Today: 20000})
	return p, err
}

const shownConfig = `"storage":{"disks":[{"device":"/dev/vda","wipeTable":true,"partitions":[{"number":1}]}],
	"filesystems":[{"device":"/dev/vda1","format":"ext4","path":"/data"}],"directories":[{"path":"/etc/made"}]}`

// A plan names what gets lost first, then every step with the place in the config that asks for it.
func TestShow(t *testing.T) {
	b := newBench(t, image, "vda")
	p, err := b.show(document(t, shownConfig))
	if err != nil {
		t.Fatal(err)
	}
	text := p.Text()
	if strings.Contains(text, "Destroyed:") || !strings.Contains(text, "nothing destroyed.\n") || p.Nothing() || len(p.Destroys) > 0 {
		t.Errorf("on a blank disk:\n%s", text)
	}
	for _, want := range []string{"partition /dev/vda: wipe its table; create partition 1 63 MiB  (test.ign:1:", "format /dev/vda1 as ext4  (test.ign:2:18; it is empty)", "mount /dev/vda1 (ext4) on /data", "make directory /etc/made"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if _, err := b.stage(document(t, shownConfig)).Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.reboot()
	if p, err = b.show(document(t, shownConfig)); err != nil {
		t.Fatal(err)
	}
	if text = p.Text(); !strings.HasPrefix(text, "Destroyed:\n") || !strings.Contains(text, "ext4") || !strings.Contains(text, " destroyed.\n") {
		t.Errorf("on a used disk:\n%s", text)
	}
}

// A machine that is as the config asks for has nothing to do, a sealed one does nothing, and references are unknown.
func TestShowNothing(t *testing.T) {
	b := newBench(t, image, "vda")
	p, err := b.show(document(t, `"storage":{"directories":[{"path":"/etc","mode":493}]}`))
	if err != nil || !p.Nothing() || p.Text() != "Nothing to do.\n" {
		t.Errorf("%v, %q", err, p.Text())
	}
	doc := document(t, shownConfig)
	sealed, _, err := Show(doc, facts.Facts{Sealed: "2026-01-01T00:00:00Z"}, plan.Inputs{})
	if err != nil || !sealed.Nothing() || sealed.Text() != "The machine was provisioned on 2026-01-01T00:00:00Z: a boot changes nothing.\n" {
		t.Errorf("%v, %q", err, sealed.Text())
	}
	source := "https://host/config"
	doc.Config.Ignition.Config.Replace.Source = &source
	if p, err = b.show(doc); err != nil || !slices.ContainsFunc(p.Unknown, func(u string) bool { return strings.HasPrefix(u, "the configs that this one refers to") }) {
		t.Errorf("%v, unknown is %q", err, p.Unknown)
	}
}

// A conflict ends the plan at its part, and what comes before is shown.
func TestShowConflict(t *testing.T) {
	b := newBench(t, image, "vda")
	p, err := b.show(document(t, `"storage":{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]}],"files":[{"path":"/etc/motd","contents":{"source":"data:,"}}]}`))
	var conflict *PlanError
	if !errors.As(err, &conflict) || conflict.Part != "files" || !strings.Contains(p.Text(), "create partition 1") {
		t.Errorf("%v\n%s", err, p.Text())
	}
	if !strings.HasPrefix(err.Error(), "plan files\n") || !p.Report.HasErrors() || len(p.Plans) != len(Boot())-1 {
		t.Errorf("%v, %d plans", err, len(p.Plans))
	}
}

// The same facts and inputs give the same plan, and facts that went through JSON too.
func TestForeseeIsPure(t *testing.T) {
	b := usedMachine(t)
	var texts []string
	for range 3 {
		text, err := shownPlan(t, b, parseEverything(t))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if len(slices.Compact(texts)) != 1 {
		t.Error("the plans differ")
	}
}

// TestForecastIsPlan: as long as nothing was changed, a part on the mounted root does what was forecast, which is what it would
// plan itself.
func TestForecastIsPlan(t *testing.T) {
	b := newBench(t, image)
	root, err := rootfs.Open(b.root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	run := b.stage(document(t, `"storage":{"files":[{"path":"/a/b","contents":{"source":"data:,x"}},{"path":"/etc/c","mode":384}],
		"directories":[{"path":"/a","mode":448}]},"systemd":{"units":[{"name":"u.service","contents":"[Service]\n"}]}`))
	run.Parts, run.Later, run.Machine.Root = Of(Files), nil, root
	if err := run.foresee(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range run.Parts {
		texts := map[bool]string{}
		for _, run.began = range []bool{false, true} {
			made, err := run.plan(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			texts[run.began] = string(text)
		}
		if texts[false] != texts[true] {
			t.Errorf("%s: forecast is\n%s\nplanned is\n%s", p.Name, texts[false], texts[true])
		}
	}
}
