// SPDX-License-Identifier: Apache-2.0

package author

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// unused warns about a key that has no meaning.
func (d *decoder) unused(key *yaml.Node, name string, s *shape, at *step) {
	n := d.node(key, doc.String, "", &step{up: at, name: name})
	d.t.warn(CodeUnused, n, "", "unused key "+shown(name), d.spelling(name, s))
}

// IsMeant reports whether a finding is a warning about a key that people write on purpose: a merge key, or one whose name begins
// with x-, which holds anchors. Butane warns about both.
func IsMeant(d diag.Diagnostic) bool {
	n := d.Path.Len()
	if d.Code != CodeUnused || n == 0 {
		return false
	}
	name, _ := d.Path.Path[n-1].(string)
	return name == "<<" || strings.HasPrefix(name, "x-")
}

// spelling guesses what an unknown key was meant to be.
func (d *decoder) spelling(name string, s *shape) string {
	if name == "<<" || strings.HasPrefix(name, "x-") {
		return ""
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII && unicode.IsSpace(r) }) {
		return "replace the wide or non-breaking spaces of this line with ordinary ones"
	}
	if snaked := snake(name); snaked != name && s.fields[snaked] != nil {
		return "did you mean " + snaked + "?"
	}
	best, distance := "", 1+max(1, min(3, len(name)/3))
	for _, f := range s.all {
		if n := diag.Distance(name, f.name); n < distance {
			best, distance = f.name, n
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	const most = 20
	if d.guesses++; d.guesses > most {
		return "remove it"
	}
	if hint := foreignKeys[name]; hint != "" && s.place == "" {
		return hint
	}
	if s.place == "ignition" && name == "version" {
		return "remove it: the spec version follows from the version of the document, at its top"
	}
	for _, list := range []bool{false, true} {
		for _, f := range s.all {
			if f.list == list && f.elem != nil && f.elem.fields[name] != nil {
				if list {
					return "it belongs to an item of " + f.name + ": indent it like the other members of the item"
				}
				return "it belongs to " + f.name + ": write it below " + f.name + ":, indented further"
			}
		}
	}
	for i := range variants {
		v := &variants[i]
		if v.Name != d.t.v.Name || v.Spec <= d.t.v.Spec {
			continue
		}
		if later := find(language(v), s.place); later != nil && later.fields[name] != nil {
			return fmt.Sprintf("%s %s added it: write version: %s or later", v.Name, v.Version, v.Version)
		}
	}
	var names []string
	for _, f := range s.all {
		names = append(names, f.name)
	}
	return "remove it; the members here are " + strings.Join(names, ", ")
}

// find returns the shape at a place.
func find(s *shape, place string) *shape {
	if s.place == place {
		return s
	}
	for _, f := range s.all {
		if f.elem != nil && f.to != "" {
			if found := find(f.elem, place); found != nil {
				return found
			}
		}
	}
	return nil
}

// mismatch reports a value of a wrong type.
func (d *decoder) mismatch(y *yaml.Node, f *field, at *step) *node {
	want := [...]string{"a mapping", "a text", "an integer", "a boolean", "a mapping"}[f.kind]
	if f.list {
		want = "a list"
	}
	return d.fail(y, at.text()+" must be "+want+", not "+nameOf(y), correction(y, f), at)
}

// correction says what to write in place of a value of a wrong type.
func correction(y *yaml.Node, f *field) string {
	_, hasInline := fieldOf(f, "inline")
	switch {
	case f.list && y.Kind == yaml.MappingNode && len(y.Content) > 0 && len(y.Content[0].Value) > 1 && y.Content[0].Value[0] == '-':
		return "put a space after the dash that begins an item"
	case y.Kind == yaml.MappingNode && y.Style&yaml.FlowStyle != 0 && len(y.Content) > 0 && y.Content[0].Kind == yaml.MappingNode:
		return "{{ begins a template, which firstlight does not fill in: fill it in first, or put the value in quotes"
	case f.list:
		return "begin each item with a dash, or put the list in square brackets"
	case f.kind == integer:
		return number(y, f.name)
	case f.kind == boolean:
		return "write true or false, without quotes"
	case f.kind == object && y.Kind == yaml.SequenceNode:
		return "remove the dash or bracket" + members(f, "; the members are ")
	case f.kind == object && hasInline && y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return "write inline: | in the line below, indented, and the text below it, indented further"
	case f.kind == object && hasInline:
		return "in the line below, indented, write inline: TEXT for a text, local: FILE for a file, or source: URL"
	case f.kind == object:
		return "write its members in the lines below, indented" + members(f, ": ")
	case y.Kind == yaml.ScalarNode:
		return "put the value in quotes, without a tag"
	case y.Style&yaml.FlowStyle != 0:
		return "put the value in quotes: a bracket or brace at its start begins " + nameOf(y)
	case f.name == "inline" || f.name == "contents":
		return "write " + f.name + ": | and the text in the lines below, indented further"
	}
	return "write one value in this line; put it in quotes if it has a colon followed by a space"
}

// fieldOf returns a member of an object.
func fieldOf(f *field, name string) (*field, bool) {
	if f.elem == nil {
		return nil, false
	}
	m := f.elem.fields[name]
	return m, m != nil
}

// members lists the members of an object if they are few.
func members(f *field, before string) string {
	const most = 8
	var names []string
	if f.elem != nil && len(f.elem.all) <= most {
		for _, m := range f.elem.all {
			names = append(names, m.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(names, ", ")
}

// number says how to write a number: people write sizes with units, modes as chmod takes them, and names in place of ids.
func number(y *yaml.Node, name string) string {
	_, err := strconv.ParseUint(y.Value, 10, 31)
	_, notOctal := strconv.ParseUint(strings.TrimPrefix(y.Value, "0o"), 8, 31)
	switch {
	case y.Kind != yaml.ScalarNode:
		return "write one number"
	case strings.HasSuffix(name, "_mib"):
		return SizeHint(y.Value)
	case name == "mode" && notOctal != nil, strings.HasSuffix(name, "_mode") && notOctal != nil:
		return "write the mode in octal digits, 0 to 7, such as 0644"
	case err != nil && (name == "uid" || name == "gid"):
		return "write the number, or remove " + name + " to have one chosen"
	case err != nil:
		return "write a number"
	}
	return "write the number without quotes"
}

// SizeHint says what to write in place of a size that is not a number of MiB.
func SizeHint(text string) string {
	digits := strings.TrimRight(text, "BbIiKkMmGgTt ")
	n, err := strconv.ParseUint(digits, 10, 31)
	unit := strings.ToUpper(strings.TrimLeft(text[len(digits):], " ") + " ")[:1]
	shift, isUnit := map[string]int{"M": 0, "G": 10, "T": 20}[unit]
	switch {
	case err == nil && isUnit:
		return fmt.Sprintf("write %d: the number is in MiB", n<<shift)
	case err == nil && digits == text:
		return "write the number without quotes"
	}
	return "write the number of MiB, without a unit"
}

func nameOf(y *yaml.Node) string {
	switch y.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch y.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "null"
	case "!!timestamp":
		return "a date"
	}
	return "a text"
}

// fail reports an error that Butane reports without path.
func (d *decoder) fail(y *yaml.Node, summary, hint string, at *step) *node {
	d.failed = true
	subject := path.New("yaml", at.steps()...)
	if name := subject.String(); at != nil && !strings.HasPrefix(summary, name) {
		summary = name + ": " + summary
	}
	start, end := d.t.at.span(y)
	d.t.report.Add(diag.Diagnostic{
		Severity: diag.Error, Code: CodeType, Path: path.New("yaml"), Subject: &subject, Span: d.t.src.Span(int(start), int(end)),
		Summary: summary, Hint: hint,
	})
	return nil
}

// text prints a path.
func (s *step) text() string {
	p := path.New("yaml", s.steps()...)
	return p.String()
}

// shown prints a short text of the document.
func shown(s string) string {
	const most = 40
	return diag.Cut(s, most)
}
