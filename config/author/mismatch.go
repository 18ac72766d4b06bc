// SPDX-License-Identifier: Apache-2.0

package author

import (
	"fmt"
	"strings"

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
	if s.place == "ignition" && name == "version" {
		return "remove it: the spec version follows from the version of the document, at its top"
	}
	for _, list := range []bool{false, true} {
		for _, f := range s.all {
			if f.list == list && f.elem != nil && f.elem.fields[name] != nil {
				return "it belongs to " + f.name + ": indent it further, below " + f.name
			}
		}
	}
	for i := range variants {
		v := &variants[i]
		if v.Name != d.t.v.Name || v.Spec <= d.t.v.Spec {
			continue
		}
		if later := find(language(v), s.place); later != nil && later.fields[name] != nil {
			return fmt.Sprintf("%s knows it from version %s on; this document says %s", v.Name, v.Version, d.t.v.Version)
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
	hint := ""
	want := [...]string{"a mapping", "a text", "an integer", "a boolean", "a mapping"}[f.kind]
	isText := y.Kind == yaml.ScalarNode && (y.Tag == "!!str" || y.Tag == "")
	switch {
	case f.list:
		want, hint = "a list", "begin each item with a dash, or put the list in square brackets"
	case f.kind == integer && isText:
		hint = "write the number without quotes"
	case f.kind == boolean:
		hint = "write true or false, without quotes"
	case f.kind == object && y.Kind == yaml.SequenceNode:
		hint = "remove the dash"
	case f.kind == object:
		hint = "write its members in the lines below, indented"
	case y.Kind != yaml.ScalarNode:
		hint = "write one value"
	}
	return d.fail(y, at.text()+" must be "+want+", not "+nameOf(y), hint, at)
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
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
