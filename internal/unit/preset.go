// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"sort"
	"strings"
)

// PresetFile is where the presets of a config are (systemd.preset(5)).
const PresetFile = "/etc/systemd/system-preset/20-ignition.preset"

// Preset is one unit that is to be enabled or disabled.
type Preset struct {
	Name   string
	Enable bool
}

// PresetLines returns the lines of the preset file, sorted by unit. Instances of one template share a line, in the given order.
func PresetLines(presets []Preset) []string {
	type entry struct {
		unit      string
		enable    bool
		instances []string
	}
	type key struct {
		unit   string
		enable bool
	}
	var entries []*entry
	templates := map[key]*entry{}
	for _, p := range presets {
		n := SplitName(p.Name)
		unit := n.Template().String()
		if !n.At {
			entries = append(entries, &entry{unit, p.Enable, nil})
			continue
		}
		e := templates[key{unit, p.Enable}]
		if e == nil {
			e = &entry{unit: unit, enable: p.Enable}
			templates[key{unit, p.Enable}] = e
			entries = append(entries, e)
		}
		e.instances = append(e.instances, n.Instance)
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].unit < entries[j].unit })
	lines := make([]string, len(entries))
	for i, e := range entries {
		word := "disable "
		if e.enable {
			word = "enable "
		}
		lines[i] = word + strings.Join(append([]string{e.unit}, e.instances...), " ")
	}
	return lines
}
