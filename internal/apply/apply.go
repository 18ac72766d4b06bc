// SPDX-License-Identifier: Apache-2.0

// Package apply carries out a plan.
//
// It decides nothing about the machine: the plan says what is done, and the steps' After says in which order. Independent steps
// run in parallel. Every step is journaled before its first effect and after its last one is durable, in groups, so that a run
// which was cut short at any moment is resumed without doing anything twice. After the first error no step starts; running steps
// are awaited, because a helper program that is killed does more damage than one that ends.
package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strings"
	"sync/atomic"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// A Machine is all that handlers may use to change the machine.
type Machine struct {
	Sys      sys.Machine   // programs, mounts, block devices
	Root     *rootfs.Root  // the target root; nil before it is mounted
	Fetch    *fetch.Client // contents of files, fragments, keys
	Payloads op.Payloads   // what the handles of the plan stand for
	Keep     Keeper        // what later stages need
	Log      *slog.Logger

	operations atomic.Int64 // counted over all parts of a stage, for the log
	ahead      *ahead       // what is fetched before the steps need it; nil: nothing
}

// A Keeper keeps what the stages of a boot leave for each other. Its methods may be called concurrently.
type Keeper interface {
	// KeepKey keeps the key of an encrypted volume; nil: the key is no longer needed.
	KeepKey(volume string, key []byte)
	// KeepVolumeKeyFiles keeps files of crypto cards for the target root, by path.
	KeepVolumeKeyFiles(files map[string][]byte)
	// KeepDirectories keeps the directories that were made for mount points, relative to the target root.
	KeepDirectories(paths []string)
}

// Outcome is what the machine shows of a step that was begun in an earlier run.
type Outcome int

// The outcomes. Unclear stops the run: nothing is guessed.
const (
	NotApplied Outcome = iota // as before the step, or restored to that; apply it
	Applied                   // as after the step
	Unclear
)

// A StepError is the failure of one step.
type StepError struct {
	Step op.Step
	Err  error
}

func (e *StepError) Error() string { return e.Step.Op.Describe() + ": " + e.Cause() }

// Cause returns why the step failed, for people: names of files and words of programs may hold anything.
func (e *StepError) Cause() string { return diag.Shown(e.Err.Error(), mostCause) }

const mostCause = 2000 // bytes

func (e *StepError) Unwrap() error { return e.Err }

// ErrUnclear is wrapped by the error for a begun step whose outcome the machine does not show.
var ErrUnclear = errors.New("an earlier run was cut short here and left neither the old nor the new state")

// Run carries out the plan. It skips steps that the journal has as done, unless a filesystem that they wrote to was made again
// since. It first inspects steps that the journal has as begun.
func Run(ctx context.Context, m *Machine, j *journal.Journal, p op.Plan) error {
	r := &run{m: m, plan: p, journal: j, handle: handle, inspect: inspect}
	todo, err := r.resume(ctx)
	if err != nil {
		return err
	}
	if err := r.record(journal.Begun, todo); err != nil {
		return err
	}
	done, failed, err := r.schedule(ctx, todo)
	if len(done) > 0 && m.Root != nil {
		if sync := m.Root.Sync(); sync != nil {
			return errors.Join(err, fmt.Errorf("make the target root durable: %w", sync))
		}
	}
	undone, failed := r.effectless(todo, done, failed)
	return errors.Join(err, r.record(journal.Done, done), r.record(journal.Failed, failed), r.record(journal.Undone, undone))
}

// effectless returns the steps that have no effect on the machine: those that were not started, and those that failed to fill an
// empty place which is still empty. What somebody puts there before the next run is not left over from this one.
func (r *run) effectless(todo, done, failed []int) (undone, left []int) {
	finished := make([]bool, len(r.plan.Steps))
	for _, i := range done {
		finished[i] = true
	}
	for _, i := range failed {
		if finished[i] = !r.empty(i); finished[i] {
			left = append(left, i)
		}
	}
	for _, i := range todo {
		if !finished[i] {
			undone = append(undone, i)
		}
	}
	return undone, left
}

// empty reports whether a step fills an empty place that is still empty.
func (r *run) empty(step int) bool {
	p, ok := r.plan.Steps[step].Op.(interface{ Target() op.Place })
	if !ok || p.Target().Replace {
		return false
	}
	info, err := r.m.Root.Lstat(p.Target().Path)
	return err == nil && info.Type == rootfs.None
}

type run struct {
	m       *Machine
	plan    op.Plan
	journal *journal.Journal
	handle  func(context.Context, *Machine, op.Op) error
	inspect func(context.Context, *Machine, op.Op) (Outcome, error)
	on      []string // the filesystems that each step writes to
}

// resume returns the indexes of the steps that remain.
func (r *run) resume(ctx context.Context) ([]int, error) {
	var todo []int
	r.on = make([]string, len(r.plan.Steps))
	places := filesystems{root: r.m.Root, known: map[string]string{}}
	for i, s := range r.plan.Steps {
		var err error
		if r.on[i], err = places.of(s.Op); err != nil {
			return nil, &StepError{Step: s, Err: err}
		}
		outcome := NotApplied
		state, on := r.journal.State(s.ID)
		done := state == journal.Done && on == r.on[i]
		if done {
			stale, err := r.stale(ctx, s.Op)
			if err != nil {
				return nil, &StepError{Step: s, Err: err}
			}
			done = !stale
		}
		switch {
		case done:
			outcome = Applied
		case state == "", state == journal.Undone:
		default:
			if outcome, err = r.inspect(ctx, r.m, s.Op); err == nil && outcome == Unclear {
				err = ErrUnclear
			}
			if err != nil {
				return nil, &StepError{Step: s, Err: err}
			}
		}
		if outcome == NotApplied {
			todo = append(todo, i)
		}
	}
	return todo, nil
}

// stale reports whether a finished step wrote something else than an earlier stage of this boot has left. After a power cut that
// stage has run again.
func (r *run) stale(ctx context.Context, o op.Op) (bool, error) {
	var place string
	var handle op.Handle
	switch o := o.(type) {
	case op.WriteVolumeKey:
		place, handle = o.Path, o.Key
	case op.WriteFile:
		if o.Content == nil || !o.Content.Handle.FromStage() {
			return false, nil
		}
		place, handle = o.Path, o.Content.Handle
	default:
		return false, nil
	}
	same, err := holds(r.m, place, func(w io.Writer) error { return r.m.fetch(ctx, handle, w) })
	return !same, err
}

func (r *run) record(s journal.State, steps []int) error {
	entries := make([]journal.Entry, len(steps))
	for i, step := range steps {
		entries[i] = journal.Entry{Step: r.plan.Steps[step].ID, On: r.on[step]}
	}
	return r.journal.Record(s, entries)
}

// do carries out one step and logs it as an operation.
func (r *run) do(ctx context.Context, step int) error {
	s := r.plan.Steps[step]
	err := logx.Op(r.m.Log, int(r.m.operations.Add(1)), s.Op.Describe(), func() error {
		return r.handle(ctx, r.m, s.Op)
	})
	if err != nil {
		switch s.Op.(type) {
		case op.MakeDirectory, op.WriteFile, op.KeepFile, op.MakeLink, op.MakeHardLink:
			// Distributions look for these words, with the path as the initramfs has it.
			err = fmt.Errorf("error creating %s: %w", path.Join(r.m.Root.Name(), strings.TrimPrefix(string(s.Op.Touches()[0]), op.PathClass)), err)
		}
		return &StepError{Step: s, Err: err}
	}
	return nil
}
