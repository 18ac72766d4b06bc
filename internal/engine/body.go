// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// body runs the stage's parts on the merged config.
func (r *run) body(ctx context.Context, doc config.Document) error {
	m := &apply.Machine{Sys: r.host, Fetch: r.http, Keep: r.state, Log: r.log}
	if r.stage.onRoot {
		root, err := rootfs.Open(r.o.Root)
		if err != nil {
			return err
		}
		m.Root = root
		defer m.Root.Close()
	}
	if r.stage.seals {
		lock, err := seal.Lock(m.Root)
		if err != nil {
			return err
		}
		defer lock.Close()
		if err := r.sealedMeanwhile(ctx, m.Root); err != nil {
			return err
		}
	}
	seed, err := r.provision(m, doc).Do(ctx)
	if err != nil {
		return err
	}
	r.progress.Count(doc.Config)
	if !r.stage.seals {
		return nil
	}
	return r.finish(ctx, m, seed)
}

// provision is the run of the stage's parts.
func (r *run) provision(m *apply.Machine, doc config.Document) *provision.Run {
	run := &provision.Run{
		Parts: provision.Of(r.stage.name), Doc: doc, Digest: r.digest, Engine: version.Version(),
		Inputs: plan.Inputs{
			Seed: rand.Text(), Today: int(time.Now().Unix() / (24 * 60 * 60)),
			KeyFragment: r.distro.KeyFragment, Relabel: r.distro.Relabel,
		},
		Machine: observe.Machine{System: r.host, Root: m.Root, Handover: r.state.Facts},
		Applier: m, Left: r.state.Payloads, Log: r.log,
		Journals: func(p provision.Part) (*os.Root, string, error) { return r.journal(m.Root, p) },
		Begin: func() error {
			if r.stage.seals {
				if err := seal.Lift(m.Root); err != nil {
					return err
				}
			}
			return r.progress.Touch(r.progressFile())
		},
		// Save even after an error: finished steps do not run again, and the volume keys that they made would be lost.
		Done:     func() error { return r.state.Save(r.o.StateFile) },
		Findings: r.findings,
	}
	if r.stage.foresees || r.stage.seals {
		run.Foreseen = r.saveFacts
	}
	if r.stage.foresees {
		run.Later, run.Peek = provision.After(r.stage.name), r.peek
	}
	return run
}

// findings logs what planning found, and counts the warnings.
func (r *run) findings(list diag.List) {
	acquire.LogReport(r.log, list)
	for _, d := range list {
		if d.Severity == diag.Warning {
			r.progress.Warn(d.Line())
		}
	}
}

// saveFacts saves the facts behind a forecast for people who ask why a boot acted as it did. Facts hold no secrets.
func (r *run) saveFacts(f facts.Facts, _ provision.Forecast) {
	text, err := json.Marshal(f)
	if err == nil {
		err = handover.WriteFile(filepath.Join(filepath.Dir(r.o.StateFile), "facts-"+r.stage.name+".json"), text, 0o600, 0o700)
	}
	if err != nil {
		r.log.Warn("keep the facts: " + err.Error())
	}
}

// finish writes result and seal and sets their SELinux labels; the plan's last step has labeled everything else.
func (r *run) finish(ctx context.Context, m *apply.Machine, seed string) error {
	if err := seal.Lift(m.Root); err != nil { // an old seal is still there if no step had to run
		return err
	}
	bootID, err := os.ReadFile(r.distro.BootIDPath)
	if err != nil {
		return fmt.Errorf("read the identity of this boot: %w", err)
	}
	boot := strings.TrimSpace(string(bootID))
	result, err := r.draftResult(ctx, m.Root, boot, seed)
	if err != nil {
		return err
	}
	defer result.Discard()
	now := r.identity()
	if r.progress.Touched { // a step may have made or removed a flag file, or mounted what holds one
		now = r.identify(ctx)
	}
	sealed, err := seal.Draft(m.Root, seal.Seal{
		Provisioned: time.Now().Format(time.RFC3339), BootID: boot, Engine: version.Version(), Config: r.digest,
		Flag: &now.flag, Machine: now.machine,
	})
	if err != nil {
		return err
	}
	defer sealed.Discard()
	if err := r.publish(ctx, m, result, sealed); err != nil {
		return err
	}
	var parts []string
	for _, p := range provision.Of(r.stage.name) {
		parts = append(parts, p.Name)
	}
	// The machine is sealed: what fails now must not stop the boot.
	if err := errors.Join(seal.RemoveJournals(m.Root, parts), r.label(ctx, m, seal.Dir), r.leaveWatch(now.flag)); err != nil {
		r.log.Warn(err.Error())
	}
	return nil
}

// publish gives result and seal their names, durably. A power cut leaves no name without its content, and no seal without the result.
func (r *run) publish(ctx context.Context, m *apply.Machine, result, sealed *rootfs.File) error {
	if err := m.Root.Sync(); err != nil {
		return err
	}
	if result != nil {
		if err := errors.Join(result.Replace(), r.label(ctx, m, r.distro.ResultFile)); err != nil {
			return err
		}
		if !result.Beside(sealed) { // a filesystem keeps the order of its own renames
			if err := m.Root.Sync(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(sealed.Replace(), m.Root.Sync()); err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	return nil
}

// draftResult writes the result file without its name; nil if the distribution wants none.
func (r *run) draftResult(ctx context.Context, root *rootfs.Root, boot, seed string) (*rootfs.File, error) {
	if r.distro.ResultFile == "" {
		return nil, nil
	}
	result, again, err := seal.DraftResult(root, r.distro.ResultFile, seal.Result{
		BootID: boot, UserConfig: slices.ContainsFunc(r.state.FetchedConfigs, func(f handover.Fetched) bool { return f.Kind == acquire.KindUser }),
		Engine: version.Version(), Run: seed, Config: r.digest, Progress: r.progress, Live: func() bool { return r.live(ctx) },
	})
	if again {
		r.log.Warn("this machine was provisioned before: its earlier result is kept in " + r.distro.ResultFile)
	}
	return result, err
}

// label sets the SELinux labels of a path if the target has a policy.
func (r *run) label(ctx context.Context, m *apply.Machine, place string) error {
	if !r.distro.Relabel {
		return nil
	}
	var f facts.Facts
	if err := observe.Answer(ctx, observe.Machine{System: r.host, Root: m.Root}, &facts.Questions{Policy: true}, &f); err != nil {
		return err
	}
	if f.SELinux.Policy == "" {
		return nil
	}
	return apply.SetLabels(ctx, m, f.SELinux.Policy, place)
}

// live reports whether this is a live system, which is provisioned at every boot.
func (r *run) live(ctx context.Context) bool {
	_, err := r.host.Run(ctx, sys.Command{Name: "is-live-image"})
	if err != nil {
		r.log.Info("not a live system: " + err.Error())
	}
	return err == nil
}

// journal opens the directory of a part's journal.
func (r *run) journal(root *rootfs.Root, p provision.Part) (*os.Root, string, error) {
	if p.Journal == provision.OnRoot {
		dir, err := seal.Open(root)
		return dir, seal.JournalName(p.Name), err
	}
	path := filepath.Join(filepath.Dir(r.o.StateFile), "journal")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, "", fmt.Errorf("make directory of journals: %w", err)
	}
	dir, err := os.OpenRoot(path)
	return dir, p.Name, err
}
