// SPDX-License-Identifier: Apache-2.0

// Command figures prints the cost of the engine: bytes, memory, and time in a real guest. It fails only if the
// own cost of an empty config is above its goal. Arguments select parts of it: size, version, boot, disks, own.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/tests/vm"
)

func main() {
	if err := figures(); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

const engine = "bin/ignition"

func figures() error {
	if why := vm.Unable(); why != "" {
		return errors.New(why)
	}
	guest, err := vm.Prepare(os.Stderr, vm.Extra{})
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		print func(vm.Guest) error
	}{{"size", sizes}, {"version", version}, {"boot", boots}, {"disks", disks}, {"own", own}} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], part.name) {
			continue
		}
		if err := part.print(guest); err != nil {
			return err
		}
	}
	return nil
}

// sizes prints the size of the engine, by itself and in an initramfs.
func sizes(guest vm.Guest) error {
	info, err := os.Stat(engine)
	if err != nil {
		return err
	}
	packed, err := size("xz -9e -c " + engine)
	if err != nil {
		return err
	}
	inInitramfs, err := size("zstd -q -15 -c " + engine)
	if err != nil {
		return err
	}
	initramfs, err := os.Stat(guest.Packed)
	if err != nil {
		return err
	}
	fmt.Printf("engine, stripped            %6.2f MB\n", mb(info.Size()))
	fmt.Printf("engine, xz                  %6.2f MB\n", mb(packed))
	fmt.Printf("initramfs with the engine   %6.2f MB\n", mb(initramfs.Size()))
	fmt.Printf("initramfs without           %6.2f MB\n", mb(initramfs.Size()-inInitramfs))
	return nil
}

func size(command string) (int64, error) {
	out, err := exec.Command("sh", "-c", command+" | wc -c").Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", command, err)
	}
	var n int64
	_, err = fmt.Sscan(string(out), &n)
	return n, err
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// version prints the median time of a start that does nothing.
func version(vm.Guest) error {
	const runs = 21
	var took []time.Duration
	for range runs {
		began := time.Now()
		if err := exec.Command(engine, "-version").Run(); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	fmt.Printf("ignition -version           %6.2f ms (median of %d, on the host)\n", float64(took[runs/2].Microseconds())/1000, runs)
	return nil
}

// boots prints the duration of each stage of a first boot, in emulation.
func boots(guest vm.Guest) error {
	c, err := vm.Load("tests/vm/cases/first-boot")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "firstlight-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := c.Machine(guest, dir)
	m.CPUs = 2
	if err := m.Create(); err != nil {
		return err
	}
	b, err := c.Boot(m, "expect")
	if err != nil {
		return err
	}
	b.Script = "cat /run/ignition/progress.json"
	r, err := m.Start(b)
	if err != nil {
		return err
	}
	said, err := r.Wait()
	if err != nil {
		return err
	}
	var progress struct {
		Stages []struct {
			Stage string
			Took  time.Duration
			Peak  int64
		}
	}
	if err := json.Unmarshal([]byte(strings.TrimSpace(said)), &progress); err != nil {
		return fmt.Errorf("read what the guest said: %w", err)
	}
	fmt.Printf("first boot of %s, emulated:\n", filepath.Base(c.Dir))
	for _, s := range progress.Stages {
		fmt.Printf("  %-14s %6.2f s   peak memory %5.1f MB\n", s.Stage, s.Took.Seconds(), mb(s.Peak))
	}
	return nil
}

// disks prints the duration of the disks stage for one disk and for eight, with two filesystems each, in emulation. It uses
// disks as fast as the host's memory, where the two emulated processors are the limit, and slow disks.
func disks(guest vm.Guest) error {
	for _, iops := range []int{0, 50} {
		if err := disksAt(guest, iops); err != nil {
			return err
		}
	}
	return nil
}

func disksAt(guest vm.Guest, iops int) error {
	dir, err := os.MkdirTemp("", "firstlight-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lab, stop, err := vm.NewLab(guest, dir, slices.Repeat([]string{"512M"}, 8))
	if err != nil {
		return err
	}
	defer stop()
	lab.CPUs = 2
	lab.IOPS = iops
	names := []string{"one-disk", "eight-disks"}
	var dirs []string
	for _, n := range names {
		dirs = append(dirs, filepath.Join("tests/vm/figures", n))
	}
	said, err := lab.Live(dirs)
	if err != nil {
		return err
	}
	for _, n := range names {
		for _, run := range said[n] {
			for line := range strings.Lines(run) {
				if strings.HasPrefix(line, "disks took") || strings.HasPrefix(line, "engine failed") {
					fmt.Printf("disks stage, %d requests a second, %-12s %s", iops, n, line)
				}
			}
		}
	}
	return nil
}
