// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Directives returns the Go source of the table of systemd's unit settings, made from systemd.directives(7) in roff and from the
// shared library that reads units. The page has the documented settings. The library's names, such as "Service.ExecStart", add
// those that are still read but no longer documented.
func Directives(page, library []byte) ([]byte, error) {
	version := regexp.MustCompile(`"systemd (\d+)`).FindSubmatch(page)
	_, rest, ok := bytes.Cut(page, []byte(`.SH "UNIT DIRECTIVES"`))
	if version == nil || !ok {
		return nil, fmt.Errorf("read systemd.directives(7): it has no version, or no section for units")
	}
	rest, _, _ = bytes.Cut(rest, []byte("\n.SH "))
	groups := documented(rest)
	for _, name := range regexp.MustCompile(`\x00(`+sectionNames+`)\.([A-Z]\w+)\x00`).FindAllSubmatch(overlapping(library), -1) {
		section, setting := string(name[1]), string(name[2])
		if !reads(groups, section, setting) {
			groups["obsolete:"+section] = append(groups["obsolete:"+section], setting)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// SPDX-License-Identifier: Apache-2.0\n\n// Generated from systemd.directives(7) of systemd %s by internal/docgen; do not edit.\n\n", version[1])
	fmt.Fprintf(&b, "package lint\n\n// systemdVersion is the version of systemd that the table is from.\nconst systemdVersion = %q\n\n", version[1])
	b.WriteString("// directives has a line for each section, for each manual page that several sections share, and for what is read and no longer\n// documented.\nconst directives = `\n")
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		slices.Sort(groups[name])
		fmt.Fprintf(&b, "%s %s\n", name, strings.Join(slices.Compact(groups[name]), " "))
	}
	b.WriteString("`\n")
	return []byte(b.String()), nil
}

const sectionNames = "Unit|Install|Service|Socket|Mount|Automount|Swap|Path|Timer|Slice|Scope"

// overlapping doubles the NUL bytes between names, so that each name has its own at both ends.
func overlapping(text []byte) []byte { return bytes.ReplaceAll(text, []byte{0}, []byte{0, 0}) }

// documented reads the settings of the page by the group that their manual page stands for.
func documented(page []byte) map[string][]string {
	install := []string{"Alias", "WantedBy", "RequiredBy", "UpheldBy", "Also", "DefaultInstance"} // systemd.unit(5), [Install]
	groups := map[string][]string{}
	pages := regexp.MustCompile(`\\fBsystemd\.([a-z\\-]+)\\fR`)
	for _, entry := range regexp.MustCompile(`(?s)\\fI(\w+)=\\fR\n\.RS 4\n(.*?)\n\.RE`).FindAllSubmatch(page, -1) {
		setting := string(entry[1])
		for _, p := range pages.FindAllSubmatch(entry[2], -1) {
			group := strings.ReplaceAll(string(p[1]), `\`, "")
			switch {
			case group == "unit" && slices.Contains(install, setting):
				group = "Install"
			case group != "exec" && group != "kill" && group != "resource-control":
				group = strings.ToUpper(group[:1]) + group[1:]
			}
			groups[group] = append(groups[group], setting)
		}
	}
	return groups
}

// reads reports whether a setting is documented for a section, or for what several sections share.
func reads(groups map[string][]string, section, setting string) bool {
	for _, g := range []string{section, "exec", "kill", "resource-control"} {
		if slices.Contains(groups[g], setting) {
			return true
		}
	}
	return false
}
