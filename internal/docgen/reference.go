// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
)

const generated = "<!-- Generated from config/types and config/rules by internal/docgen; do not edit. -->\n\n"

// configPage is the reference of the members of a version: a table for each object.
func configPage(c Comments, v spec.Version) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s# Config version %s\n\n", generated, v)
	if v > spec.Stable {
		b.WriteString("This version is experimental: it may change, and is rejected once it is final.\n\n")
	}
	fmt.Fprintf(&b, "Machine-readable: [schema](../schema/config-%s.schema.json). Checks beyond types: [rules](rules.md).\n\n", v)
	b.WriteString("**Needed** members must be present and not empty. All others may be absent or `null`, which is the same. " +
		"*Since* is the first version that knows a member.\n")
	table(&b, c, spec.Config(), v, "$")
	return b.Bytes()
}

// table writes the members of one object, then the tables of the objects below it.
func table(b *bytes.Buffer, c Comments, s *spec.Struct, v spec.Version, at string) {
	fmt.Fprintf(b, "\n## `%s`\n\n", at)
	if about := c[s.Type.Name()]; about != "" {
		fmt.Fprintf(b, "%s\n\n", about)
	}
	b.WriteString("| Member | Type | Since | Meaning |\n|---|---|---|---|\n")
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Since > v {
			continue
		}
		about := c.of(f)
		if f.Need <= v {
			about = "**Needed.** " + about
		}
		if f.List == spec.Appended {
			about += " When configs merge, the child's entries follow the parent's."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, kindOf(f.Type), f.Since, strings.ReplaceAll(about, "|", `\|`))
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Since > v || f.Elem == nil {
			continue
		}
		below := at + "." + f.Name
		if strings.HasPrefix(kindOf(f.Type), "list") {
			below += "[]"
		}
		table(b, c, f.Elem, v, below)
	}
}

// rulesPage lists all rules.
func rulesPage() []byte {
	var b bytes.Buffer
	b.WriteString(generated + "# Rules\n\nEvery finding names its rule. An error makes a config invalid; a warning does not.\n\n")
	b.WriteString("| Rule | Level | Versions | Requirement |\n|---|---|---|---|\n")
	for _, r := range rules.Table() {
		writeRule(&b, r)
	}
	b.WriteString("\n## What fails on every machine\n\nIgnition accepts these and fails while it provisions. firstlight refuses them before the first write; " +
		"`firstlight validate` reports them, `ignition-validate` does not.\n\n| Rule | Level | Versions | Requirement |\n|---|---|---|---|\n")
	for _, r := range rules.Impossible() {
		writeRule(&b, r)
	}
	b.WriteString("\n## What `firstlight validate` adds\n\nErrors report what cannot work. Infos report what is legal but hardly ever intended; they do not " +
		"change the exit code, unless `--strict` is given.\n\n| Rule | Level | Versions | Requirement |\n|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		writeRule(&b, r)
	}
	b.WriteString("\n## Merged configs\n\nWarnings about the merged config.\n\n| Rule | Level | Versions | Requirement |\n|---|---|---|---|\n")
	for _, r := range rules.Notes() {
		writeRule(&b, r)
	}
	b.WriteString("\n## Other codes\n\n| Code | Level | Meaning |\n|---|---|---|\n" +
		"| X001 | error | The version that a config is to be converted to does not know a member. |\n" +
		"| X002 | error | A value has no effect in the version that a config is to be converted to. |\n" +
		"| N001 | info | There are more findings than are shown. |\n" +
		"| N002 | error | A config cannot be read. |\n")
	return b.Bytes()
}

func writeRule(b *bytes.Buffer, r rules.Rule) {
	level := r.Severity.String()
	if r.Kind == rules.Accepts {
		level = "–"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s |\n", r.ID, level, versions(r), r.About)
}

func versions(r rules.Rule) string {
	switch {
	case r.Since == 0 && r.Until == 0:
		return "all"
	case r.Until == 0:
		return "from " + r.Since.String()
	case r.Since == 0:
		return "until " + r.Until.String()
	}
	return r.Since.String() + " to " + r.Until.String()
}

// indexPage lists the pages.
func indexPage() []byte {
	var b bytes.Buffer
	b.WriteString(generated + "# Reference\n\n| Version | Members | JSON schema |\n|---|---|---|\n")
	for _, v := range spec.All() {
		fmt.Fprintf(&b, "| %s | [config-%s.md](config-%s.md) | [config-%s.schema.json](../schema/config-%s.schema.json) |\n", v, v, v, v, v)
	}
	b.WriteString("\n[rules.md](rules.md) lists all checks.\n\nThe schemas (JSON Schema 2020-12) are for editors. They check types, names, forms of values and dependencies between members of " +
		"one object; `firstlight validate` checks all rules. A schema refuses unknown members, about which the program only warns. " +
		"A config may name its schema in a member `$schema`.\n")
	return b.Bytes()
}
