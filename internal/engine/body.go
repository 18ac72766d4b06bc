// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// body does the parts of a stage on the merged config.
func (r *run) body(ctx context.Context, doc config.Document) error {
	text, err := config.Marshal(doc.Config)
	if err != nil {
		return fmt.Errorf("encode config: %w", err)
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	m := &apply.Machine{Sys: r.host, Fetch: r.http, Config: &doc.Config, State: r.state, Log: r.log}
	if r.stage.onRoot {
		if m.Root, err = rootfs.Open(r.o.Root); err != nil {
			return err
		}
		defer m.Root.Close()
	}
	in, err := r.inputs(m)
	if err != nil {
		return err
	}
	if resumed, err := r.resumes(digest); err != nil {
		return err
	} else if !resumed {
		if err := r.preview(ctx, m, doc, in); err != nil {
			return err
		}
	}
	if r.stage.seals {
		if err := r.lift(); err != nil {
			return err
		}
	}
	defer m.FetchAhead(ctx, r.stage.parts)()
	for _, p := range r.stage.parts {
		if err := r.part(ctx, m, p, doc, digest, in); err != nil {
			return err
		}
	}
	r.progress.count(doc.Config)
	if !r.stage.seals {
		return nil
	}
	return r.finish(ctx, m, digest, in.Policy)
}

// finish writes result and seal, with their labels: those of all else were set by the plan's last step.
func (r *run) finish(ctx context.Context, m *apply.Machine, digest, policy string) error {
	if err := r.writeResult(ctx, m, digest); err != nil {
		return err
	}
	if policy != "" && r.distro.ResultFile != "" {
		if err := apply.SetLabels(ctx, m, policy, r.distro.ResultFile); err != nil {
			return err
		}
	}
	if err := r.seal(digest); err != nil {
		return err
	}
	if policy != "" { // the machine is sealed: what fails now must not stop the boot
		if err := apply.SetLabels(ctx, m, policy, "/"+sealDir); err != nil {
			r.log.Warn("label the seal: " + err.Error())
		}
	}
	return nil
}

// inputs makes the values that plans depend on beside config and facts.
func (r *run) inputs(m *apply.Machine) (plan.Inputs, error) {
	in := plan.Inputs{
		Seed:           rand.Text(),
		Today:          int(time.Now().Unix() / (24 * 60 * 60)),
		KeyFragment:    r.distro.KeyFragment,
		HomeParts:      r.state.NotatedDirectories,
		LuksKeys:       slices.Sorted(maps.Keys(r.state.LuksKeys)),
		VolumeKeyFiles: slices.Sorted(maps.Keys(r.state.LuksVolumeKeys)),
	}
	in.PlatformFiles = r.platformFiles()
	var err error
	in.Policy, err = r.policy(m)
	return in, err
}

// policy returns the SELinux policy whose labels are set, or "". That they cannot be set shows before anything is changed.
func (r *run) policy(m *apply.Machine) (string, error) {
	if m.Root == nil || !r.distro.Relabel {
		return "", nil
	}
	policy, err := apply.SELinuxPolicy(m.Root)
	if err != nil {
		return "", err
	}
	if policy == "" {
		r.log.Debug("the target has no /etc/selinux/config: no labels are set")
		return "", nil
	}
	if len(m.Sys.Missing("setfiles")) > 0 {
		return "", fmt.Errorf("the program setfiles is needed for the SELinux labels of the target (policy %s) and is not in the initramfs: "+
			"add it, for example with dracut --install setfiles", policy)
	}
	return policy, nil
}

// platformFiles lists the paths of the files that the platform wants in the target.
func (r *run) platformFiles() []string {
	var names []string
	for _, f := range r.state.ProviderFiles {
		names = append(names, f.Path)
	}
	return names
}

// preview plans the whole stage on what is there now and the predicted effect of each part, so that
// whatever can be known to go wrong stops the boot before anything is changed.
func (r *run) preview(ctx context.Context, m *apply.Machine, doc config.Document, in plan.Inputs) error {
	if len(r.stage.parts) < 2 {
		return nil // the only plan of the stage is its own preview
	}
	seen, err := r.observe(ctx, m, r.stage.parts[0], doc)
	if err != nil {
		return err
	}
	r.first = &seen
	f := seen
	for _, p := range r.stage.parts {
		built, after, report := plan.Build(p, doc, f, in)
		acquire.LogReport(r.log, report)
		if report.HasErrors() {
			return &PlanError{Part: p, Report: report}
		}
		for _, s := range built.Steps {
			r.log.Debug("plan: " + s.Op.Describe())
		}
		f = after
	}
	return nil
}

// facts returns what a part is planned on. The first part of a stage is planned on what its preview has seen, so that it does
// what was judged, and looks once: a slow disk takes seconds to look at.
func (r *run) facts(ctx context.Context, m *apply.Machine, p plan.Part, doc config.Document) (facts.Facts, error) {
	if r.first != nil && p == r.stage.parts[0] {
		return *r.first, nil
	}
	return r.observe(ctx, m, p, doc)
}

func (r *run) observe(ctx context.Context, m *apply.Machine, p plan.Part, doc config.Document) (facts.Facts, error) {
	return observe.Run(ctx, observe.Env{
		Sys: r.host, Root: m.Root, Log: r.log,
		StateFiles: slices.AppendSeq(r.platformFiles(), maps.Keys(r.state.LuksVolumeKeys)),
	}, p, doc)
}

// PlanError is a part that cannot be planned on this machine.
type PlanError struct {
	Part   plan.Part
	Report diag.List
}

func (e *PlanError) Error() string {
	text := "plan " + string(e.Part)
	for _, d := range e.Report.Errors() {
		text += "\n" + d.Line()
	}
	return text
}

// part observes, plans and applies one part, or goes on with it where an earlier run was cut short.
func (r *run) part(ctx context.Context, m *apply.Machine, p plan.Part, doc config.Document, digest string, in plan.Inputs) error {
	j, built, err := r.resume(p, doc, digest)
	if err != nil {
		return err
	}
	if j == nil {
		if j, built, err = r.begin(ctx, m, p, doc, digest, in); err != nil || j == nil {
			return err
		}
	}
	if err := r.progress.touch(r.progressFile()); err != nil {
		return errors.Join(err, j.Close())
	}
	report := apply.Run(ctx, m, j, built)
	// Saved whatever comes next: the steps that are done are not done again, and with them went the keys of volumes.
	return errors.Join(report.Err, r.state.Save(r.o.StateFile), j.Close())
}

// begin makes a new plan and its journal. A plan without steps has none.
func (r *run) begin(ctx context.Context, m *apply.Machine, p plan.Part, doc config.Document, digest string, in plan.Inputs) (*journal.Journal, plan.Plan, error) {
	f, err := r.facts(ctx, m, p, doc)
	if err != nil {
		return nil, plan.Plan{}, err
	}
	built, _, report := plan.Build(p, doc, f, in)
	if report.HasErrors() {
		return nil, built, &PlanError{Part: p, Report: report}
	}
	if len(built.Steps) == 0 {
		return nil, built, nil
	}
	r.seed = in.Seed
	h := r.header(p, digest)
	if h.Facts, err = json.Marshal(f); err != nil {
		return nil, built, fmt.Errorf("encode facts: %w", err)
	}
	if h.Inputs, err = json.Marshal(in); err != nil {
		return nil, built, fmt.Errorf("encode inputs: %w", err)
	}
	dir, name, err := r.journalPlace(p)
	if err != nil {
		return nil, built, err
	}
	defer dir.Close()
	j, err := journal.Create(dir, name, h)
	return j, built, err
}

// resume opens the journal of an earlier run of this part with this config and rebuilds its plan; without one it
// returns nil.
func (r *run) resume(p plan.Part, doc config.Document, digest string) (*journal.Journal, plan.Plan, error) {
	if p == plan.Mount || p == plan.Unmount {
		return nil, plan.Plan{}, nil // what is mounted is a fact, not a matter of record
	}
	dir, name, err := r.journalPlace(p)
	if err != nil {
		return nil, plan.Plan{}, err
	}
	defer dir.Close()
	j, err := journal.Open(dir, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, journal.ErrEmpty) {
		return nil, plan.Plan{}, nil
	} else if err != nil {
		return nil, plan.Plan{}, err
	}
	if h := j.Header(); !h.Same(r.header(p, digest)) {
		r.log.Warn("an earlier run of " + string(p) + " with another config or program was not finished; it is not continued")
		return nil, plan.Plan{}, j.Close()
	}
	var f facts.Facts
	var in plan.Inputs
	if err := errors.Join(json.Unmarshal(j.Header().Facts, &f), json.Unmarshal(j.Header().Inputs, &in)); err != nil {
		return nil, plan.Plan{}, errors.Join(fmt.Errorf("read journal of %s: %w", p, err), j.Close())
	}
	r.seed = in.Seed
	built, _, report := plan.Build(p, doc, f, in)
	if report.HasErrors() {
		return nil, built, errors.Join(&PlanError{Part: p, Report: report}, j.Close())
	}
	r.log.Info("going on with " + string(p) + " where an earlier run was cut short")
	return j, built, nil
}

// resumes tells whether an earlier run of this stage with this config was cut short. What is there now is then partly its own
// work, and says nothing about conflicts.
func (r *run) resumes(digest string) (bool, error) {
	for _, p := range r.stage.parts {
		dir, name, err := r.journalPlace(p)
		if err != nil {
			return false, err
		}
		j, err := journal.Open(dir, name)
		dir.Close()
		if err != nil {
			continue // none, or one that tells nothing; the part itself says so
		}
		same := j.Header().Same(r.header(p, digest))
		if err := j.Close(); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

func (r *run) header(p plan.Part, digest string) journal.Header {
	return journal.Header{Engine: version, Format: plan.Format, Part: string(p), Config: digest}
}

// journalPlace returns where the journal of a part is kept: on the target root if that is what it describes, and
// else in the run directory, since after a loss of power the facts are looked at anew.
func (r *run) journalPlace(p plan.Part) (*os.Root, string, error) {
	if r.stage.seals {
		dir, err := openSealDir(r.o.Root)
		return dir, journalFile + string(p), err
	}
	path := filepath.Join(filepath.Dir(r.o.StateFile), "journal")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, "", fmt.Errorf("make directory of journals: %w", err)
	}
	dir, err := os.OpenRoot(path)
	return dir, string(p), err
}
