// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how long to cut the power of guests at random")

// talking puts the engine's log on the console, where a test sees the progress of a boot.
const talking = " systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"

// TestCuts cuts the power once at each of several critical moments. The next boot must end as if nothing had happened.
func TestCuts(t *testing.T) {
	t.Parallel()
	guest := needGuest(t)
	for _, moment := range []struct{ name, of, said string }{
		{"volume", "raid-luks", "[started]  encrypt /dev/md/pair"},
		{"file", "first-boot", "[started]  write file"},
		{"seal", "first-boot", "files passed"},
		{"keyless", "cut-luks-home", "[started]  write file"},
		{"keyless-raid0", "cut-luks-raid0", "[started]  write file"},
	} {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			f := newFragile(t, guest, "cases/"+moment.of)
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

// soaked lists the cases that the soak test cuts, again and again, in one window after the other.
var soaked = []string{"cases/first-boot", "cases/raid-luks", "soak/mixed", "cases/files", "cases/cut-luks-home"}

// A window is the time in which the power is cut: about the duration of a stage from its beginning or, without a stage, from
// power-on to ten seconds after the system is up.
type window struct {
	stage string
	time  time.Duration
}

var windows = []window{{"", 0}, {"disks", 9 * time.Second}, {"", 0}, {"files", 2 * time.Second}}

// soakers is how many guests are cut side by side: one for each core of a small machine.
const soakers = 2

// TestSoak cuts the power of guests at random moments, up to three times each, and checks the resulting machines.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("only with -soak TIME")
	}
	s := &soaking{guest: needGuest(t), end: time.Now().Add(*soak), cuts: map[string]int{}, whole: map[string]time.Duration{}}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	t.Run("guests", func(t *testing.T) {
		for i := range soakers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				s.run(t, rand.New(rand.NewPCG(seed, uint64(i))), 1+i)
			})
		}
	})
	t.Logf("%d guests, %d cuts", s.guests, s.total)
	for _, where := range slices.Sorted(maps.Keys(s.cuts)) {
		t.Logf("%4d %s", s.cuts[where], where)
	}
}

// soaking is what the guests of one run of the soak test share.
type soaking struct {
	guest Guest
	end   time.Time

	mu            sync.Mutex
	failed        bool
	guests, total int
	cuts          map[string]int
	whole         map[string]time.Duration // of each case without a cut
}

// next returns the number of the next guest and its case, or false if the time is over or a guest has failed.
func (s *soaking) next(t *testing.T) (int, string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = s.failed || t.Failed(); s.failed || time.Now().After(s.end) { // t.Failed after an error that did not end the test
		return 0, "", false
	}
	s.guests++
	return s.guests - 1, soaked[(s.guests-1)%len(soaked)], true
}

// time returns how long a case takes without a cut. It boots the case once for that, and to check the case itself.
func (s *soaking) time(t *testing.T, name string) time.Duration {
	s.mu.Lock()
	took := s.whole[name]
	s.mu.Unlock()
	if took > 0 {
		return took
	}
	began := time.Now()
	newFragile(t, s.guest, name).whole(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[name] = time.Since(began)
	return s.whole[name]
}

// window returns the time in which the next cut happens.
func (s *soaking) window(whole time.Duration) window {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	w := windows[(s.total-1)%len(windows)]
	if w.stage == "" {
		w.time = whole + 10*time.Second
	}
	return w
}

// run cuts one guest after the other, each with some processors: the order of events depends on their number.
func (s *soaking) run(t *testing.T, random *rand.Rand, processors int) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed = s.failed || t.Failed()
	}()
	for {
		n, name, ok := s.next(t)
		if !ok {
			return
		}
		whole := s.time(t, name)
		f := newFragile(t, s.guest, name)
		f.CPUs = processors
		for range 1 + random.IntN(3) {
			w := s.window(whole)
			stage, doing := f.cut(t, w.stage, time.Duration(random.Int64N(int64(w.time))))
			t.Logf("guest %d (%s): cut in %s: %s", n, f.Name, stage, doing)
			s.mu.Lock()
			s.cuts[f.Name+" "+stage]++
			s.mu.Unlock()
		}
		f.whole(t)
	}
}

// cut boots the machine and cuts the power some time after the beginning of a stage, or after power-on. It returns the
// current stage and the last message of the machine.
func (f fragile) cut(t *testing.T, from string, after time.Duration) (stage, doing string) {
	t.Helper()
	f.boot.Script = "echo STAY"
	r := f.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	if from == "" || r.AwaitConsole(ctx, "Stage: "+from) {
		select {
		case <-r.done:
		case <-time.After(after):
		}
	}
	r.Kill()
	stage = "no stage"
	for _, l := range lines(r.Console()) {
		if _, said, ok := strings.Cut(l, "ignition["); ok {
			_, doing, _ = strings.Cut(said, "]: ")
			if s, ok := strings.CutPrefix(doing, "Stage: "); ok {
				stage = s
			}
		}
		if strings.Contains(l, " login:") {
			stage, doing = "running system", "it is up"
		}
	}
	return stage, doing
}

// fragile is a machine of a case whose boots are cut short.
type fragile struct {
	*Machine
	Case
	boot Boot
}

func newFragile(t *testing.T, guest Guest, name string) fragile {
	t.Helper()
	c, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	m := c.Machine(guest, t.TempDir())
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	boot, err := c.Boot(m, "expect")
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

// whole boots the machine to its end and compares everything but the log, which depends on the progress before the cuts.
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
	checkMarks(t, f.Machine)
}
