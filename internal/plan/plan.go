// SPDX-License-Identifier: Apache-2.0

// Package plan decides what must be done to a machine so that it matches a config.
//
// Build is a pure function: it reads no file, clock, environment or source of randomness, so the same config, facts and inputs
// give the same plan, byte for byte. So a plan can be shown before a disk is touched, and an interrupted run resumes exactly the
// plan that it began. A plan that has errors can be shown but not applied.
package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Inputs are the values that a plan depends on in addition to config and facts.
type Inputs struct {
	// Seed is random, made once and kept with the journal; identifiers that a plan invents, and its handles, derive from
	// it.
	Seed string `json:"seed"`
	// Today is the day of the run in days since 1970-01-01, as /etc/shadow counts (shadow(5)).
	Today int `json:"today"`
	// KeyFragment selects ~/.ssh/authorized_keys.d/ignition rather than ~/.ssh/authorized_keys.
	KeyFragment bool `json:"keyFragment"`
	// Relabel says that SELinux labels are set if the target has a policy.
	Relabel bool `json:"relabel"`
}

// A Planner plans one part of a boot.
type Planner func(*builder)

// A Result is the result of planning one part.
type Result struct {
	Plan op.Plan
	// After is the facts with the predicted effects of all steps: what a forecast plans the next part on.
	After facts.Facts
	// Report holds every conflict between config and facts, not only the first. A plan with errors can be shown and cannot be
	// applied.
	Report diag.List
	// Unknown names what could not be planned because it is not known yet, for people.
	Unknown []string
}

// Build plans one part, whose name is part.
func Build(part string, planner Planner, doc config.Document, f facts.Facts, in Inputs) Result {
	predicted, err := f.Clone()
	if err != nil {
		return Result{After: f, Report: diag.List{{Severity: diag.Error, Summary: err.Error()}}}
	}
	complete(&predicted)
	b := &builder{
		doc: doc, c: &doc.Config, in: in, facts: &predicted, payloads: op.Payloads{},
		steps: []op.Step{}, last: map[op.Resource]int{}, equals: map[op.StepID]int{}, appended: map[string]string{},
	}
	planner(b)
	return Result{
		Plan: op.Plan{Format: op.Format, Part: part, Steps: b.steps}, After: predicted, Report: b.report, Unknown: b.unknown,
	}
}

// complete makes the sections that were not asked for, so that planners and predictions find them empty.
func complete(f *facts.Facts) {
	if f.Block == nil {
		f.Block = &facts.Block{}
	}
	if f.Tree == nil {
		f.Tree = &facts.Tree{}
	}
	if f.Accounts == nil {
		f.Accounts = &facts.Accounts{}
	}
	if f.Units == nil {
		f.Units = &facts.Units{}
	}
	if f.SELinux == nil {
		f.SELinux = &facts.SELinux{}
	}
	if f.Handover == nil {
		f.Handover = &facts.Handover{}
	}
}

// builder collects the steps of one part while its planners run.
type builder struct {
	doc    config.Document
	c      *types.Config
	in     Inputs
	facts  *facts.Facts // with the effects of the steps so far
	steps  []op.Step
	report diag.List

	payloads op.Payloads
	unknown  []string // what cannot be planned yet

	last   map[op.Resource]int // the last step that touched a resource
	equals map[op.StepID]int   // how many operations of this identity there are

	accounts *account.DB       // the accounts of the target, once they were needed
	named    map[int][]string  // their users by id
	hints    int               // how many suggestions of similar names there were
	barriers []int             // steps that all further ones on nodes come after
	appended map[string]string // by inode: the path by which the file is appended to
	labels   []string          // places for SELinux labels
	enabled  []string          // units whose links need labels
}

// add appends an operation that the config asks for at path, after the given steps and after every earlier
// step that touches one of its resources, and returns its index.
func (b *builder) add(path string, o op.Op, reason string, after ...int) int {
	id, err := op.ID(o, 0)
	if n := b.equals[id]; err == nil {
		b.equals[id]++
		if n > 0 {
			id, err = op.ID(o, n)
		}
	}
	if err != nil {
		b.fail(path, err.Error(), "")
	}
	index := len(b.steps)
	after = slices.Clone(after)
	for _, r := range o.Touches() {
		if earlier, ok := b.last[r]; ok {
			after = append(after, earlier)
		}
		b.last[r] = index
	}
	slices.Sort(after)
	b.steps = append(b.steps, op.Step{
		ID: id, Op: o, After: slices.Compact(after),
		Path: path, Origin: b.doc.Origins.At(path), Reason: reason,
	})
	o.Predict(b.facts)
	return index
}

// expect makes room for n more steps.
func (b *builder) expect(n int) {
	b.steps = slices.Grow(b.steps, n)
	last, equals := make(map[op.Resource]int, len(b.last)+n), make(map[op.StepID]int, len(b.equals)+n)
	maps.Copy(last, b.last)
	maps.Copy(equals, b.equals)
	b.last, b.equals = last, equals
}

// fail reports a conflict at a path of the config; the hint says what the user can do.
func (b *builder) fail(path, summary, hint string) { b.note(diag.Error, path, summary, hint) }

// warn reports something that the user should know about, at a path of the config.
func (b *builder) warn(path, summary, hint string) { b.note(diag.Warning, path, summary, hint) }

// mostShown is how many bytes a finding has, and mostTarget how many of a link's target it shows.
const (
	mostShown  = 1000
	mostTarget = 100
)

// note escapes what findings show of the machine: names of files and labels may hold anything.
func (b *builder) note(s diag.Severity, path, summary, hint string) {
	summary, hint = diag.Shown(summary, mostShown), diag.Shown(hint, mostShown)
	b.report = append(b.report, diag.Diagnostic{
		Severity: s, Path: diag.ParsePath(path), Span: b.doc.Origins.Span(path), Summary: summary, Hint: hint,
	})
}

// postpone notes something that cannot be planned yet.
func (b *builder) postpone(format string, args ...any) {
	b.unknown = append(b.unknown, fmt.Sprintf(format, args...))
}

// lookup returns the device behind a path. A path that package ask did not ask for is a bug of firstlight: treating it as absent
// would lead to a wrong decision.
func (b *builder) lookup(path string) (string, facts.Device, bool) {
	if !b.facts.Block.Known(path) {
		b.fail("$.storage", fmt.Sprintf("%s: nobody looked at this device", path), "report this as a bug of firstlight")
	}
	return b.facts.Block.Lookup(path)
}

// policy returns the SELinux policy whose labels are set, or "". If the labels cannot be set, it reports that before anything is
// changed.
func (b *builder) policy() string {
	s := b.facts.SELinux
	switch {
	case !b.in.Relabel:
		return ""
	case s.Problem != "":
		b.fail("$", s.Problem, "set SELINUXTYPE in /etc/selinux/config of the image, or build firstlight without relabeling")
	case s.Policy != "" && !b.facts.Programs["setfiles"]:
		b.fail("$", fmt.Sprintf("the program setfiles sets the SELinux labels of the target (policy %s) and is missing in the initramfs", s.Policy),
			"add it, for example with dracut --install setfiles")
	}
	return s.Policy
}

// at forms a path of the config of names and indexes: at("storage", "files", 3) is "$.storage.files.3".
func at(steps ...any) string {
	var few [64]byte
	path := append(few[:0], '$')
	for _, s := range steps {
		path = append(path, '.')
		switch s := s.(type) {
		case string:
			path = append(path, s...)
		case int:
			path = strconv.AppendInt(path, int64(s), 10)
		}
	}
	return string(path)
}
