// SPDX-License-Identifier: Apache-2.0

package op

import (
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// WriteUnit writes a unit file or a drop-in.
type WriteUnit struct {
	Place
	Dropin  bool    `json:"dropin,omitempty"`
	Content Content `json:"content"`
}

// Kind implements Op.
func (WriteUnit) Kind() Kind { return "write-unit" }

// Describe implements Op.
func (o WriteUnit) Describe() string {
	if o.Dropin {
		return "write drop-in " + o.Path
	}
	return "write unit " + o.Path
}

// Predict implements Op.
func (o WriteUnit) Predict(f *facts.Facts) { f.Tree.Put(o.Path, facts.Node{Type: "file", Mode: 0o644}) }

// MaskUnit masks a unit, so that it cannot be started.
type MaskUnit struct{ Place }

// Kind implements Op.
func (MaskUnit) Kind() Kind { return "mask-unit" }

// Describe implements Op.
func (o MaskUnit) Describe() string { return "mask unit " + o.Path }

// Predict implements Op.
func (o MaskUnit) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, facts.Node{Type: "link", Target: "/dev/null", Mode: 0o777})
}

// UnmaskUnit removes the link that masks a unit.
type UnmaskUnit struct{ Place }

// Kind implements Op.
func (UnmaskUnit) Kind() Kind { return "unmask-unit" }

// Describe implements Op.
func (o UnmaskUnit) Describe() string { return "unmask unit " + o.Path }

// Predict implements Op.
func (o UnmaskUnit) Predict(f *facts.Facts) { f.Tree.Drop(o.Path) }

// SetPresets enables and disables units: by lines of the preset file, and by the links that systemctl(1) would make or remove.
// The links follow from the units that exist by then.
type SetPresets struct {
	Place
	Units []Preset `json:"units"`
}

// Preset is one unit to enable or disable.
type Preset struct {
	Name   string `json:"name"`
	Enable bool   `json:"enable"`
}

// Kind implements Op.
func (SetPresets) Kind() Kind { return "set-presets" }

// Describe implements Op.
func (o SetPresets) Describe() string {
	var parts []string
	for _, by := range []struct {
		word   string
		enable bool
	}{{"enable", true}, {"disable", false}} {
		var names []string
		for _, u := range o.Units {
			if u.Enable == by.enable {
				names = append(names, u.Name)
			}
		}
		if len(names) > 0 {
			parts = append(parts, by.word+" "+strings.Join(names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// Touches implements Op.
func (o SetPresets) Touches() []Resource {
	return []Resource{PlaceResource(o.Path), "units:"}
}

// Predict implements Op. Units to disable have a line only if they are enabled.
func (o SetPresets) Predict(f *facts.Facts) {
	if !slices.ContainsFunc(o.Units, func(u Preset) bool { return u.Enable }) {
		return
	}
	f.Tree.Put(o.Path, facts.Node{Type: "file", Mode: 0o644})
}
