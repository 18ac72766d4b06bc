// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/op"
)

func write(t *testing.T, dir *os.Root) {
	t.Helper()
	j, err := Create(dir, "j", Header{Engine: "1", Config: "abc", Plan: op.Plan{Part: "files"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		s   State
		ids []op.StepID
	}{{Begun, []op.StepID{"a", "b", "c"}}, {Done, []op.StepID{"a", "b"}}, {Failed, []op.StepID{"c"}}} {
		var entries []Entry
		for i, id := range m.ids {
			entries = append(entries, Entry{id, []string{"one", "two"}[i%2]})
		}
		if err := j.Record(m.s, entries); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTruncated cuts the file at every byte: what can be read is a prefix of what was written.
func TestTruncated(t *testing.T) {
	path := t.TempDir()
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	write(t, dir)
	whole, err := os.ReadFile(filepath.Join(path, "j"))
	if err != nil {
		t.Fatal(err)
	}
	rank := map[State]int{"": 0, Begun: 1, Done: 2, Failed: 2}
	best := 0
	for n := range len(whole) + 1 {
		if err := os.WriteFile(filepath.Join(path, "j"), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(dir, "j")
		if err != nil {
			if !errors.Is(err, ErrEmpty) || best > 0 {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		if j.Header().Config != "abc" {
			t.Fatalf("cut at %d: header is lost", n)
		}
		sum := 0
		for _, id := range []op.StepID{"a", "b", "c"} {
			state, on := j.State(id)
			if sum += rank[state]; state != "" && on == "" {
				t.Fatalf("cut at %d: the filesystem of a record is lost", n)
			}
		}
		if sum < best {
			t.Fatalf("cut at %d: a longer journal says less", n)
		}
		best = sum
		if err := j.Record(Done, []Entry{{"z", ""}}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(dir, "j")
		if err != nil {
			t.Fatalf("cut at %d: cannot go on: %v", n, err)
		}
		if state, _ := again.State("z"); state != Done {
			t.Fatalf("cut at %d: the record after it is lost", n)
		}
		again.Close()
	}
	if best != 6 {
		t.Fatalf("the whole journal says %d", best)
	}
}

// TestDamaged flips a byte in every line but the last: the journal is refused.
func TestDamaged(t *testing.T) {
	path := t.TempDir()
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	write(t, dir)
	name := filepath.Join(path, "j")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	last := len(whole) - 1
	for last > 0 && whole[last-1] != '\n' {
		last--
	}
	for i := range last - 1 { // without the last line but one's newline: that looks like a torn tail
		bad := append([]byte(nil), whole...)
		bad[i] ^= 1
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := Open(dir, "j"); !errors.Is(err, ErrDamaged) {
			if err == nil {
				j.Close()
			}
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, "j"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		dir, err := os.OpenRoot(path)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		if j, err := Open(dir, "j"); err == nil {
			j.Close()
		}
	})
}

// TestHostile: nothing but a regular file of bounded size is read as a journal or overwritten by one: a FIFO would never end, and a
// link may lead to another file of the root.
func TestHostile(t *testing.T) {
	for what, put := range map[string]func(name string) error{
		"a FIFO":       func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"a directory":  func(name string) error { return os.Mkdir(name, 0o700) },
		"a link":       func(name string) error { return os.Symlink("own", name) },
		"a large file": func(name string) error { return errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 1<<40)) },
	} {
		at := t.TempDir()
		dir, err := os.OpenRoot(at)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		if err := errors.Join(os.WriteFile(at+"/own", []byte("text"), 0o600), put(at+"/j"), put(at+"/new.new")); err != nil {
			t.Fatal(what, err)
		}
		if _, err := Open(dir, "j"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is read: %v", what, err)
		}
		j, err := Create(dir, "new", Header{})
		if (err != nil) != (what == "a directory") {
			t.Errorf("over %s: %v", what, err)
		}
		if err == nil {
			j.Close()
		}
		if text, err := os.ReadFile(at + "/own"); err != nil || string(text) != "text" {
			t.Errorf("%s: the other file is %q, %v", what, text, err)
		}
	}
}
