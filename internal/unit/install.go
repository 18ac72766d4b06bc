// SPDX-License-Identifier: Apache-2.0

package unit

import "strings"

// Install is the [Install] section of a unit with its drop-ins (systemd.unit(5)).
type Install struct {
	WantedBy, RequiredBy, UpheldBy []string
	Alias, Also                    []string
	DefaultInstance                string
}

// Empty tells that enabling the unit means nothing.
func (i Install) Empty() bool {
	return len(i.WantedBy)+len(i.RequiredBy)+len(i.UpheldBy)+len(i.Alias)+len(i.Also) == 0
}

// readInstall reads the section from the text of a unit file and from the unit's drop-ins.
func readInstall(t Tree, n Name, text string) Install {
	var i Install
	i.parse(text)
	for _, text := range dropins(t, n) {
		i.parse(text)
	}
	return i
}

// parse adds the settings of one file. Lists add up, an empty value begins them anew.
func (i *Install) parse(text string) {
	section := ""
	for _, line := range logicalLines(text) {
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section != "[Install]" {
			continue
		}
		value = strings.TrimSpace(value)
		list := map[string]*[]string{
			"WantedBy": &i.WantedBy, "RequiredBy": &i.RequiredBy, "UpheldBy": &i.UpheldBy, "Alias": &i.Alias, "Also": &i.Also,
		}[strings.TrimSpace(key)]
		switch {
		case list != nil && value == "":
			*list = nil
		case list != nil:
			*list = append(*list, strings.Fields(value)...)
		case strings.TrimSpace(key) == "DefaultInstance":
			i.DefaultInstance = value
		}
	}
}

// logicalLines joins lines that end in a backslash with the next one, over comments (systemd.syntax(7)).
func logicalLines(text string) []string {
	var lines []string
	var open strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimLeft(line, " \t"); strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
			continue
		}
		if strings.HasSuffix(line, `\`) {
			open.WriteString(strings.TrimSuffix(line, `\`) + " ")
			continue
		}
		open.WriteString(line)
		if l := strings.TrimSpace(open.String()); l != "" {
			lines = append(lines, l)
		}
		open.Reset()
	}
	if l := strings.TrimSpace(open.String()); l != "" {
		lines = append(lines, l)
	}
	return lines
}
