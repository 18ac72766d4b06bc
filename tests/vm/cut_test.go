// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how long to cut the power of guests at random")

// talking has the engine's log on the console, where a test sees how far a boot has come.
const talking = " systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"

// TestCuts takes the power away once at each of some moments that matter; the next boot has to end as if nothing had happened.
func TestCuts(t *testing.T) {
	guest := needGuest(t)
	slots := make(chan struct{}, 2)
	for _, moment := range []struct{ name, said string }{
		{"file", "[started]  write file"},
		{"seal", "files passed"},
	} {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			f := newFragile(t, guest)
			r := f.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), bootTime)
			defer cancel()
			if !r.AwaitConsole(ctx, moment.said) {
				r.Kill()
				t.Fatalf("the console did not say %q; it ends with\n%s", moment.said, tail(r.Console(), 60))
			}
			r.Kill()
			f.whole(t)
		})
	}
}

// TestSoak cuts the power of guests at random moments of provisioning, up to three times each, and looks what they become.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("only with -soak TIME")
	}
	guest := needGuest(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	guests, cuts := 0, 0
	for end := time.Now().Add(*soak); time.Now().Before(end) && !t.Failed(); guests++ {
		f := newFragile(t, guest)
		for range 1 + random.IntN(3) {
			r := f.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), bootTime)
			r.AwaitConsole(ctx, "Stage: fetch-offline")
			cancel()
			select {
			case <-r.done:
			case <-time.After(time.Duration(random.Int64N(int64(8 * time.Second)))):
			}
			r.Kill()
			cuts++
		}
		f.whole(t)
	}
	t.Logf("%d guests, %d cuts", guests, cuts)
}

// fragile is a machine of the case first-boot.
type fragile struct {
	*Machine
	Case
	boot Boot
}

func newFragile(t *testing.T, guest Guest) fragile {
	t.Helper()
	c, err := Load("cases/first-boot")
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Guest: guest, Dir: t.TempDir(), Disks: c.Disks}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	boot, err := c.Boot(m, "", "expect")
	if err != nil {
		t.Fatal(err)
	}
	boot.Cmdline += talking
	return fragile{m, c, boot}
}

func (f fragile) start(t *testing.T) *Running {
	t.Helper()
	r, err := f.Start(f.boot)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// whole boots the machine to its end and compares all but the log, which depends on what was done before the cuts.
func (f fragile) whole(t *testing.T) {
	t.Helper()
	r := f.start(t)
	said, err := r.Wait()
	if err != nil {
		t.Fatalf("%v; the console ends with\n%s", err, tail(r.Console(), 80))
	}
	expect := slices.DeleteFunc(f.read("expect"), func(l string) bool {
		return strings.HasPrefix(strings.TrimPrefix(l, "!"), "log ")
	})
	if wrong := Compare(expect, said); len(wrong) > 0 {
		t.Errorf("after the cut:\n%s\nthe guest said:\n%s", strings.Join(wrong, "\n"), said)
	}
}
