// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// memory is a tree in memory that counts what it is asked for. Texts that begin with "-> " are links.
type memory struct {
	files map[string]string
	dirs  map[string][]string
	steps int // questions, and names listed
}

func newMemory() *memory { return &memory{files: map[string]string{}, dirs: map[string][]string{}} }

func (m *memory) put(name, text string) {
	m.files[name] = text
	for name != "/" {
		dir, base := path.Dir(name), path.Base(name)
		if _, known := m.dirs[dir]; known && slices.Contains(m.dirs[dir][max(0, len(m.dirs[dir])-2):], base) {
			return
		}
		m.dirs[dir] = append(m.dirs[dir], base)
		name = dir
	}
}

func (m *memory) Resolve(name string) (string, error) { m.steps++; return name, nil }

func (m *memory) Follow(name string) (string, error) {
	m.steps++
	for target, link := strings.CutPrefix(m.files[name], "-> "); link; target, link = strings.CutPrefix(m.files[name], "-> ") {
		name = target
	}
	return name, nil
}

func (m *memory) Readlink(name string) (string, error) {
	m.steps++
	text, exists := m.files[name]
	if !exists {
		return "", fs.ErrNotExist
	}
	if target, link := strings.CutPrefix(text, "-> "); link {
		return target, nil
	}
	return "", syscall.EINVAL
}

func (m *memory) ReadFile(name string, _ int64) ([]byte, error) {
	m.steps++
	if text, exists := m.files[name]; exists {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) ReadDir(name string) ([]string, error) {
	m.steps += 1 + len(m.dirs[name])
	return m.dirs[name], nil
}

// sizes are trees and configs that grow in one way each; run does what a boot does with n units.
var sizes = []struct {
	name string
	run  func(t testing.TB, n int) (steps int)
}{
	{"units with drop-ins", func(t testing.TB, n int) int {
		m := newMemory()
		for i := range n {
			m.put(fmt.Sprintf("%s/u%d.service", ConfigDir, i), "[Install]\nWantedBy=multi-user.target\n")
		}
		for i := range n {
			m.put(fmt.Sprintf("%s/u%d.service.d/1.conf", ConfigDir, i), "[Service]\nEnvironment=A=b\n")
		}
		return preset(t, m, n, true)
	}},
	{"a chain of Also=", func(t testing.TB, n int) int {
		m := newMemory()
		for i := range n {
			m.put(fmt.Sprintf("/usr/lib/systemd/system/u%d.service", i), fmt.Sprintf("[Install]\nWantedBy=a.target\nAlso=u%d.service\n", i+1))
		}
		return preset(t, m, n, true)
	}},
	{"disabled units among those of the target", func(t testing.TB, n int) int {
		m := newMemory()
		for i := range n {
			m.put(fmt.Sprintf("/usr/lib/systemd/system/u%d.service", i), "[Install]\nWantedBy=a.target\n")
		}
		for i := range n {
			m.put(fmt.Sprintf("%s/a.target.wants/u%d.service", ConfigDir, i), fmt.Sprintf("-> /usr/lib/systemd/system/u%d.service", i))
		}
		return preset(t, m, n, false)
	}},
	{"instances", func(t testing.TB, n int) int {
		m := newMemory()
		for i := range n {
			m.put(fmt.Sprintf("/usr/lib/systemd/system/u%d@.service", i), "[Install]\nWantedBy=a.target\n")
		}
		var presets []Preset
		units := Read(m)
		for i := range n {
			name := fmt.Sprintf("u%d@x.service", i)
			presets = append(presets, Preset{name, true})
			if e, err := units.Enable(name); err != nil || len(e.Links) != 1 {
				t.Fatalf("%s: %v, %v", name, e.Links, err)
			}
		}
		PresetLines(presets)
		return m.steps
	}},
}

// preset enables or disables n units, each of which has one link.
func preset(t testing.TB, m *memory, n int, on bool) int {
	units, links := Read(m), 0
	var presets []Preset
	for i := range n {
		name := fmt.Sprintf("u%d.service", i)
		presets = append(presets, Preset{name, on})
		if on {
			e, err := units.Enable(name)
			if err != nil {
				t.Fatal(err)
			}
			links += len(e.Links)
			continue
		}
		if enabled, err := units.Enabled(name); err != nil || !enabled {
			t.Fatalf("%s is enabled: %v, %v", name, enabled, err)
		}
		removed, err := units.Disable(name)
		if err != nil {
			t.Fatal(err)
		}
		links += len(removed)
	}
	if links != n || len(PresetLines(presets)) != n {
		t.Fatalf("%d links of %d", links, n)
	}
	return m.steps
}

// TestGrowth: four times the units take four times the questions to the tree, and about four times the memory.
func TestGrowth(t *testing.T) {
	for _, s := range sizes {
		const n = 1000
		one, four := s.run(t, n), s.run(t, 4*n)
		memory := func(n int) float64 { return testing.AllocsPerRun(1, func() { s.run(t, n) }) }
		oneAllocs, fourAllocs := memory(n), memory(4*n)
		t.Logf("%-42s %d units: %d steps, %.0f allocations; %d units: %d steps, %.0f allocations", s.name, n, one, oneAllocs, 4*n, four, fourAllocs)
		if four > 4*one+100 || fourAllocs > 5*oneAllocs {
			t.Errorf("%s: %d steps and %.0f allocations became %d and %.0f", s.name, one, oneAllocs, four, fourAllocs)
		}
	}
}

func BenchmarkUnits(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name+" 10000", func(b *testing.B) {
			for b.Loop() {
				s.run(b, 10000)
			}
		})
	}
}
