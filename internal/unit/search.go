// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// ConfigDir is where the administrator's units and all links of enablement are.
const ConfigDir = "/etc/systemd/system"

// SearchPath lists the directories of unit files, the highest priority first (systemd.unit(5)).
func SearchPath() []string {
	return []string{
		ConfigDir, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
	}
}

// maxFile is the longest unit file that is read, in bytes.
const maxFile = 1 << 20

// Tree is the target as far as unit files are concerned; *rootfs.Root is one. Paths that do not exist give
// errors that wrap fs.ErrNotExist.
type Tree interface {
	Resolve(path string) (string, error)
	Follow(path string) (string, error)
	Readlink(path string) (string, error)
	ReadFile(path string, limit int64) ([]byte, error)
	ReadDir(path string) ([]string, error)
}

// ErrNotFound is wrapped by the error for a unit that does not exist, ErrMasked for one that must not start.
var (
	ErrNotFound = errors.New("the unit does not exist")
	ErrMasked   = errors.New("the unit is masked")
)

// A File is the unit file that a name leads to.
type File struct {
	Name    Name   // the name after following aliases
	Path    string // in the target; what a link of enablement has to name
	Alias   bool   // the name asked for was another name of the unit
	Install Install
	Broken  error // why systemd refuses to load it; its Install is what comes before that
}

// Find looks for the file of a unit, as systemctl(1) does: in the search path, under the name itself or the
// template's, and through links that give a unit another name.
func Find(t Tree, name string) (File, error) {
	n := SplitName(name)
	if !n.valid() {
		return File{}, fmt.Errorf("%s: %w: it is not the name of a unit", name, ErrNotFound)
	}
	for range 16 { // aliases of aliases
		f, alias, err := find(t, n)
		if err != nil {
			return File{}, fmt.Errorf("%s: %w", name, err)
		}
		if alias == "" {
			f.Alias = n.String() != name
			return f, nil
		}
		n = SplitName(alias)
	}
	return File{}, fmt.Errorf("%s: %w: its aliases lead in a circle", name, ErrNotFound)
}

func find(t Tree, n Name) (f File, alias string, err error) {
	names := []string{n.String()}
	if n.IsInstance() {
		names = append(names, n.Template().String())
	}
	for _, name := range names {
		for _, dir := range SearchPath() {
			place, text, alias, err := look(t, dir, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return File{}, "", err
			}
			if a := SplitName(alias); alias != "" {
				if n.IsInstance() && a.IsTemplate() {
					a = a.With(n.Instance)
				}
				if a != n {
					return File{}, a.String(), nil
				}
			}
			if text == "" {
				return File{}, "", ErrMasked
			}
			install, err := readInstall(t, n, place, text)
			return File{Name: n, Path: place, Install: install, Broken: err}, "", nil
		}
	}
	return File{}, "", ErrNotFound
}

// look looks at one place of the search path. It returns where the unit file is and its text, and the other name
// that it goes by if a link there is an alias. An empty text is a masked unit.
func look(t Tree, dir, name string) (place, text, alias string, err error) {
	entry, err := t.Resolve(path.Join(dir, name))
	if err != nil {
		return "", "", "", err
	}
	place = path.Join(dir, name)
	target, err := t.Readlink(entry)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", "", err
	} else if err == nil {
		if entry, err = t.Follow(entry); err != nil {
			return "", "", "", err
		}
		place = entry
		if path.Clean(target) == "/dev/null" || entry == "/dev/null" {
			return place, "", "", nil
		}
		if base := path.Base(entry); base != name && inSearchPath(t, path.Dir(entry)) && SplitName(base).valid() {
			alias = base
		}
	}
	data, err := t.ReadFile(entry, maxFile)
	return place, string(data), alias, err
}

// inSearchPath tells whether a resolved directory is one of the search path.
func inSearchPath(t Tree, dir string) bool {
	return slices.ContainsFunc(SearchPath(), func(d string) bool {
		resolved, err := t.Follow(d)
		return err == nil && resolved == dir
	})
}

// Names returns all names of units in the target, sorted, for suggestions.
func Names(t Tree) []string {
	var all []string
	for _, dir := range SearchPath() {
		dir, err := t.Follow(dir)
		if err != nil {
			continue
		}
		entries, _ := t.ReadDir(dir)
		for _, e := range entries {
			if SplitName(e).valid() {
				all = append(all, e)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Extended tells whether the target has system extensions (systemd-sysext(8)), whose units cannot be seen before
// they are merged.
func Extended(t Tree) bool {
	for _, dir := range []string{"/etc/extensions", "/var/lib/extensions", "/usr/lib/extensions", "/usr/local/lib/extensions"} {
		resolved, err := t.Follow(dir)
		if err != nil {
			continue
		}
		if names, _ := t.ReadDir(resolved); len(names) > 0 {
			return true
		}
	}
	return false
}

// A dropin is one drop-in of a unit: its path in the target and its text.
type dropin struct{ place, text string }

// dropins returns a unit's drop-ins in the order in which they apply (systemd.unit(5)).
func dropins(t Tree, n Name) []dropin {
	found := map[string]dropin{} // by file name; the first directory wins
	names := []string{n.String()}
	if n.IsInstance() {
		names = append(names, n.Template().String())
	}
	for _, name := range names {
		for _, dir := range SearchPath() {
			dir, err := t.Follow(path.Join(dir, name+".d"))
			if err != nil {
				continue
			}
			files, _ := t.ReadDir(dir)
			for _, f := range files {
				if _, seen := found[f]; seen || !strings.HasSuffix(f, ".conf") {
					continue
				}
				d := dropin{place: path.Join(dir, f)}
				if place, err := t.Follow(d.place); err == nil {
					data, _ := t.ReadFile(place, maxFile)
					d.text = string(data)
				}
				found[f] = d
			}
		}
	}
	sorted := make([]dropin, 0, len(found))
	for _, f := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[f])
	}
	return sorted
}
