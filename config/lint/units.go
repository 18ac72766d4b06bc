// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/config/unitfile"
)

// sectionGroups are the groups of settings that each section has, apart from its own: manual pages that systemd.unit(5)
// refers to.
var sectionGroups = map[string][]string{
	"Unit": nil, "Install": nil, "Automount": nil, "Path": nil, "Timer": nil,
	"Service": {"exec", "kill", "resource-control"}, "Socket": {"exec", "kill", "resource-control"},
	"Mount": {"exec", "kill", "resource-control"}, "Swap": {"exec", "kill", "resource-control"},
	"Slice": {"resource-control"}, "Scope": {"resource-control", "kill"},
}

// settings are the settings of each section, those that systemd still reads but no longer documents included.
var settings = sync.OnceValue(func() map[string][]string {
	groups := map[string][]string{}
	for line := range strings.Lines(directives) {
		if words := strings.Fields(line); len(words) > 1 {
			groups[words[0]] = words[1:]
		}
	}
	sections := map[string][]string{}
	for section, shared := range sectionGroups {
		all := slices.Concat(groups[section], groups["obsolete:"+section])
		for _, g := range shared {
			all = append(all, groups[g]...)
		}
		slices.Sort(all)
		sections[section] = all
	}
	return sections
})

// unitTypes are the types of units.
var unitTypes = []string{"service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"}

// sectionsOf returns the sections that type of unit has.
func sectionsOf(suffix string) []string {
	sections := []string{"Unit", "Install"}
	own := strings.ToUpper(suffix[:1]) + suffix[1:]
	if _, ok := sectionGroups[own]; ok && own != "Unit" && own != "Install" {
		sections = append(sections, own)
	}
	return sections
}

// eachText calls f with the text of every unit and drop-in that is well-formed.
func (c *checker) eachText(f func(suffix, text string, sections []unitfile.Section, steps []any)) {
	one := func(name string, text *string, steps ...any) {
		_, suffix := splitUnit(name)
		if types.Text(text) == "" || !slices.Contains(unitTypes, suffix) {
			return // a finding says that systemd has no such units
		}
		if file := unitfile.Parse(*text); file.Strict == nil {
			f(suffix, *text, file.Sections, steps)
		}
	}
	for i := range c.config.Systemd.Units {
		u := &c.config.Systemd.Units[i]
		one(u.Name, u.Contents, "systemd", "units", i, "contents")
		for j := range u.Dropins {
			one(u.Name, u.Dropins[j].Contents, "systemd", "units", i, "dropins", j, "contents")
		}
	}
}

func unitSections(c *checker) {
	c.eachText(func(suffix, text string, sections []unitfile.Section, steps []any) {
		known := sectionsOf(suffix)
		for _, s := range sections {
			if slices.Contains(known, s.Name) || strings.HasPrefix(s.Name, "X-") {
				continue
			}
			f := finding{
				summary: "systemd " + systemdVersion + " ignores the section [" + diag.Cut(s.Name, 40) + "] of a ." + suffix + " unit",
				hint:    "it has " + bracketed(known), steps: steps,
			}
			if best := closest(s.Name, known); best != "" {
				f.hint = "did you mean [" + best + "]?"
			}
			f.from, f.to = valueRange(text, s.Line, "["+s.Name+"]")
			c.add(f)
		}
		if from, to := strayText(text); to > 0 {
			c.add(finding{
				summary: "systemd ignores settings before the first section", hint: "start the unit with a section such as [Unit]",
				steps: steps, from: from, to: to,
			})
		}
	})
}

func bracketed(names []string) string { return "[" + strings.Join(names, "], [") + "]" }

// strayText finds the first setting before the first section.
func strayText(text string) (from, to int) {
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "["):
			return 0, 0
		case trimmed != "" && trimmed[0] != '#' && trimmed[0] != ';':
			return from, from + len(strings.TrimRight(line, "\r\n"))
		}
		from += len(line)
	}
	return 0, 0
}

func unitSettings(c *checker) {
	c.eachText(func(_, text string, sections []unitfile.Section, steps []any) {
		for _, s := range sections {
			known := settings()[s.Name]
			if known == nil {
				continue
			}
			for _, o := range s.Options {
				if _, ok := slices.BinarySearch(known, o.Name); ok || strings.HasPrefix(o.Name, "X-") {
					continue
				}
				f := finding{
					summary: "systemd " + systemdVersion + " does not know " + diag.Cut(o.Name, 40) + "= in [" + s.Name + "]",
					hint:    settingHint(o.Name, s.Name, known), steps: steps,
				}
				f.from, f.to = valueRange(text, o.Line, o.Name)
				c.add(f)
			}
		}
	})
}

// settingHint says what a setting was meant to be, or where it belongs.
func settingHint(name, section string, known []string) string {
	var elsewhere []string
	for _, s := range []string{"Unit", "Install", "Service", "Socket", "Mount", "Timer", "Path"} {
		if _, ok := slices.BinarySearch(settings()[s], name); ok && s != section {
			elsewhere = append(elsewhere, s)
		}
	}
	if len(elsewhere) > 0 {
		return "it belongs in [" + strings.Join(elsewhere, "] or [") + "]"
	}
	if best := closest(name, known); best != "" {
		return "did you mean " + best + "=?"
	}
	return "names of settings are case-sensitive; prefix those of your own with X-"
}

// closest returns the name that a misspelt one is most like, or "".
func closest(name string, names []string) string {
	best, distance := "", 1+max(1, min(3, len(name)/3))
	for _, n := range names {
		if d := diag.Distance(name, n); d < distance {
			best, distance = n, d
		}
	}
	return best
}
