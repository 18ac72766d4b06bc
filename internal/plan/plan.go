// SPDX-License-Identifier: Apache-2.0

// Package plan decides what has to be done to a machine so that it becomes the one that a config asks for.
//
// Build is a pure function: it reads no file, clock, environment or source of randomness, so that the same
// config, facts and inputs give the same plan, byte for byte. That is what makes a plan worth showing before a
// disk is touched, and what lets an interrupted run resume the very plan that it began. A plan that has
// errors can be shown and cannot be applied.
package plan

import (
	"fmt"
	"slices"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// A Part is the unit of planning: what it decides on exists only after the part before it.
type Part string

// The parts, in the order in which a boot applies them.
const (
	KernelArguments Part = "kargs"
	Partitions      Part = "partitions"
	RAID            Part = "raid"
	LUKS            Part = "luks"
	Filesystems     Part = "filesystems"
	Mount           Part = "mount"
	Accounts        Part = "accounts"
	Files           Part = "files"
	Unmount         Part = "umount"
)

// Format is the version of the plan's form; a journal of another one is not resumed.
const Format = 1

// Inputs are the values beside config and facts that a plan depends on.
type Inputs struct {
	// Seed is random, made once and kept with the journal; identifiers that a plan has to invent derive
	// from it.
	Seed string `json:"seed"`
	// Today is the day of the run in days since 1970-01-01, as /etc/shadow counts (shadow(5)).
	Today int `json:"today"`
	// KeyFragment selects ~/.ssh/authorized_keys.d/ignition rather than ~/.ssh/authorized_keys.
	KeyFragment bool `json:"keyFragment"`
	// Policy is the name of the target's SELinux policy, whose labels are set on what was written; empty: none are set.
	Policy string `json:"policy,omitempty"`
	// HomeParts are the directories that the mount stage made, relative to the target root.
	HomeParts []string `json:"homeParts,omitempty"`
	// LuksKeys names the encrypted volumes whose keys the disks stage has left.
	LuksKeys []string `json:"luksKeys,omitempty"`
	// VolumeKeyFiles and PlatformFiles are the paths of files that earlier stages have left for the target root.
	VolumeKeyFiles []string `json:"volumeKeyFiles,omitempty"`
	PlatformFiles  []string `json:"platformFiles,omitempty"`
}

// A Plan is what one part does, in an order that respects every step's After.
type Plan struct {
	Format int       `json:"format"`
	Part   Part      `json:"part"`
	Steps  []op.Step `json:"steps"`
}

// planners lists the functions that plan a part, in their order. A new subject is a row here and a file of
// its own.
func planners(p Part) []func(*builder) {
	return map[Part][]func(*builder){
		KernelArguments: {planKernelArguments},
		Partitions:      {planPartitions},
		RAID:            {planRAID},
		LUKS:            {planLUKS},
		Filesystems:     {planFilesystems},
		Mount:           {planMount},
		Accounts:        {planPasswd},
		Files:           {planNodes, planUnits, planLuksFiles, planPlatformFiles, planRelabel},
		Unmount:         {planUnmount},
	}[p]
}

// Build plans one part. The list holds every conflict between config and facts, not only the first; the plan
// may be applied only if it has no error. The facts with the effects of all steps folded in come back as
// well: they are what the next part of a dry run is planned on.
func Build(p Part, doc config.Document, f facts.Facts, in Inputs) (Plan, facts.Facts, diag.List) {
	predicted, err := f.Clone()
	if err != nil {
		return Plan{}, f, diag.List{{Severity: diag.Error, Summary: err.Error()}}
	}
	b := &builder{
		doc: doc, c: &doc.Config, in: in, facts: &predicted,
		last: map[op.Resource]int{}, equals: map[op.StepID]int{}, appended: map[string]string{},
	}
	for _, plan := range planners(p) {
		plan(b)
	}
	return Plan{Format: Format, Part: p, Steps: b.steps}, predicted, b.report
}

// builder collects the steps of one part while its planners run.
type builder struct {
	doc    config.Document
	c      *types.Config
	in     Inputs
	facts  *facts.Facts // with the effects of the steps so far
	steps  []op.Step
	report diag.List

	last   map[op.Resource]int // the last step that touched a resource
	equals map[op.StepID]int   // how many operations of this identity there are

	accounts *account.DB       // the accounts of the target, once they were needed
	barriers []int             // steps that all further ones on nodes come after
	appended map[string]string // by inode: the path by which the file is appended to
	labels   []string          // places for SELinux labels
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

// fail reports a conflict at a path of the config; the hint says what the user can do.
func (b *builder) fail(path, summary, hint string) { b.note(diag.Error, path, summary, hint) }

// warn reports something that the user should know about, at a path of the config.
func (b *builder) warn(path, summary, hint string) { b.note(diag.Warning, path, summary, hint) }

func (b *builder) note(s diag.Severity, path, summary, hint string) {
	b.report = append(b.report, diag.Diagnostic{
		Severity: s, Path: diag.ParsePath(path), Span: b.doc.Origins.Span(path), Summary: summary, Hint: hint,
	})
}

// at forms a path of the config: at("storage", "files", 3) is "$.storage.files.3".
func at(steps ...any) string {
	path := "$"
	for _, s := range steps {
		path += "." + fmt.Sprint(s)
	}
	return path
}
