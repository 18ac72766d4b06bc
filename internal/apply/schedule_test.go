// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// trial is an operation that only notes that it ran.
type trial struct{ N int }

func (trial) Kind() op.Kind          { return "trial" }
func (p trial) Describe() string     { return fmt.Sprint("trial ", p.N) }
func (trial) Touches() []op.Resource { return nil }
func (trial) Predict(*facts.Facts)   {}

// recorder carries probes out; those in fail fail, and begin tells what a begun one has come to.
type recorder struct {
	mu    sync.Mutex
	order []int
	fail  map[int]bool
	begun Outcome
}

func (r *recorder) handle(_ context.Context, _ *Machine, o op.Op) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := o.(trial).N
	r.order = append(r.order, n)
	if r.fail[n] {
		return errors.New("no")
	}
	return nil
}

func (r *recorder) inspect(context.Context, *Machine, op.Op) (Outcome, error) { return r.begun, nil }

func steps(after map[int][]int, n int) []op.Step {
	list := make([]op.Step, n)
	for i := range list {
		list[i] = op.Step{ID: op.StepID(fmt.Sprint("s", i)), Op: trial{i}, After: after[i]}
	}
	return list
}

func newRun(t *testing.T, r *recorder, list []op.Step) (*run, *os.Root) {
	t.Helper()
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Create(dir, "j", journal.Header{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close(); dir.Close() })
	return &run{
		m:    &Machine{Log: slog.New(slog.DiscardHandler)},
		plan: op.Plan{Steps: list}, journal: j, on: make([]string, len(list)),
		handle: r.handle, inspect: r.inspect,
	}, dir
}

// TestOrder runs random graphs: every step runs once, and never before one that it comes after.
func TestOrder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(60)
		after := map[int][]int{}
		for i := range n {
			for range random.IntN(4) {
				if i > 0 {
					after[i] = append(after[i], random.IntN(i))
				}
			}
			slices.Sort(after[i])
			after[i] = slices.Compact(after[i])
		}
		rec := &recorder{}
		r, _ := newRun(t, rec, steps(after, n))
		todo := make([]int, n)
		for i := range todo {
			todo[i] = i
		}
		done, _, err := r.schedule(t.Context(), todo)
		if err != nil || len(done) != n || len(rec.order) != n {
			t.Fatalf("seed %d: %d of %d steps done: %v", seed, len(done), n, err)
		}
		for i := range n {
			for _, before := range after[i] {
				if slices.Index(rec.order, before) > slices.Index(rec.order, i) {
					t.Fatalf("seed %d: step %d ran before %d", seed, i, before)
				}
			}
		}
	}
}

// TestFirstErrorStopsStarting has a chain whose middle fails: what comes after it is not begun.
func TestFirstErrorStopsStarting(t *testing.T) {
	rec := &recorder{fail: map[int]bool{1: true}}
	r, _ := newRun(t, rec, steps(map[int][]int{1: {0}, 2: {1}}, 3))
	done, failed, err := r.schedule(t.Context(), []int{0, 1, 2})
	var step *StepError
	if !errors.As(err, &step) || step.Step.ID != "s1" {
		t.Fatalf("error %v, want that of step 1", err)
	}
	if !slices.Equal(done, []int{0}) || !slices.Equal(failed, []int{1}) || !slices.Equal(rec.order, []int{0, 1}) {
		t.Errorf("done %v, failed %v, ran %v", done, failed, rec.order)
	}
}

// TestResume has one step done, one begun and one not begun by an earlier run.
func TestResume(t *testing.T) {
	for _, c := range []struct {
		begun Outcome
		ran   []int
		fails bool
	}{
		{begun: NotApplied, ran: []int{1, 2}},
		{begun: Applied, ran: []int{2}},
		{begun: Unclear, fails: true},
	} {
		rec := &recorder{begun: c.begun}
		r, _ := newRun(t, rec, steps(map[int][]int{1: {0}, 2: {1}}, 3))
		if err := errors.Join(r.record(journal.Begun, []int{0, 1}), r.record(journal.Done, []int{0})); err != nil {
			t.Fatal(err)
		}
		todo, err := r.resume(t.Context())
		if c.fails {
			if !errors.Is(err, ErrUnclear) {
				t.Errorf("error %v, want %v", err, ErrUnclear)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.schedule(t.Context(), todo); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(rec.order, c.ran) {
			t.Errorf("outcome %v: ran %v, want %v", c.begun, rec.order, c.ran)
		}
	}
}
