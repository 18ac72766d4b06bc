// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// Limits of steps that run at the same time. Programs such as mkfs wait for their disk most of the time, and
// so do writers of small files for the kernel: more than the machine's processors are worth having.
const parallel = 16

type result struct {
	step int
	err  error
}

// schedule runs the steps of todo, each after those that it depends on, and returns which are done, which
// failed, and all errors. After an error no further step is started.
func (r *run) schedule(ctx context.Context, todo []int) (done, failed []int, err error) {
	g := newGraph(r.plan.Steps, todo)
	results := make(chan result)
	running := 0
	for {
		for err == nil && ctx.Err() == nil && running < parallel && len(g.ready) > 0 {
			step := g.pop()
			running++
			go func() {
				results <- result{step, r.do(ctx, step)}
			}()
		}
		if running == 0 {
			break
		}
		res := <-results
		running--
		if res.err != nil {
			failed = append(failed, res.step)
			err = errors.Join(err, res.err)
			continue
		}
		done = append(done, res.step)
		g.finish(res.step)
	}
	slices.Sort(done)
	slices.Sort(failed)
	return done, failed, errors.Join(err, ctx.Err())
}

// graph tells which steps may start. ready is in the plan's order.
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

func (g *graph) finish(step int) {
	for _, i := range g.follows[step] {
		if g.waits[i]--; g.waits[i] == 0 {
			at, _ := slices.BinarySearch(g.ready, i)
			g.ready = slices.Insert(g.ready, at, i)
		}
	}
}
