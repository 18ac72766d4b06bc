// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/tests/vm"
)

// pairs is the number of boots of each kind that own measures; they take half an hour. Boots of one kind differ by seconds where
// others use the machine, for minutes at a time; boots next to each other differ less, so the figure is the median of the
// differences within pairs.
const pairs = 60

// goal is the most that a first boot may cost: the median of the differences from basic.target on.
const goal = 600 * time.Millisecond

// stageUnits are the units of a first boot.
var stageUnits = []string{
	"ignition-fetch-offline.service", "ignition-fetch.service", "ignition-kargs.service", "ignition-disks.service", "ignition-mount.service",
	"ignition-remount-sysroot.service", "ignition-files.service",
}

// stopwatch is a unit that reports, in place of switch root, when the boot got to basic.target and to switch root, in microseconds since
// the kernel's start, and the processor time of the units. Then it switches the machine off.
const stopwatch = `[Unit]
DefaultDependencies=false
After=initrd-switch-root.target
Before=initrd-switch-root.service

[Service]
Type=oneshot
StandardOutput=tty
TTYPath=/dev/ttyS0
ExecStart=/bin/sh -c 'echo; for t in basic initrd-switch-root; do echo "at $t $(systemctl show -P ActiveEnterTimestampMonotonic $t.target)"; done; for u in %s; do echo "cpu $u $(systemctl show -P CPUUsageNSec $u)"; done; echo "stopwatch ends"; poweroff -ff'
`

// stuck is a unit that shows on the console what a boot waits for that has not got to switch root after two minutes, and where the
// engine is.
const stuck = `[Unit]
DefaultDependencies=false
IgnoreOnIsolate=true

[Service]
StandardOutput=tty
TTYPath=/dev/ttyS0
ExecStart=/bin/sh -c 'sleep 120; echo; systemctl list-jobs --no-pager; systemctl kill -s QUIT "ignition-*.service"; sleep 1; journalctl -b -n 200 -o cat --no-pager'
`

// A timing is what the stopwatch of a boot has reported.
type timing struct {
	at  map[string]time.Duration // by target, since the kernel's start
	cpu map[string]time.Duration // by unit
}

// Kinds of boots.
const (
	later = iota
	first
	kinds
)

// pairsOf boots a machine of each kind in turn. A pair that is not whole is left out; the others still say what a boot costs.
func pairsOf(guest vm.Guest, config string) (boots [kinds][]timing, failed []error) {
	for n := range pairs {
		var pair [kinds]timing
		var errs [kinds]error
		for i := range kinds {
			kind := (n + i) % kinds
			b := vm.Boot{FwCfg: config, Cmdline: "ignition.platform.id=qemu", Timeout: 6 * time.Minute}
			if kind == first {
				b.Cmdline += " ignition.firstboot"
			}
			if pair[kind], errs[kind] = timed(guest, b); errs[kind] != nil {
				errs[kind] = fmt.Errorf("boot of pair %d with %s: %w", n+1, b.Cmdline, errs[kind])
			}
		}
		if err := errors.Join(errs[:]...); err != nil {
			failed = append(failed, err)
			continue
		}
		for kind, t := range pair {
			boots[kind] = append(boots[kind], t)
		}
	}
	return boots, failed
}

// own prints what a first boot with an empty config costs, in emulation: the difference, at switch root, to a boot without the
// first-boot flag. Both kinds of boots run in turn, each first in half of the pairs. Up to basic.target, where the first stage
// starts, they do the same, and yet they differ by more than the cost; so the difference from there on is the better figure.
func own(guest vm.Guest) error {
	dir, err := os.MkdirTemp("", "firstlight-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if guest, err = withStopwatch(guest, dir); err != nil {
		return err
	}
	config := filepath.Join(dir, "empty.ign")
	if err := os.WriteFile(config, []byte(`{"ignition":{"version":"3.4.0"}}`), 0o644); err != nil {
		return err
	}
	boots, failed := pairsOf(guest, config)
	if len(boots[first]) < pairs/2 {
		return errors.Join(failed...)
	}
	half := len(boots[first]) / 2
	fmt.Printf("to switch root with an empty config, emulated, least and median of %d:\n", len(boots[first]))
	row := func(name string, least, median time.Duration) {
		fmt.Printf("  %-32s %6.2f s %6.2f s\n", name, least.Seconds(), median.Seconds())
	}
	var cost time.Duration
	for _, from := range []string{"", "basic"} {
		took := func(t timing) time.Duration { return t.at["initrd-switch-root"] - t.at[from] }
		with, without := values(boots[first], took), values(boots[later], took)
		var costs []time.Duration
		for i := range with {
			costs = append(costs, with[i]-without[i])
		}
		for _, list := range [][]time.Duration{with, without, costs} {
			slices.Sort(list)
		}
		fmt.Println(map[string]string{"": "from the kernel's start:", "basic": "from basic.target:"}[from])
		row("first boot", with[0], with[half])
		row("boot without the flag", without[0], without[half])
		row("own cost (within pairs)", costs[0], costs[half])
		if from == "basic" {
			cost = costs[half]
		}
		low, high := medianWithin(costs)
		fmt.Printf("  %-32s %6.2f s to %.2f s, 95 %% sure\n", "its median", low.Seconds(), high.Seconds())
	}
	fmt.Println("processor time of the units:")
	var least, median time.Duration
	for _, u := range stageUnits {
		list := slices.Sorted(slices.Values(values(boots[first], func(t timing) time.Duration { return t.cpu[u] })))
		row(u, list[0], list[half])
		least, median = least+list[0], median+list[half]
	}
	row("all units", least, median)
	if cost > goal {
		failed = append(failed, fmt.Errorf("the own cost is %.2f s; the goal is %.1f s", cost.Seconds(), goal.Seconds()))
	}
	return errors.Join(failed...)
}

// medianWithin returns the values of a sorted sample, of six or more, between which the median of all that it was drawn from lies
// with a probability of 95 % or more: as many of the sample are below that median as tosses of a coin show heads.
func medianWithin(sorted []time.Duration) (low, high time.Duration) {
	const doubt = 0.05 / 2 // at each end
	n, below := len(sorted), 0
	for sum, p := 0.0, math.Pow(0.5, float64(n)); sum+p <= doubt; below++ {
		sum += p
		p *= float64(n-below) / float64(below+1)
	}
	below = max(below, 1)
	return sorted[below-1], sorted[n-below]
}

func values(list []timing, of func(timing) time.Duration) []time.Duration {
	var all []time.Duration
	for _, t := range list {
		all = append(all, of(t))
	}
	return all
}

// withStopwatch returns the guest with the stopwatch in its initramfs.
func withStopwatch(guest vm.Guest, dir string) (vm.Guest, error) {
	files := filepath.Join(dir, "files")
	units := filepath.Join(files, "etc/systemd/system")
	for _, u := range []struct{ name, text, target string }{
		{"stopwatch.service", fmt.Sprintf(stopwatch, strings.Join(stageUnits, " ")), "initrd-switch-root.target"},
		{"stuck.service", stuck, "sysinit.target"},
	} {
		wants := filepath.Join(units, u.target+".wants")
		err := errors.Join(os.MkdirAll(wants, 0o755), os.WriteFile(filepath.Join(units, u.name), []byte(u.text), 0o644),
			os.Symlink("../"+u.name, filepath.Join(wants, u.name)))
		if err != nil {
			return guest, err
		}
	}
	var err error
	guest.Initramfs, err = vm.WithFiles(guest.Initramfs, filepath.Join(dir, "initramfs"), files)
	return guest, err
}

// timed boots a new machine up to the report of its stopwatch.
func timed(guest vm.Guest, b vm.Boot) (timing, error) {
	t := timing{at: map[string]time.Duration{}, cpu: map[string]time.Duration{}}
	dir, err := os.MkdirTemp("", "firstlight-figures-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	m := &vm.Machine{Guest: guest, Dir: dir, CPUs: 2}
	if err := m.Create(); err != nil {
		return t, err
	}
	r, err := m.Start(b)
	if err != nil {
		return t, err
	}
	reported := r.AwaitConsole(context.Background(), "stopwatch ends")
	if !reported {
		_, err := r.Wait()
		return t, fmt.Errorf("the guest did not reach switch root (%w); its console shows\n%s", err, r.Console())
	}
	r.Kill()
	for line := range strings.Lines(r.Console()) {
		switch f := strings.Fields(line); {
		case len(f) == 3 && f[0] == "at":
			us, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil {
				return t, fmt.Errorf("when the boot got to %s: %w", f[1], err)
			}
			t.at[f[1]] = time.Duration(us) * time.Microsecond
		case len(f) == 3 && f[0] == "cpu":
			if ns, err := strconv.ParseInt(f[2], 10, 64); err == nil { // "[not set]" for a unit that did not run
				t.cpu[f[1]] = time.Duration(ns)
			}
		}
	}
	return t, nil
}
