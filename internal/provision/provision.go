// SPDX-License-Identifier: Apache-2.0

// Package provision applies a config to a machine: it asks, observes, plans, journals and applies, part by part.
//
// Boots, container images, plans for people and tests all use it, with different values. It holds the one table of parts. It
// changes nothing itself: the Applier does, and who only wants a plan passes none. The invariant: before the first effect of a
// stage, everything that can be known about the stage (and about the rest of the boot, if asked for) has been planned without a
// conflict.
package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// An Applier carries out plans.
type Applier interface {
	// Apply carries out a plan with the help of its journal. The payloads are what the plan's handles stand for.
	Apply(context.Context, op.Plan, *journal.Journal, op.Payloads) error
	// FetchAhead starts to fetch payloads before steps need them; stop ends that.
	FetchAhead(ctx context.Context, wants []op.Want, loads op.Payloads) (stop func())
}

// A Run applies parts of a config to a machine.
type Run struct {
	Parts  []Part
	Later  []Part // parts of later stages, which are planned ahead together with Parts
	Doc    config.Document
	Digest string // of the config
	Engine string // version
	Inputs plan.Inputs

	Machine observe.Machine
	Peek    Peek // the root before it is mounted; nil: it cannot be looked at
	Applier Applier
	// Left holds the payloads that earlier stages left; nil: none.
	Left func() op.Payloads
	// Journals opens the directory of a part's journal and returns the name in it.
	Journals func(Part) (*os.Root, string, error)

	// Begin is called once before the first effect; nil: not called.
	Begin func() error
	// Done is called after each part, whatever its result; nil: not called.
	Done func() error
	// Findings receives conflicts and warnings, Foreseen the facts behind a forecast; nil: not called.
	Findings func(diag.List)
	Foreseen func(facts.Facts, Forecast)
	Log      *slog.Logger

	first    *facts.Facts // what the forecast was made on
	forecast Forecast
	began    bool // the first effect may have happened
}

// Do runs all parts, or continues them where an earlier run was cut short. It returns the seed of the last plan, which
// identifies this run and every run that resumes it.
func (r *Run) Do(ctx context.Context) (seed string, err error) {
	seed = r.Inputs.Seed
	resumed, err := r.resumes()
	if err != nil {
		return seed, err
	}
	if !resumed {
		if err := r.foresee(ctx); err != nil {
			return seed, err
		}
	}
	wants, loads := plan.Wants(r.Doc, r.wants(), r.Inputs.Seed)
	defer r.Applier.FetchAhead(ctx, wants, loads)()
	for _, p := range r.Parts {
		used, err := r.part(ctx, p)
		if used != "" {
			seed = used
		}
		if err != nil {
			return seed, err
		}
	}
	return seed, nil
}

func (r *Run) wants() []plan.Want {
	var all []plan.Want
	for _, p := range r.Parts {
		if p.Wants != nil {
			all = append(all, p.Wants(&r.Doc.Config)...)
		}
	}
	return all
}

// foresee plans everything on the machine as it is now and on the predicted effects of each part, so that every foreseeable
// conflict stops the boot before the first change. It plans later stages only if this stage is going to change something.
func (r *Run) foresee(ctx context.Context) error {
	var f facts.Facts
	if err := Capture(ctx, r.Machine, nil, r.Parts, r.Doc, &f); err != nil {
		return err
	}
	first := f
	r.first = &first
	parts := r.Parts
	forecast, err := Foresee(parts, r.Doc, f, r.Inputs)
	if err == nil && len(r.Later) > 0 && forecast.steps() > 0 {
		parts = append(parts[:len(parts):len(parts)], r.Later...)
		if err := Capture(ctx, r.Machine, r.Peek, parts, r.Doc, &f); err != nil {
			return err
		}
		forecast, err = Foresee(parts, r.Doc, f, r.Inputs)
	} else if r.Machine.Root == nil {
		f.Root = &facts.Root{Unknown: "not looked at, because nothing changes before it is mounted"}
	}
	if r.Findings != nil {
		r.Findings(forecast.Report)
	}
	for _, p := range forecast.Plans {
		for _, s := range p.Steps {
			r.Log.Debug("plan: " + s.Op.Describe())
		}
	}
	for _, u := range forecast.Unknown {
		r.Log.Info("not known before it is done: " + u)
	}
	if r.Foreseen != nil {
		r.Foreseen(f, forecast)
	}
	r.forecast = forecast
	return err
}

func (all Forecast) steps() int {
	n := 0
	for _, p := range all.Plans {
		n += len(p.Steps)
	}
	return n
}

// part plans and applies one part, or continues it.
func (r *Run) part(ctx context.Context, p Part) (seed string, err error) {
	j, err := r.resume(p)
	resumed := j != nil
	if err == nil && !resumed {
		j, err = r.begin(ctx, p)
	}
	if err != nil || j == nil {
		return "", err
	}
	h := j.Header()
	if resumed {
		h.Plan, err = r.renew(ctx, p, h.Plan)
	}
	if err == nil {
		err = r.touch()
	}
	if err != nil {
		return "", errors.Join(err, j.Close())
	}
	loads := plan.Payloads(r.Doc, h.Seed)
	if r.Left != nil {
		for handle, load := range r.Left() {
			loads[handle] = load
		}
	}
	err = r.Applier.Apply(ctx, h.Plan, j, loads)
	if r.Done != nil {
		err = errors.Join(err, r.Done())
	}
	return h.Seed, errors.Join(err, j.Close())
}

// renew returns the plan of an interrupted run with what is different now, because an earlier stage has made it again.
func (r *Run) renew(ctx context.Context, p Part, old op.Plan) (op.Plan, error) {
	if !plan.NamesVolumes(old) {
		return old, nil
	}
	f, err := r.facts(ctx, p)
	if err != nil {
		return old, err
	}
	renewed := plan.Renew(old, r.Doc, f)
	if renewed.Report.HasErrors() {
		return old, &PlanError{Part: p.Name, Report: renewed.Report}
	}
	return renewed.Plan, nil
}

// touch announces the first effect.
func (r *Run) touch() error {
	if r.began {
		return nil
	}
	r.began = true
	r.first, r.forecast = nil, Forecast{} // no longer needed, and large
	if r.Begin == nil {
		return nil
	}
	return r.Begin()
}

// begin makes a new plan and its journal. A plan without steps has none.
func (r *Run) begin(ctx context.Context, p Part) (*journal.Journal, error) {
	steps, err := r.plan(ctx, p)
	if err != nil || len(steps.Steps) == 0 {
		return nil, err
	}
	dir, name, err := r.Journals(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	h := r.header(p)
	h.Plan, h.Seed = steps, r.Inputs.Seed
	return journal.Create(dir, name, h)
}

// plan plans a part. On the mounted root, until something is changed, the forecast is the plan.
func (r *Run) plan(ctx context.Context, p Part) (op.Plan, error) {
	if p.Root && r.Parts[0].Root && !r.began {
		for _, f := range r.forecast.Plans {
			if f.Part == p.Name {
				return f, nil
			}
		}
	}
	f, err := r.facts(ctx, p)
	if err != nil {
		return op.Plan{}, err
	}
	built := plan.Build(p.Name, p.Plan, r.Doc, f, r.Inputs)
	if built.Report.HasErrors() {
		return op.Plan{}, &PlanError{Part: p.Name, Report: built.Report}
	}
	return built.Plan, nil
}

// facts returns the facts to plan a part on. The first part of a stage reuses those of the forecast: it then does what was
// judged, and a slow disk, which takes seconds to read, is read only once.
func (r *Run) facts(ctx context.Context, p Part) (facts.Facts, error) {
	if r.first != nil && p.Name == r.Parts[0].Name {
		return *r.first, nil
	}
	var f facts.Facts
	return f, answer(ctx, r.Machine, p.Ask, &r.Doc.Config, &f)
}

// resume opens the journal of an earlier run of this part with this config, or returns nil.
func (r *Run) resume(p Part) (*journal.Journal, error) {
	if p.Journal == NotResumed {
		return nil, nil
	}
	j, err := r.openJournal(p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, journal.ErrEmpty) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if !j.Header().Same(r.header(p)) {
		r.Log.Warn(p.Name + ": an earlier run was interrupted under a different config or engine version; starting over")
		return nil, j.Close()
	}
	r.Log.Info("resuming " + p.Name + " where an earlier run was cut short")
	return j, nil
}

// resumes reports whether an earlier run of one of the parts with this config was cut short. Existing contents are then partly
// its own work, and are not conflicts.
func (r *Run) resumes() (bool, error) {
	for _, p := range r.Parts {
		if p.Journal == NotResumed {
			continue
		}
		j, err := r.openJournal(p)
		if err != nil {
			continue // none, or a damaged one; the part itself reports that
		}
		same := j.Header().Same(r.header(p))
		if err := j.Close(); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

func (r *Run) openJournal(p Part) (*journal.Journal, error) {
	dir, name, err := r.Journals(p)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", p.Name, err)
	}
	defer dir.Close()
	return journal.Open(dir, name)
}

func (r *Run) header(p Part) journal.Header {
	return journal.Header{Engine: r.Engine, Config: r.Digest, Plan: op.Plan{Format: op.Format, Part: p.Name}}
}
