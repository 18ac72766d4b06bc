// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// The storm: many machines power on together, and their config server follows a minute later.
const (
	stormClients  = 100_000
	stormCapacity = 500 // requests that the server serves in a second; it answers 503 to all others
	stormDown     = time.Minute
	stormStart    = 2 * time.Second // within which all machines make their first attempt
)

// A backoff returns how long a machine waits after its nth failure in a row, some time after the first.
type backoff func(f *origin.Failure, n int, elapsed time.Duration, random float64) time.Duration

// doubling is the policy for comparison: 200 ms, doubled up to 5 s, the same for all machines.
func doubling(_ *origin.Failure, n int, _ time.Duration, _ float64) time.Duration {
	return min(firstWindow<<min(n-1, 5), shortWindow)
}

func ours(f *origin.Failure, n int, elapsed time.Duration, random float64) time.Duration {
	wait, _ := decide(f, n, elapsed, unlimited, random)
	return wait
}

// A guest is one machine of the storm.
type guest struct {
	next, first time.Duration // its next attempt, and its first origin.Failure
	failures    int
}

type guests []guest

func (g guests) Len() int           { return len(g) }
func (g guests) Less(i, j int) bool { return g[i].next < g[j].next }
func (g guests) Swap(i, j int)      { g[i], g[j] = g[j], g[i] }
func (g *guests) Push(any)          {}
func (g *guests) Pop() any          { old := *g; *g = old[:len(old)-1]; return nil }

// storm plays a storm on its own clock. It returns the sorted times at which the machines got their configs, and the highest
// number of requests in one second after the server was back.
func storm(p backoff) (served []time.Duration, peak int) {
	random := rand.New(rand.NewPCG(1, 2))
	var crowd guests
	for range stormClients {
		crowd = append(crowd, guest{next: time.Duration(random.Int64N(int64(stormStart)))})
	}
	heap.Init(&crowd)
	refusal := &origin.Failure{Class: origin.ClassConnect, Err: errors.New("refused")}
	busy := &origin.Failure{Class: origin.ClassServer, Err: errors.New("503")}
	load := map[time.Duration]int{} // by second
	for len(crowd) > 0 {
		g := &crowd[0]
		now, f := g.next, refusal
		if now >= stormDown {
			second := now / time.Second
			load[second]++
			if peak = max(peak, load[second]); load[second] <= stormCapacity {
				served = append(served, now)
				heap.Pop(&crowd)
				continue
			}
			f = busy
		}
		if g.failures++; g.failures == 1 {
			g.first = now
		}
		g.next = now + max(p(f, g.failures, now-g.first, random.Float64()), time.Millisecond)
		heap.Fix(&crowd, 0)
	}
	return served, peak
}

// TestStorm checks the promise of the policy: a server that comes back gets at most one and a half times the requests that
// it can serve.
func TestStorm(t *testing.T) {
	served, peak := storm(ours)
	t.Log(stormRow("full jitter, crowd window", served, peak))
	if !slices.IsSorted(served) || len(served) != stormClients {
		t.Errorf("%d machines were served", len(served))
	}
	if peak > stormCapacity*3/2 {
		t.Errorf("the server was asked for %d requests in a second, more than 1.5 times the %d it can serve", peak, stormCapacity)
	}
}

// BenchmarkStorm compares the time that machines need to get their config with that of another policy.
func BenchmarkStorm(b *testing.B) {
	for _, c := range []struct {
		name string
		p    backoff
	}{{"full jitter, crowd window", ours}, {"doubling to 5 s, no jitter", doubling}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				served, peak := storm(c.p)
				b.Log(stormRow(c.name, served, peak))
			}
		})
	}
}

func stormRow(name string, served []time.Duration, peak int) string {
	at := func(share float64) time.Duration {
		return served[int(share*float64(len(served)-1))].Round(time.Second)
	}
	return fmt.Sprintf("%s: median %s, p99 %s, last %s; highest load %d/s of %d/s", name, at(0.5), at(0.99), at(1), peak, stormCapacity)
}
