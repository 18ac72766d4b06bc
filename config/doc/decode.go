// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Decode fills the struct that into points to. It is as lax as the format demands: members that the version does
// not know are warned about and ignored; a name that differs in letter case alone is warned about and used; of two equal
// members the later one counts, objects being decoded over each other; null leaves a value unset. All type mismatches
// are reported, not the first alone.
func (d *Document) Decode(into any, v spec.Version) diag.List {
	dec := decoder{doc: d, version: v, fields: map[reflect.Type][]field{}}
	dec.value("$", &d.Root, reflect.ValueOf(into).Elem(), false)
	return append(dec.errors, dec.warnings...)
}

type decoder struct {
	doc      *Document
	version  spec.Version
	fields   map[reflect.Type][]field
	errors   diag.List
	warnings diag.List
}

// field is a member of a struct, those of embedded structs included.
type field struct {
	name, since string
	index       []int
}

func (dec *decoder) fieldsOf(t reflect.Type) []field {
	if list, ok := dec.fields[t]; ok {
		return list
	}
	var list []field
	for _, f := range reflect.VisibleFields(t) {
		if tag := f.Tag.Get("json"); tag != "" && !f.Anonymous {
			name, _, _ := strings.Cut(tag, ",")
			list = append(list, field{name, f.Tag.Get("since"), f.Index})
		}
	}
	dec.fields[t] = list
	return list
}

// value decodes a node. Below a member with a wrong spelling unknown members are not reported (quiet).
func (dec *decoder) value(path string, n *Node, into reflect.Value, quiet bool) {
	if into.Kind() == reflect.Pointer {
		if n.Kind == Null {
			into.SetZero()
			return
		}
		into.Set(reflect.New(into.Type().Elem()))
		dec.value(path, n, into.Elem(), quiet)
		return
	}
	switch {
	case n.Kind == Null:
		if into.Kind() == reflect.Struct {
			dec.warn("V008", path, dec.doc.Span(n), "null stands where an object is expected", "leave the member out, or write {}")
		} else {
			into.SetZero()
		}
	case into.Kind() == reflect.Struct && n.Kind == Object:
		dec.object(path, n, into, quiet)
	case into.Kind() == reflect.Slice && n.Kind == List:
		list := reflect.MakeSlice(into.Type(), len(n.Kids), len(n.Kids))
		for i := range n.Kids {
			dec.value(path+"."+strconv.Itoa(i), &n.Kids[i].Node, list.Index(i), quiet)
		}
		into.Set(list)
	case into.Kind() == reflect.String && n.Kind == String:
		into.SetString(dec.doc.Str(n))
	case into.Kind() == reflect.Bool && n.Kind == Bool:
		into.SetBool(dec.doc.Text(n) == "true")
	case into.Kind() == reflect.Int && n.Kind == Number:
		v, ok := dec.doc.Int(n)
		if !ok {
			dec.mismatch(path, n, "an integer of 64 bits", dec.doc.Text(n))
			return
		}
		into.SetInt(int64(v))
	default:
		dec.mismatch(path, n, expected(into.Kind()), n.Kind.String())
	}
}

func expected(k reflect.Kind) string {
	switch k {
	case reflect.Struct:
		return Object.String()
	case reflect.Slice:
		return List.String()
	case reflect.String:
		return String.String()
	case reflect.Bool:
		return Bool.String()
	}
	return "an integer"
}

func (dec *decoder) object(path string, n *Node, into reflect.Value, quiet bool) {
	fields := dec.fieldsOf(into.Type())
	for i := range n.Kids {
		kid := &n.Kids[i]
		name := dec.doc.Key(kid)
		f, exact := dec.find(fields, path, name)
		if !exact && !quiet {
			dec.warn("V007", path+"."+name, dec.doc.KeySpan(kid), "unused key "+name, dec.spelling(fields, path, name))
		}
		if f == nil {
			continue
		}
		target, err := into.FieldByIndexErr(f.index)
		if err == nil {
			dec.value(path+"."+f.name, &kid.Node, target, quiet || !exact)
		}
	}
}

// find returns the member of a name, and whether it is spelt like that exactly.
func (dec *decoder) find(fields []field, path, name string) (f *field, exact bool) {
	var folded *field
	for i := range fields {
		f := &fields[i]
		if spec.Since(f.since, path, f.name) > dec.version {
			continue
		}
		if f.name == name {
			return f, true
		}
		if strings.EqualFold(f.name, name) {
			folded = f
		}
	}
	return folded, false
}

// spelling guesses what an unknown member was meant to be.
func (dec *decoder) spelling(fields []field, path, name string) string {
	best, distance := "", 3
	for _, f := range fields {
		since := spec.Since(f.since, path, f.name)
		if f.name == name {
			return fmt.Sprintf("it is known from version %s on", since)
		}
		if d := diag.Distance(name, f.name); since <= dec.version && d < distance {
			best, distance = f.name, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

func (dec *decoder) mismatch(path string, n *Node, want, got string) {
	at := int(n.End)
	if n.Kind == Object || n.Kind == List {
		at = int(n.Start) + 1
	}
	dec.errors = append(dec.errors, diag.Diagnostic{
		Severity: diag.Error, Code: "V003", Path: diag.ParsePath("$"), Span: dec.doc.Source.Span(at, int(n.End)),
		Summary: fmt.Sprintf("%s must be %s, not %s", path, want, got),
	})
}

func (dec *decoder) warn(code, path string, at diag.Span, summary, hint string) {
	dec.warnings = append(dec.warnings, diag.Diagnostic{
		Severity: diag.Warning, Code: code, Path: diag.ParsePath(path), Span: at, Summary: summary, Hint: hint,
	})
}
