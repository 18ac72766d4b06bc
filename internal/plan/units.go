// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// planUnits writes units and drop-ins, masks and unmasks, and then enables and disables.
func planUnits(b *builder) {
	presets := op.SetPresets{Place: op.Place{Path: b.facts.Tree.Place(unit.PresetFile)}}
	for i, u := range b.c.Systemd.Units {
		p := at("systemd", "units", i)
		b.writeUnit(p, i, u)
		if u.Enabled == nil {
			continue
		}
		if *u.Enabled {
			b.checkUnit(p, u)
		}
		presets.Units = append(presets.Units, op.Preset{Name: u.Name, Enable: *u.Enabled})
	}
	if len(presets.Units) > 0 {
		b.relabel(presets.Path)
		b.barrier(0, len(b.steps)) // any of them may be what a unit is made of
		b.addNode(at("systemd", "units"), presets.Path, presets, "")
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
	switch masked := isTrue(u.Mask); {
	case masked:
		if text(u.Contents) != "" {
			b.warn(p, fmt.Sprintf("unit %s is masked: its contents are not written", u.Name), "")
		}
		if b.facts.Tree.Nodes[place].Target == "/dev/null" {
			return
		}
		o := op.MaskUnit{Place: op.Place{Path: place, Replace: true}}
		b.addNode(p, place, o, "")
	case text(u.Contents) != "":
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

// checkUnit reports a unit that is to be enabled and is missing.
func (b *builder) checkUnit(p string, u types.Unit) {
	f := b.facts.Units
	if text(u.Contents) != "" || isTrue(u.Mask) || f.Found[u.Name] || b.bringsUnit(u.Name) {
		return
	}
	summary := fmt.Sprintf("unit %s is to be enabled, but neither the config nor the target has it", u.Name)
	if f.Extended {
		b.warn(p, summary, "a system extension may bring it; the preset takes effect then")
		return
	}
	names := f.Names
	for _, other := range b.c.Systemd.Units {
		if text(other.Contents) != "" {
			names = append(names, other.Name)
		}
	}
	b.fail(p, summary, similar(u.Name, names))
}

// bringsUnit reports whether a unit is among the files and links of the config, or written as a template by
// another entry.
func (b *builder) bringsUnit(name string) bool {
	names := []string{name, unit.SplitName(name).Template().String()}
	for _, other := range b.c.Systemd.Units {
		if text(other.Contents) != "" && slices.Contains(names, other.Name) {
			return true
		}
	}
	here := func(n types.Node) bool {
		return slices.Contains(names, path.Base(n.Path)) && slices.Contains(unit.SearchPath(), path.Dir(n.Path))
	}
	return slices.ContainsFunc(b.c.Storage.Files, func(f types.File) bool { return here(f.Node) }) ||
		slices.ContainsFunc(b.c.Storage.Links, func(l types.Link) bool { return here(l.Node) })
}
