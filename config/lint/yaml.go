// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Relocate turns findings about the config that YAML became into findings about the YAML, in the order of their places.
func Relocate(r *author.Result, report diag.List) diag.List {
	report = slices.Clone(report)
	(&checker{result: r}).relocate(report)
	sortByPlace(report)
	return report
}

// relocate turns findings about what YAML became into findings about the YAML: their paths, and the members that they name.
func (c *checker) relocate(report diag.List) {
	if c.result == nil {
		return
	}
	for i := range report {
		d := &report[i]
		if isElsewhere(*d) || d.Path.Len() == 0 {
			continue
		}
		moved := c.result.Relocate(report[i : i+1])[0]
		d.Path, d.Span = moved.Path, moved.Span
		d.Summary, d.Hint = inYAML(d.Summary), inYAML(d.Hint)
	}
	for i := range report {
		d := &report[i]
		if later, ok := strings.CutPrefix(d.Hint, rules.LaterVersion); ok {
			if since, err := spec.Parse(strings.TrimSuffix(later, " or later")); err == nil {
				if d.Hint = c.laterVariant(since); d.Hint == "" {
					d.Hint = "remove it: no version of " + c.result.Variant.Name + " has it"
				}
			}
		}
		switch {
		case d.Code == author.CodeUnused && d.Path.Len() > 0:
			d.Summary = "unknown member " + quote(lastName(d.Path.Path)) + " is ignored"
		case d.Code == "V102" && strings.HasSuffix(d.Summary, "no scheme"):
			d.Hint = "for a text write inline: TEXT; for a file beside the document, local: FILE; a source is a URL"
		case d.Code == "V210":
			d.Hint = "write it in octal digits, 0 to 7777, such as 0644"
		case d.Code == "I402":
			d.Hint = "set with_mount_unit: true"
		case d.Code == "V211":
			c.specialBits(d)
		}
	}
}

// specialBits says what to do about a mode with bits that have no effect in the version of a variant. The digits 8 and 9 make
// a number decimal even after a zero, and then it has such bits by accident.
func (c *checker) specialBits(d *diag.Diagnostic) {
	text := string(d.Span.Source.Text[d.Span.Start.Offset:d.Span.End.Offset])
	if strings.ContainsAny(text, "89") && strings.Trim(text, "0123456789") == "" {
		d.Summary = "the mode " + quote(text) + " is not octal: it has the digit 8 or 9, which makes it decimal"
		d.Hint = "write octal digits, 0 to 7, such as 0644"
		return
	}
	if d.Hint = c.laterVariant(spec.V3_6); d.Hint == "" {
		d.Hint = "remove the bits"
	}
}

// laterVariant names the first version of the document's variant that has what came with a spec version; "" if none has.
func (c *checker) laterVariant(since spec.Version) string {
	for _, v := range author.Variants() {
		if v.Name == c.result.Variant.Name && v.Spec >= since {
			return "use " + v.String() + " or later"
		}
	}
	return ""
}

// memberNames are the members of configs that have another name in YAML.
var memberNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	var walk func(s *spec.Struct)
	walk = func(s *spec.Struct) {
		for i := range s.Fields {
			f := &s.Fields[i]
			if name := author.MemberName(f.Name); name != f.Name {
				names[f.Name] = name
			}
			if f.Elem != nil {
				walk(f.Elem)
			}
		}
	}
	walk(spec.Config())
	return names
})

// inYAML writes the members that a message names as YAML has them. Text in quotation marks is from the document and stays.
func inYAML(message string) string {
	names := memberNames()
	parts := strings.Split(message, `"`)
	for i := 0; i < len(parts); i += 2 {
		words := strings.Split(parts[i], " ")
		for j, w := range words {
			word := strings.TrimRight(w, ".,;:=")
			dotted := strings.Split(word, ".")
			for k := range dotted {
				if name, ok := names[dotted[k]]; ok {
					dotted[k] = name
				}
			}
			words[j] = strings.Join(dotted, ".") + w[len(word):]
		}
		parts[i] = strings.Join(words, " ")
	}
	return strings.Join(parts, `"`)
}
