// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
)

// long selects the cases and sequences that are marked as long: "" none of them, "only" nothing else, "all" these, too.
var long = flag.String("long", "", `guests that are marked as long: "", "only" or "all"`)

// selected reports whether a guest is to be booted.
func selected(marked bool) bool { return *long == "all" || marked == (*long == "only") }

// TestCases boots every case.
func TestCases(t *testing.T) {
	t.Parallel()
	guest := needGuest(t)
	dirs, err := filepath.Glob("cases/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		c, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !selected(c.Long) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			runCase(t, guest, c)
		})
	}
}

// needGuest returns the guest, or skips the test with the reason why none can run here.
func needGuest(t *testing.T) Guest { t.Helper(); return needGuestWith(t, Extra{}) }

// needGuestWith does the same for a guest with additions.
func needGuestWith(t *testing.T, extra Extra) Guest {
	t.Helper()
	if why := Unable(); why != "" {
		t.Skip(why)
	}
	guest, err := Prepare(os.Stderr, extra)
	if err != nil {
		t.Fatal(err)
	}
	return guest
}

func runCase(t *testing.T, guest Guest, c Case) {
	stop, err := c.Serve(t.TempDir())
	if errors.Is(err, errNoMock) && os.Getenv("FIRSTLIGHT_TEST_SERVERS") == "" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer stop()
	m := c.Machine(guest, t.TempDir())
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	boot, err := c.Boot(m, "expect")
	if err != nil {
		t.Fatal(err)
	}
	if c.Fails {
		failing(t, m, c, boot)
		return
	}
	boot.Files = packTool(t, m.Dir, guest)
	change, err := os.ReadFile(filepath.Join(c.Dir, "change"))
	if err == nil {
		boot.Script += "\n" + string(change)
	}
	succeeding(t, m, c, boot, "expect")
	if err != nil {
		return
	}
	if boot, err = c.Boot(m, "expect.2"); err != nil {
		t.Fatal(err)
	}
	succeeding(t, m, c, boot, "expect.2")
}

// succeeding boots the machine and compares its report.
func succeeding(t *testing.T, m *Machine, c Case, boot Boot, expect string) {
	t.Helper()
	r, err := m.Start(boot)
	if err != nil {
		t.Fatal(err)
	}
	plugLate(t, m, r, boot.Files != "")
	said, err := r.Wait()
	if err != nil {
		t.Fatalf("%v; the console ends with\n%s", err, tail(r.Console(), 60))
	}
	wrong := Compare(c.read(expect), said)
	if len(wrong) > 0 {
		t.Errorf("%s:\n%s\nthe guest said:\n%s", expect, strings.Join(wrong, "\n"), said)
	}
	if expect == "expect" {
		checkConsole(t, c, r.Console())
		checkPlan(t, said, boot.Files != "")
	}
	checkMarks(t, m)
}

// checkMarks looks for marks that the disks stage leaves for a boot after a power cut. A finished machine has none.
func checkMarks(t *testing.T, m *Machine) {
	t.Helper()
	for i := range m.Disks {
		f, err := os.Open(m.Disk(i))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		found, err := gpt.Read(f, info.Size(), 512)
		if err != nil && !errors.Is(err, gpt.ErrNone) {
			t.Errorf("disk %d: %v", i, err)
		}
		if len(found.Findings) > 0 || found.Mark != nil {
			t.Errorf("disk %d: a mark %v, findings %v", i, found.Mark, found.Findings)
		}
	}
}

// plugLate plugs late disks in after the fourth message that the machine is waiting, which is after 20 seconds.
func plugLate(t *testing.T, m *Machine, r *Running, files bool) {
	t.Helper()
	if m.Late == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	if !r.AwaitCount(ctx, "waiting for", 4) {
		r.Kill()
		t.Fatalf("the machine did not wait for its disk; the console ends with\n%s", tail(r.Console(), 60))
	}
	for i := len(m.Disks) - m.Late; i < len(m.Disks); i++ {
		if err := m.Plug(i); err != nil {
			t.Fatal(err)
		}
	}
	if files {
		if err := m.PlugFiles(); err != nil {
			t.Fatal(err)
		}
	}
	m.Late = 0 // later boots have them from the start
}

// blockEnd is the end of firstlight's failure block.
const blockEnd = "------------------------------------------------------------------------"

// failing boots a machine whose boot must fail.
func failing(t *testing.T, m *Machine, c Case, boot Boot) {
	t.Helper()
	r, err := m.Start(boot)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	// The engine prints it when it stops, and the emergency console again after all other messages.
	rules := 4
	if c.Mute {
		rules = 2
	}
	if !r.AwaitCount(ctx, blockEnd, rules) {
		r.Kill()
		t.Fatalf("the boot did not end with a report of its failure; the console ends with\n%s", tail(r.Console(), 60))
	}
	r.Kill()
	checkConsole(t, c, r.Console())
	if end := strings.TrimSpace(r.Console()); !strings.HasSuffix(end, blockEnd) {
		t.Errorf("the console does not end with the report but with\n%s", tail(end, 20))
	}
	for i := range m.Disks {
		if at, blank := isBlank(t, m.Disk(i)); !blank {
			t.Errorf("disk %d was written to, at byte %d", i, at)
		}
	}
}

func checkConsole(t *testing.T, c Case, console string) {
	t.Helper()
	for _, l := range c.read("console") {
		pattern, not := strings.CutPrefix(l, "!")
		if regexp.MustCompile(pattern).MatchString(console) == not {
			t.Errorf("the console is to match %q; it ends with\n%s", l, tail(console, 40))
		}
	}
	for _, s := range c.Secrets {
		if strings.Contains(console, s) {
			t.Errorf("the console shows the secret %q", s)
		}
	}
}

// isBlank reports whether a file has only zeros, and else the offset of the first other byte.
func isBlank(t *testing.T, name string) (int64, bool) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buffer := make([]byte, 1<<20)
	for at := int64(0); ; {
		n, err := f.Read(buffer)
		for i, b := range buffer[:n] {
			if b != 0 {
				return at + int64(i), false
			}
		}
		at += int64(n)
		if err == io.EOF {
			return 0, true
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
