// SPDX-License-Identifier: Apache-2.0

// Package unit computes how enabling and disabling systemd units changes the tree: the links that systemctl(1) --root would make
// or remove, and the lines of presets (systemd.preset(5)).
//
// It reads through an interface and changes nothing. It does not talk to systemd, and refuses what only a running system can
// know. The invariant: the same tree gives the same links, in the same order.
package unit

import (
	"fmt"
	"path"
	"strings"
)

// A Link is a symbolic link of enablement.
type Link struct{ Path, Target string }

// Enablement is the result of enabling a unit.
type Enablement struct {
	Links    []Link   // in the order in which systemctl makes them
	Warnings []string // settings that were left out, and why
}

// Enable returns the links that enabling a unit makes, those of the units in its Also= included.
func Enable(t Tree, name string) (Enablement, error) { return once(t).Enable(name) }

// Enable is the function Enable on a view. Links that an earlier call returned count as made and are not returned again.
func (u *Units) Enable(name string) (Enablement, error) {
	var e Enablement
	todo := []string{name}
	for first := true; len(todo) > 0; first = false {
		name := todo[0]
		todo = todo[1:]
		if u.enabled[name] {
			continue
		}
		f, err := u.Find(name)
		if err != nil && first {
			return e, err
		} else if err != nil {
			e.Warnings = append(e.Warnings, "enable "+err.Error())
			continue
		}
		u.enabled[name] = true
		if f.Broken != nil {
			e.warn(f.Name, "systemd cannot load it, so it is not enabled: "+f.Broken.Error())
			continue
		}
		if f.Install.Empty() {
			e.Warnings = append(e.Warnings, noInstall(f.Name))
		}
		e.add(f)
		for _, also := range f.Install.Also {
			other, err := expand(also, f.Name)
			if err != nil {
				e.warn(f.Name, err.Error())
				continue
			}
			todo = append(todo, other)
		}
	}
	for _, l := range e.Links {
		u.make(l)
	}
	return e, nil
}

// noInstall is the warning about a unit that cannot be enabled. Distributions look for its exact words in logs.
func noInstall(n Name) string {
	return fmt.Sprintf("unit %q is enabled, but has no install section so enable does nothing", n)
}

func (e *Enablement) warn(n Name, text string) {
	e.Warnings = append(e.Warnings, "enable "+n.String()+": "+text)
}

// add computes the links of one unit.
func (e *Enablement) add(f File) {
	asked := f.Name
	if asked.IsTemplate() && f.Install.DefaultInstance != "" {
		instance, err := expand(f.Install.DefaultInstance, asked)
		if err != nil {
			e.warn(asked, err.Error())
			return
		}
		asked = asked.With(instance)
	}
	for _, text := range f.Install.Alias {
		alias, err := expand(text, asked)
		if err == nil {
			alias, err = checkAlias(f.Name, alias)
		}
		if err != nil {
			e.warn(f.Name, err.Error())
			continue
		}
		if alias == f.Name.String() {
			continue // it has that name already
		}
		e.Links = append(e.Links, Link{path.Join(ConfigDir, alias), f.Path})
	}
	for _, by := range []struct {
		names []string
		dir   string
	}{{f.Install.WantedBy, ".wants"}, {f.Install.RequiredBy, ".requires"}, {f.Install.UpheldBy, ".upholds"}} {
		for _, text := range by.names {
			target, err := expand(text, asked)
			if err == nil {
				err = checkTarget(asked, target)
			}
			if err != nil {
				e.warn(f.Name, err.Error())
				continue
			}
			e.Links = append(e.Links, Link{path.Join(ConfigDir, target+by.dir, asked.String()), f.Path})
		}
	}
}

// checkAlias reports whether a unit can have another name, and with which instance: the types must be the same,
// and a template stands for templates or, with the instance, for instances.
func checkAlias(n Name, alias string) (string, error) {
	if dir, base := path.Split(alias); dir != "" { // the old way to write WantedBy=
		dir = strings.TrimSuffix(dir, "/")
		if base != n.String() || strings.Contains(dir, "/") ||
			!strings.HasSuffix(dir, ".wants") && !strings.HasSuffix(dir, ".requires") {
			return "", fmt.Errorf("%s cannot be an alias", alias)
		}
		return alias, nil
	}
	a := SplitName(alias)
	if n.IsInstance() && a.IsTemplate() {
		a = a.With(n.Instance)
	}
	if !a.valid() || a.Suffix != n.Suffix || a.At != n.At || a.Instance != n.Instance {
		return "", fmt.Errorf("%s cannot be an alias of it", alias)
	}
	return a.String(), nil
}

// checkTarget reports whether a unit can be wanted by another. A template without instance can only be by a
// template.
func checkTarget(n Name, target string) error {
	t := SplitName(target)
	if !t.valid() {
		return fmt.Errorf("%q is not the name of a unit", target)
	}
	if n.IsTemplate() && !t.IsTemplate() {
		return fmt.Errorf("the template has no default instance, and %s is not a template", target)
	}
	return nil
}
