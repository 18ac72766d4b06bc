// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDisks runs all scenarios of disks in one running guest.
func TestDisks(t *testing.T) {
	t.Parallel()
	guest := needGuest(t)
	dirs, err := filepath.Glob("disks/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	if one := os.Getenv("FIRSTLIGHT_SCENARIO"); one != "" {
		dirs = slices.DeleteFunc(dirs, func(d string) bool { return filepath.Base(d) != one })
	}
	disks := append(slices.Repeat([]string{"512M"}, 6), "64M", "64M 4096")
	lab, stop, err := NewLab(guest, t.TempDir(), disks)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	said, err := lab.Live(dirs)
	if err != nil {
		t.Error(err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { checkRuns(t, dir, said[filepath.Base(dir)]) })
	}
}

// checkRuns compares the guest's report on the runs of a scenario.
func checkRuns(t *testing.T, dir string, runs []string) {
	if len(runs) == 0 {
		t.Fatal("the guest said nothing of it")
	}
	s := Case{Dir: dir}
	expect := s.read("expect")
	if !slices.Contains(expect, "engine failed") {
		expect = append(expect, "engine passed")
	}
	for file, line := range map[string]string{"untouched": "untouched yes", "after": "after passed"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			expect = append(expect, line)
		}
	}
	for i, said := range runs {
		if wrong := Compare(expect, said); len(wrong) > 0 {
			t.Errorf("run %d:\n%s\nthe guest said:\n%s", i+1, strings.Join(wrong, "\n"), said)
		}
	}
}
