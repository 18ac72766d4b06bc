// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// Limits of steps that run at the same time. Programs such as mkfs mostly wait for their disk, and writers of small files for
// the kernel, so there may be more of them than processors.
const parallel = 16

// schedule runs the steps of todo, each after those that it depends on. It returns which are done, which failed, and all errors.
// After an error no further step starts.
func (r *run) schedule(ctx context.Context, todo []int) (done, failed []int, err error) {
	w := &work{graph: newGraph(r.plan.Steps, todo)}
	w.changed.L = &w.mu
	var all sync.WaitGroup
	for range min(parallel, len(todo)) {
		all.Go(func() { w.run(ctx, func(step int) error { return r.do(ctx, step) }) })
	}
	all.Wait()
	slices.Sort(w.done)
	slices.Sort(w.failed)
	return w.done, w.failed, errors.Join(errors.Join(w.errs...), ctx.Err())
}

// work is what workers share. A worker takes its next step itself: with thousands of short steps, handing them out takes longer
// than doing them.
type work struct {
	mu      sync.Mutex
	changed sync.Cond // steps are ready, or there will be none any more
	graph   *graph
	running int

	done, failed []int
	errs         []error
}

// run carries out steps until none is left, or one has failed.
func (w *work) run(ctx context.Context, do func(step int) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for w.errs == nil && ctx.Err() == nil && len(w.graph.ready) == 0 && w.running > 0 {
			w.changed.Wait()
		}
		if w.errs != nil || ctx.Err() != nil || len(w.graph.ready) == 0 {
			w.changed.Broadcast()
			return
		}
		step := w.graph.pop()
		w.running++
		w.mu.Unlock()
		err := do(step)
		w.mu.Lock()
		w.running--
		if err != nil {
			w.failed, w.errs = append(w.failed, step), append(w.errs, err)
			continue
		}
		w.done = append(w.done, step)
		if w.graph.finish(step) > 1 || ctx.Err() != nil {
			w.changed.Broadcast()
		}
	}
}

// graph knows which steps may start. ready is in the plan's order.
type graph struct {
	ready   []int
	waits   map[int]int   // step -> how many unfinished steps it waits for
	follows map[int][]int // step -> steps that wait for it
}

func newGraph(steps []op.Step, todo []int) *graph {
	g := &graph{waits: map[int]int{}, follows: map[int][]int{}}
	open := make(map[int]bool, len(todo))
	for _, i := range todo {
		open[i] = true
	}
	for _, i := range todo {
		for _, before := range steps[i].After {
			if open[before] {
				g.waits[i]++
				g.follows[before] = append(g.follows[before], i)
			}
		}
		if g.waits[i] == 0 {
			g.ready = append(g.ready, i)
		}
	}
	return g
}

func (g *graph) pop() int {
	step := g.ready[0]
	g.ready = g.ready[1:]
	return step
}

// finish returns how many steps may start because this one ended.
func (g *graph) finish(step int) (more int) {
	for _, i := range g.follows[step] {
		if g.waits[i]--; g.waits[i] == 0 {
			at, _ := slices.BinarySearch(g.ready, i)
			g.ready = slices.Insert(g.ready, at, i)
			more++
		}
	}
	return more
}
