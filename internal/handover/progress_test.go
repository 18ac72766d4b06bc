// SPDX-License-Identifier: Apache-2.0

package handover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/types"
)

// Progress is what it was after it was read back, and it is written once when the machine is touched.
func TestProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "progress")
	p, err := LoadProgress(path)
	if err != nil || !cmp.Equal(p, Progress{}) {
		t.Fatalf("before the first stage: %+v, %v", p, err)
	}
	p.Source, p.Sealed = "qemu", &Sealed{Provisioned: "2026-01-01T00:00:00Z", BootID: "b"}
	p.Add("disks", time.Second, 1<<20)
	if err := p.Touch(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadProgress(path)
	if err != nil || !cmp.Equal(p, got) || !got.Touched {
		t.Errorf("%v: %s", err, cmp.Diff(p, got))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := p.Touch(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("touched twice, it is written twice (%v)", err)
	}
}

// A file is replaced whole, with the mode that is asked for whatever the old one had, and nothing is left beside it.
func TestWriteFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "file")
	for i, mode := range []os.FileMode{0o644, 0o600} {
		if err := WriteFile(path, fmt.Append(nil, i), mode, 0o700); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		info, err2 := os.Stat(path)
		if err != nil || err2 != nil || string(text) != fmt.Sprint(i) || info.Mode().Perm() != mode {
			t.Errorf("%q, %v, %v, %v", text, info.Mode(), err, err2)
		}
	}
	entries, err := os.ReadDir(dir)
	info, err2 := os.Stat(dir)
	if err != nil || err2 != nil || len(entries) != 1 || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v and %v (%v, %v)", info.Mode(), entries, err, err2)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "taken"), nil, 0o600, 0o700); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if _, err := os.Stat(filepath.Join(dir, "taken.new")); !os.IsNotExist(err) {
		t.Errorf("a file that did not get its name is left (%v)", err)
	}
}

// Steps that run at the same time lose nothing of each other.
func TestKeepAtOnce(t *testing.T) {
	s := &State{}
	var wait sync.WaitGroup
	const n = 50
	for i := range n {
		wait.Go(func() {
			s.KeepKey(fmt.Sprint(i), []byte("k"))
			s.KeepDirectories([]string{fmt.Sprint("/", i)})
			s.KeepVolumeKeyFiles(map[string][]byte{fmt.Sprint("/f", i): nil})
			s.Facts()
			s.Payloads()
		})
	}
	wait.Wait()
	f := s.Facts()
	if len(f.Keys) != n || len(f.HomeParts) != n || len(f.VolumeKeyFiles) != n || len(s.Payloads()) != 2*n {
		t.Errorf("kept are %d keys, %d directories, %d files", len(f.Keys), len(f.HomeParts), len(f.VolumeKeyFiles))
	}
}

// Warnings are counted once each, however many stages repeat them, and stand behind what was made.
func TestWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress")
	p := Progress{Source: "qemu"}
	for _, want := range []string{"1 unit; ", "1 unit, 1 warning; ", "1 unit, 2 warnings; ", "1 unit, 2 warnings; "} {
		p.Count(types.Config{Systemd: types.Systemd{Units: make([]types.Unit, 1)}})
		if got := p.Summary(); !strings.Contains(got, want) {
			t.Errorf("%d warnings: %s", len(p.Warnings), got)
		}
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
		var err error
		if p, err = LoadProgress(path); err != nil {
			t.Fatal(err)
		}
		p.Warn("a")
		if want != "1 unit; " {
			p.Warn("b")
		}
	}
}
