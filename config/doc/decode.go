// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Decode fills the struct that into points to, which shape describes. It is as lax as the format demands: a member that
// the version does not know is ignored with a warning; a name that differs only in letter case is used with a warning;
// of two equal members the later one counts, and objects are decoded over each other; null leaves a value unset. All
// type mismatches are reported, not only the first. Errors come before warnings.
func (d *Document) Decode(into any, shape *spec.Struct, v spec.Version) diag.List {
	dec := decoder{doc: d, version: v}
	target := reflect.ValueOf(into).Elem()
	if d.Root.Kind == Object {
		dec.object(&d.Root, target, shape, false)
	} else if d.Root.Kind != Null {
		dec.mismatch(&d.Root, Object.String())
	}
	return append(dec.errors.List(), dec.warnings.List()...)
}

// A decoder holds the current position and the findings so far.
type decoder struct {
	doc      *Document
	version  spec.Version
	steps    []any // from the root to the value at hand: names and indexes
	errors   diag.Collector
	warnings diag.Collector
}

// object decodes the members of an object. Only this function knows how lax the format is about names. It gives no
// warnings if quiet is set, as it is below a name with wrong letter case.
func (dec *decoder) object(n *Node, into reflect.Value, shape *spec.Struct, quiet bool) {
	for i := range n.Kids {
		kid := &n.Kids[i]
		f, exact := shape.Find(kid.Key, dec.version)
		if !exact && !quiet {
			dec.unknown(n, i, shape)
		}
		if f == nil {
			continue
		}
		dec.steps = append(dec.steps, kid.Key)
		if len(f.Index) == 1 {
			dec.value(&kid.Node, into.Field(f.Index[0]), f.Elem, quiet || !exact)
		} else {
			dec.value(&kid.Node, into.FieldByIndex(f.Index), f.Elem, quiet || !exact)
		}
		dec.steps = dec.steps[:len(dec.steps)-1]
	}
}

// value decodes one value. Null unsets what can be unset, and leaves the rest as it is.
func (dec *decoder) value(n *Node, into reflect.Value, shape *spec.Struct, quiet bool) {
	kind := into.Kind()
	if n.Kind == Null {
		switch {
		case kind == reflect.Pointer || kind == reflect.Slice:
			into.SetZero()
		case kind == reflect.Struct && !quiet:
			dec.warn("V008", dec.doc.Span(n), "null stands where an object is expected", "leave the member out, or write {}")
		}
		return
	}
	switch {
	case kind == reflect.Struct && n.Kind == Object:
		dec.object(n, into, shape, quiet)
	case kind == reflect.Slice && n.Kind == List:
		dec.list(n, into, shape, quiet)
	case kind == reflect.Pointer && into.Type().Elem().Kind() != reflect.Struct:
		p := reflect.New(into.Type().Elem())
		if dec.scalar(n, p.Elem()) {
			into.Set(p)
		}
	case kind == reflect.Struct:
		dec.mismatch(n, Object.String())
	case kind == reflect.Slice:
		dec.mismatch(n, List.String())
	default:
		dec.scalar(n, into)
	}
}

// list decodes a list; an empty one counts as absent.
func (dec *decoder) list(n *Node, into reflect.Value, shape *spec.Struct, quiet bool) {
	if len(n.Kids) == 0 {
		into.SetZero()
		return
	}
	items := reflect.MakeSlice(into.Type(), len(n.Kids), len(n.Kids))
	for i := range n.Kids {
		dec.steps = append(dec.steps, i)
		dec.value(&n.Kids[i].Node, items.Index(i), shape, quiet)
		dec.steps = dec.steps[:len(dec.steps)-1]
	}
	into.Set(items)
}

// scalar decodes a string, integer or boolean.
func (dec *decoder) scalar(n *Node, into reflect.Value) bool {
	switch into.Kind() {
	case reflect.String:
		if n.Kind != String {
			return dec.mismatch(n, String.String())
		}
		into.SetString(n.Text)
	case reflect.Bool:
		if n.Kind != Bool {
			return dec.mismatch(n, Bool.String())
		}
		into.SetBool(n.Text == "true")
	default:
		v, ok := n.Int()
		if !ok {
			return dec.mismatch(n, "an integer")
		}
		into.SetInt(int64(v))
	}
	return true
}

// mismatch reports a value of a wrong type: as Ignition does it, at the byte after it, or after its opening bracket.
func (dec *decoder) mismatch(n *Node, want string) bool {
	span := dec.doc.Span(n)
	mark := dec.doc.Source.Span(int(n.Start), int(n.End))
	if n.Kind != Object && n.Kind != List {
		span.Start = span.End
	}
	got := n.Kind.String()
	hint := ""
	if n.Kind == Number && want != String.String() {
		got = "the number " + shorten(n.Text)
		hint = "write an integer: no fraction, no exponent, and at most " + strconv.Itoa(strconv.IntSize) + " bits"
	} else if n.Kind == String && want != List.String() && want != Object.String() {
		hint = unquoted(n.Text, want)
	} else if want == String.String() && (n.Kind == Number || n.Kind == Bool) {
		hint = "put it in double quotes"
	} else if want == List.String() {
		hint = "put it in square brackets"
	}
	at := dec.at()
	dec.errors.Add(diag.Diagnostic{
		Severity: diag.Error, Code: "V003", Path: path.New("json"), Span: span, Mark: mark, Subject: &at,
		Summary: fmt.Sprintf("%s must be %s, not %s", at, want, got), Hint: hint,
	})
	return false
}

// unquoted says what to write in place of a string where a number or boolean is wanted.
func unquoted(text, want string) string {
	_, err := strconv.Atoi(text)
	switch {
	case want != "an integer" && (text == "true" || text == "false"):
		return "remove the quotes"
	case want != "an integer":
		return "write true or false, without quotes"
	case len(text) > 1 && text[0] == '0':
		return leadingZero(text)
	case err == nil:
		return "remove the quotes"
	}
	return "write a number, without quotes"
}

// shorten cuts a name or number of the document, and replaces characters that a terminal would act on.
func shorten(text string) string {
	const most = 40
	return diag.Cut(text, most)
}

// at returns the path of the value at hand.
func (dec *decoder) at() path.ContextPath { return path.New("json", slices.Clone(dec.steps)...) }

func (dec *decoder) warn(code string, span diag.Span, summary, hint string) {
	dec.warnings.Add(diag.Diagnostic{
		Severity: diag.Warning, Code: code, Path: dec.at(), Span: span, Summary: summary, Hint: hint,
	})
}

// unknown warns about the member i of an object, once for each name.
func (dec *decoder) unknown(n *Node, i int, shape *spec.Struct) {
	kid := &n.Kids[i]
	if dec.warnings.Full(diag.Warning) || repeated(n.Kids, i) {
		return
	}
	dec.steps = append(dec.steps, kid.Key)
	defer func() { dec.steps = dec.steps[:len(dec.steps)-1] }()
	span := dec.doc.KeySpan(kid)
	if f, _ := shape.Find(kid.Key, dec.version); f != nil {
		dec.warn("V009", span, "unused key "+shorten(kid.Key)+" (its value is used all the same)", "write it as "+f.Name)
		return
	}
	dec.warn("V007", span, "unused key "+shorten(kid.Key), dec.spelling(kid.Key, shape))
}

// repeated reports whether a later member has the same name. It looks only at the next few: that avoids most repeated
// warnings, and costs next to nothing.
func repeated(kids []Kid, i int) bool {
	const few = 64
	for j := i + 1; j < len(kids) && j < i+few; j++ {
		if kids[j].Key == kids[i].Key {
			return true
		}
	}
	return false
}

// spelling guesses what an unknown member was meant to be.
func (dec *decoder) spelling(name string, shape *spec.Struct) string {
	var known []string
	for _, f := range shape.Fields {
		if f.Name == name {
			return fmt.Sprintf("version %s added it: set ignition.version to %s or later", f.Since, f.Since)
		}
		if f.Since <= dec.version {
			known = append(known, f.Name)
		}
	}
	best, found := diag.Closest(name, known)
	if !found {
		return ""
	}
	return "did you mean " + best + "?"
}
