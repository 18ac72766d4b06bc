// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// planUnits writes units and drop-ins, masks and unmasks, and then enables and disables.
func planUnits(b *builder) {
	presets := op.SetPresets{Place: op.Place{Path: b.facts.Tree.Place(unit.PresetFile)}}
	sources := sourcesOfUnits(b.c)
	for i, u := range b.c.Systemd.Units {
		p := at("systemd", "units", i)
		b.writeUnit(p, i, u)
		if u.Enabled == nil {
			continue
		}
		if *u.Enabled {
			b.checkUnit(p, u, sources)
		}
		presets.Units = append(presets.Units, op.Preset{Name: u.Name, Enable: *u.Enabled})
	}
	if p := at("systemd", "units"); len(presets.Units) > 0 && b.regular(p, presets.Path) {
		b.relabelUnits(presets)
		b.barrier(0, len(b.steps)) // any of them may be what a unit is made of
		b.addNode(p, presets.Path, presets, "")
		b.barriers = nil
	}
}

func (b *builder) writeUnit(p string, index int, u types.Unit) {
	for i, d := range u.Dropins {
		if d.Contents != nil {
			b.unitFile(at("systemd", "units", index, "dropins", i), path.Join(unit.ConfigDir, u.Name+".d", d.Name),
				op.WriteUnit{Dropin: true}, *d.Contents)
		}
	}
	name := path.Join(unit.ConfigDir, u.Name)
	place := b.facts.Tree.Place(name)
	switch masked := types.True(u.Mask); {
	case masked:
		if types.Text(u.Contents) != "" {
			b.warn(p, fmt.Sprintf("unit %s is masked: its contents are not written", u.Name), "")
		}
		if b.facts.Tree.Nodes[place].Target == "/dev/null" {
			return
		}
		o := op.MaskUnit{Place: op.Place{Path: place, Replace: true}}
		b.addNode(p, place, o, "")
	case types.Text(u.Contents) != "":
		b.unitFile(p, name, op.WriteUnit{}, *u.Contents)
	case u.Mask != nil && b.facts.Tree.Nodes[place].Target == "/dev/null":
		b.addNode(p, place, op.UnmaskUnit{Place: op.Place{Path: place}}, "it is masked")
	}
}

// unitFile writes a unit file or drop-in in place of a file or link, but not of a directory.
func (b *builder) unitFile(p, name string, o op.WriteUnit, contents string) {
	place := b.facts.Tree.Place(name)
	if b.facts.Tree.Nodes[place].Type == "directory" {
		b.fail(p, fmt.Sprintf("%s exists already and is a directory", name), "remove it from the target")
		return
	}
	o.Place = op.Place{Path: place, Replace: true}
	o.Content = op.Content{Handle: b.secret(contents), Source: op.Inline}
	b.addNode(p, place, o, "")
}

// checkUnit warns about a unit to enable that is missing. It does not stop the boot: generators, system extensions and packages
// installed later bring units, and the preset takes effect then.
func (b *builder) checkUnit(p string, u types.Unit, config unitSources) {
	f := b.facts.Units
	if types.Text(u.Contents) != "" || types.True(u.Mask) || f.Found[u.Name] || config.units[u.Name] || config.units[unit.SplitName(u.Name).Template().String()] {
		return
	}
	summary := fmt.Sprintf("unit %s is to be enabled, but neither the config nor the target has it", u.Name)
	for _, o := range unit.Origins(u.Name) {
		if config.paths[o.Path] {
			b.warn(p, summary, o.What+" may bring it; the preset takes effect then")
			return
		}
	}
	hint := b.similar(u.Name, func() []string { return slices.Concat(f.Names, slices.Sorted(maps.Keys(config.units))) })
	switch {
	case f.Extended:
		hint = strings.TrimSpace(hint + " a system extension may bring it; the preset takes effect then")
	case hint == "":
		hint = "the preset takes effect when something brings the unit"
	}
	b.warn(p, summary, hint)
}

// unitSources are the entries of a config that can bring units.
type unitSources struct {
	units map[string]bool // names of units that the config writes
	paths map[string]bool // of its files and links, and of the directories that they are in, with a slash at their end
}

func sourcesOfUnits(c *types.Config) unitSources {
	s := unitSources{units: map[string]bool{}, paths: map[string]bool{}}
	for _, u := range c.Systemd.Units {
		if types.Text(u.Contents) != "" {
			s.units[u.Name] = true
		}
	}
	for _, f := range c.Storage.Files {
		s.node(f.Path)
	}
	for _, l := range c.Storage.Links {
		s.node(l.Path)
	}
	return s
}

func (s unitSources) node(name string) {
	dir, base := path.Split(name)
	s.paths[name], s.paths[dir] = true, true
	if slices.Contains(unit.SearchPath(), path.Dir(name)) {
		s.units[base] = true
	}
}
