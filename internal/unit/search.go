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

// ConfigDir is the directory of the administrator's units and of all links of enablement.
const ConfigDir = "/etc/systemd/system"

var searchPath = []string{
	ConfigDir, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
}

// SearchPath lists the directories of unit files, the highest priority first (systemd.unit(5)). The caller must not change it.
func SearchPath() []string { return searchPath }

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
	Path    string // in the target; the target of a link of enablement
	Alias   bool   // the name asked for was another name of the unit
	Install Install
	Broken  error // why systemd refuses to load it; its Install is what comes before that
}

// Units is a view of a tree's units for many questions: it reads each file and directory once. It knows the links that its own
// Enable and Disable asked for, but no other changes made after it was created.
type Units struct {
	tree    Tree
	dirs    map[string]*directory // of the search path
	files   map[string]answer     // by the name asked for
	links   *links
	enabled map[string]bool   // units that Enable has dealt with
	asked   []Link            // by Enable
	made    map[string]string // target of those that are directly in ConfigDir
	removed map[string]bool   // by Disable, directly in ConfigDir
	once    bool              // directories are not listed
}

type directory struct {
	path  string          // resolved
	names map[string]bool // of its entries; nil: not listed
}

func (d *directory) has(name string) bool { return d != nil && (d.names == nil || d.names[name]) }

type answer struct {
	file File
	err  error
}

// Read returns a view of the units in a tree.
func Read(t Tree) *Units {
	return &Units{
		tree: t, dirs: map[string]*directory{}, files: map[string]answer{}, enabled: map[string]bool{},
		made: map[string]string{}, removed: map[string]bool{},
	}
}

// once returns a view for one question, for which listing directories does not pay off.
func once(t Tree) *Units {
	u := Read(t)
	u.once = true
	return u
}

// dir returns a directory of the search path, nil if there is none.
func (u *Units) dir(dir string) *directory {
	if d, known := u.dirs[dir]; known {
		return d
	}
	u.dirs[dir] = nil
	if resolved, err := u.tree.Follow(dir); err == nil {
		u.dirs[dir] = &directory{path: resolved}
		if !u.once {
			u.dirs[dir].list(u.tree)
		}
	}
	return u.dirs[dir]
}

func (d *directory) list(t Tree) {
	d.names = map[string]bool{}
	names, _ := t.ReadDir(d.path)
	for _, n := range names {
		d.names[n] = true
	}
}

// Find looks for the file of a unit, as systemctl(1) does: in the search path, under the name itself or the
// template's, and through links that give a unit another name.
func Find(t Tree, name string) (File, error) { return once(t).Find(name) }

// Find is the function Find on a view.
func (u *Units) Find(name string) (File, error) {
	if a, known := u.files[name]; known {
		return a.file, a.err
	}
	f, err := u.follow(name)
	u.files[name] = answer{f, err}
	return f, err
}

func (u *Units) follow(name string) (File, error) {
	n := SplitName(name)
	if !n.valid() {
		return File{}, fmt.Errorf("%s: %w: it is not the name of a unit", name, ErrNotFound)
	}
	for range 16 { // aliases of aliases
		f, alias, err := u.find(n)
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

func (u *Units) find(n Name) (f File, alias string, err error) {
	names := []string{n.String()}
	if n.IsInstance() {
		names = append(names, n.Template().String())
	}
	for _, name := range names {
		for _, dir := range SearchPath() {
			place, text, alias, err := u.look(dir, name)
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
			install, err := u.readInstall(n, place, text)
			return File{Name: n, Path: place, Install: install, Broken: err}, "", nil
		}
	}
	return File{}, "", ErrNotFound
}

// look looks at one place of the search path. It returns the path and text of the unit file, and the other name of the unit if a
// link there is an alias. An empty text means that the unit is masked.
func (u *Units) look(dir, name string) (place, text, alias string, err error) {
	place = path.Join(dir, name)
	d := u.dir(dir)
	target, made := u.made[place]
	if !made && (!d.has(name) || u.removed[place]) {
		return "", "", "", fs.ErrNotExist
	}
	entry := target
	if !made {
		entry = path.Join(d.path, name)
		target, err = u.tree.Readlink(entry)
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", "", err
		}
	}
	if err == nil { // a link
		if entry, err = u.tree.Follow(entry); err != nil {
			return "", "", "", err
		}
		place = entry
		if path.Clean(target) == "/dev/null" || entry == "/dev/null" {
			return place, "", "", nil
		}
		if base := path.Base(entry); base != name && u.inSearchPath(path.Dir(entry)) && SplitName(base).valid() {
			alias = base
		}
	}
	data, err := u.tree.ReadFile(entry, maxFile)
	return place, string(data), alias, err
}

// inSearchPath reports whether a resolved directory is one of the search path.
func (u *Units) inSearchPath(dir string) bool {
	return slices.ContainsFunc(SearchPath(), func(p string) bool {
		d := u.dir(p)
		return d != nil && d.path == dir
	})
}

// Names returns all names of units in the target, sorted, for suggestions.
func Names(t Tree) []string { return Read(t).Names() }

// Names is the function Names on a view.
func (u *Units) Names() []string {
	all := map[string]bool{}
	for _, dir := range SearchPath() {
		if d := u.dir(dir); d != nil {
			for name := range d.names {
				if SplitName(name).valid() {
					all[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Extended reports whether the target has system extensions (systemd-sysext(8)), whose units are visible only after they are
// merged.
func Extended(t Tree) bool {
	for _, dir := range extensionDirs {
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
func (u *Units) dropins(n Name) []dropin {
	found := map[string]dropin{} // by file name; the first directory wins
	names := []string{n.String()}
	if n.IsInstance() {
		names = append(names, n.Template().String())
	}
	for _, name := range names {
		for _, dir := range SearchPath() {
			if d := u.dir(dir); d.has(name + ".d") {
				u.addDropins(path.Join(d.path, name+".d"), found)
			}
		}
	}
	sorted := make([]dropin, 0, len(found))
	for _, f := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[f])
	}
	return sorted
}

func (u *Units) addDropins(dir string, found map[string]dropin) {
	dir, err := u.tree.Follow(dir)
	if err != nil {
		return
	}
	files, _ := u.tree.ReadDir(dir)
	for _, f := range files {
		if _, seen := found[f]; seen || !strings.HasSuffix(f, ".conf") {
			continue
		}
		d := dropin{place: path.Join(dir, f)}
		if place, err := u.tree.Follow(d.place); err == nil {
			data, _ := u.tree.ReadFile(place, maxFile)
			d.text = string(data)
		}
		found[f] = d
	}
}
