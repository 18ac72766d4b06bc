// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"errors"
	"path"
	"slices"
)

// links are the symbolic links in the search path and in its .wants, .requires and .upholds: by name, by the name of their
// target, and those in these directories by template.
type links struct {
	named, to, of map[string][]*link
	paths         map[string]bool
}

type link struct {
	Link
	config bool // in ConfigDir or below it
	below  bool // in a .wants, .requires or .upholds
	gone   bool
}

// enablement returns the links, read at the first use.
func (u *Units) enablement() *links {
	if u.links == nil {
		u.links = &links{
			named: map[string][]*link{}, to: map[string][]*link{}, of: map[string][]*link{}, paths: map[string]bool{},
		}
		for _, dir := range SearchPath() {
			u.readLinks(dir)
		}
		for _, l := range u.asked {
			u.links.add(l)
		}
	}
	return u.links
}

func (u *Units) readLinks(dir string) {
	d := u.dir(dir)
	if d == nil {
		return
	}
	for name := range d.names {
		p := path.Join(dir, name)
		if target, err := u.tree.Readlink(path.Join(d.path, name)); err == nil {
			u.links.add(Link{p, target})
			continue
		}
		if ext := path.Ext(name); ext != ".wants" && ext != ".requires" && ext != ".upholds" {
			continue
		}
		below, _ := u.tree.ReadDir(path.Join(d.path, name))
		for _, b := range below {
			if target, err := u.tree.Readlink(path.Join(d.path, name, b)); err == nil {
				u.links.add(Link{path.Join(p, b), target})
			}
		}
	}
}

func (s *links) add(l Link) {
	if s.paths[l.Path] {
		return
	}
	s.paths[l.Path] = true
	dir, base := path.Dir(l.Path), path.Base(l.Path)
	entry := &link{Link: l, below: !slices.Contains(SearchPath(), dir)}
	entry.config = dir == ConfigDir || path.Dir(dir) == ConfigDir
	s.named[base] = append(s.named[base], entry)
	if target := path.Base(l.Target); target != base {
		s.to[target] = append(s.to[target], entry)
	}
	if n := SplitName(base); n.At && entry.below {
		template := n.Template().String()
		s.of[template] = append(s.of[template], entry)
	}
}

// make records a link that Enable asked for.
func (u *Units) make(l Link) {
	if u.asked = append(u.asked, l); u.links != nil {
		u.links.add(l)
	}
	if path.Dir(l.Path) != ConfigDir {
		return
	}
	if !u.once && (!u.dir(ConfigDir).has(path.Base(l.Path)) || u.removed[l.Path]) {
		u.made[l.Path] = l.Target
		u.forget(path.Base(l.Path))
	}
}

// forget drops everything known about a name.
func (u *Units) forget(name string) {
	if SplitName(name).IsTemplate() {
		clear(u.files)
	}
	delete(u.files, name)
}

// Enabled reports whether systemctl is-enabled would succeed: the unit is linked into the configuration, or it
// needs no link.
func Enabled(t Tree, name string) (bool, error) { return Read(t).Enabled(name) }

// Enabled is the function Enabled on a view.
func (u *Units) Enabled(name string) (bool, error) {
	f, err := u.Find(name)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrMasked) || err == nil && f.Broken != nil {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if f.Alias && !f.Name.IsInstance() || len(f.Install.WantedBy)+len(f.Install.RequiredBy)+len(f.Install.UpheldBy)+len(f.Install.Alias) == 0 {
		return true, nil // "alias", "static", "indirect"
	}
	all, n := u.enablement(), f.Name.String()
	below := func(l *link) bool { return l.below && !l.gone }
	alias := func(l *link) bool { return !l.below && !l.gone }
	return slices.ContainsFunc(all.named[n], below) || slices.ContainsFunc(all.to[n], alias) ||
		f.Name.IsTemplate() && slices.ContainsFunc(all.of[n], below), nil
}

// Disable returns the links that disabling a unit removes from the configuration: those with its name and those that lead to it.
// The same goes for the units in its Also= and for the names of the removed links.
func Disable(t Tree, name string) ([]string, error) { return Read(t).Disable(name) }

// Disable is the function Disable on a view. It removes from the view the links that it returns.
func (u *Units) Disable(name string) ([]string, error) {
	gone := map[string]bool{}
	var names []string
	add := func(name string) {
		if !gone[name] {
			gone[name] = true
			names = append(names, name)
		}
	}
	seen := map[string]bool{}
	for todo := []string{name}; len(todo) > 0; {
		name := todo[0]
		if todo = todo[1:]; seen[name] {
			continue
		}
		seen[name] = true
		f, err := u.Find(name)
		switch {
		case errors.Is(err, ErrMasked):
			continue
		case errors.Is(err, ErrNotFound) || err == nil && f.Broken != nil:
			add(name) // links to it may be left
			continue
		case err != nil:
			return nil, err
		}
		add(f.Name.String())
		if f.Name.IsTemplate() && f.Install.DefaultInstance != "" {
			add(f.Name.With(f.Install.DefaultInstance).String())
		}
		todo = append(todo, f.Install.Also...)
	}
	all := u.enablement()
	var removed []string
	for i := 0; i < len(names); i++ { // it grows meanwhile
		for _, l := range slices.Concat(all.named[names[i]], all.to[names[i]]) {
			if !l.config || l.gone || l.Target == "/dev/null" {
				continue
			}
			l.gone = true
			delete(all.paths, l.Path)
			removed = append(removed, l.Path)
			add(path.Base(l.Path))
			u.unmake(l)
		}
	}
	for _, name := range names {
		delete(u.enabled, name)
	}
	slices.Sort(removed)
	return removed, nil
}

// unmake records a link that Disable asked to remove.
func (u *Units) unmake(l *link) {
	if l.below {
		return
	}
	delete(u.made, l.Path)
	u.removed[l.Path] = true
	u.forget(path.Base(l.Path))
}
