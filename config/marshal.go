// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// Marshal returns the config as compact JSON in the newest form, as the cache has it: the same bytes as json.Marshal. That function
// first builds an encoder for every type of the config, and a boot would wait for it.
func Marshal(c types.Config) []byte {
	e := encoder{version: spec.Newest, cache: true, text: make([]byte, 0, size(&c))}
	e.object(spec.Config(), reflect.ValueOf(&c).Elem())
	return e.text
}

// size estimates the length of a config's text, which is that of the contents in it for the most part. An encoder that starts with less
// copies what it has written, again and again.
func size(c *types.Config) int {
	const rest, file, unit = 4096, 160, 80 // what is not contents
	n := rest
	for i := range c.Storage.Files {
		n += file + len(types.Text(c.Storage.Files[i].Contents.Source))
	}
	for _, u := range c.Systemd.Units {
		n += unit + len(types.Text(u.Contents))
		for _, d := range u.Dropins {
			n += unit + len(types.Text(d.Contents))
		}
	}
	return n
}

// Codes of findings about what a version cannot express.
const (
	codeUnknown = "X001" // a member that the version does not know
	codeLost    = "X002" // a value that has no effect in the version
)

// MarshalVersion returns the config as compact JSON in the form of a version, without empty members. Each value that
// the version cannot express is an error at the place where it was written; if there are any, no text is returned.
func MarshalVersion(d Document, v spec.Version) ([]byte, diag.List) {
	c := d.Config
	e := encoder{doc: d, version: v, text: make([]byte, 0, size(&c))}
	c.Ignition.Version = v.String()
	e.object(spec.Config(), reflect.ValueOf(&c).Elem())
	e.lostBits()
	_, report := Parse(diag.NewSource("config", e.text))
	for _, found := range report.Errors() {
		found.Span, found.Mark = d.Origins.SpanOf(found.Path.Path), diag.Span{}
		found.Summary = "version " + v.String() + ": " + found.Summary
		e.report = append(e.report, found)
	}
	if e.report.HasErrors() {
		return nil, e.report
	}
	return e.text, e.report
}

// An encoder writes a config in the form of a version.
type encoder struct {
	doc     Document
	version spec.Version
	cache   bool // write empty members, and escape for HTML, as json.Marshal does
	text    []byte
	steps   []step // to the value at hand
	report  diag.List
}

// A step leads to a member or, without a name, to an element of a list.
type step struct {
	name  string
	index int
}

// fail reports that the value at hand cannot be expressed.
func (e *encoder) fail(code, summary, hint string, more ...any) {
	var steps []any
	for _, s := range e.steps {
		if s.name != "" {
			steps = append(steps, s.name)
		} else {
			steps = append(steps, s.index)
		}
	}
	steps = append(steps, more...)
	e.report = append(e.report, diag.Diagnostic{
		Severity: diag.Error, Code: code, Path: path.New("json", steps...), Span: e.doc.Origins.SpanOf(steps),
		Summary: summary, Hint: hint,
	})
}

func (e *encoder) object(shape *spec.Struct, v reflect.Value) {
	e.text = append(e.text, '{')
	first := true
	for i := range shape.Fields {
		f := &shape.Fields[i]
		value := v.FieldByIndex(f.Index)
		if !e.writes(f, value) {
			continue
		}
		if f.Since > e.version {
			e.fail(codeUnknown, "version "+e.version.String()+" does not know "+f.Name, "use version "+f.Since.String()+" or later", f.Name)
			continue
		}
		if !first {
			e.text = append(e.text, ',')
		}
		first = false
		e.text = append(append(append(e.text, '"'), f.Name...), `":`...)
		e.steps = append(e.steps, step{name: f.Name})
		e.value(f.Elem, value)
		e.steps = e.steps[:len(e.steps)-1]
	}
	e.text = append(e.text, '}')
}

// writes reports whether a member is written, or would be if the version knew it.
func (e *encoder) writes(f *spec.Field, v reflect.Value) bool {
	switch {
	case e.cache:
		return f.Always || !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0)
	case v.IsZero():
		return v.Kind() == reflect.String && f.Since <= e.version
	}
	return true
}

func (e *encoder) value(shape *spec.Struct, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		e.value(shape, v.Elem())
	case reflect.Struct:
		e.object(shape, v)
	case reflect.Slice:
		e.text = append(e.text, '[')
		for i := range v.Len() {
			if i > 0 {
				e.text = append(e.text, ',')
			}
			e.steps = append(e.steps, step{index: i})
			e.value(shape, v.Index(i))
			e.steps = e.steps[:len(e.steps)-1]
		}
		e.text = append(e.text, ']')
	case reflect.String:
		e.string(v.String())
	case reflect.Bool:
		e.text = strconv.AppendBool(e.text, v.Bool())
	default:
		e.text = strconv.AppendInt(e.text, v.Int(), 10)
	}
}

// string writes a string. encoding/json is needed only for one with characters that must be escaped.
func (e *encoder) string(text string) {
	if plain(text) {
		e.text = append(append(append(e.text, '"'), text...), '"')
		return
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(e.cache)
	if err := encoder.Encode(text); err != nil {
		e.fail(codeLost, err.Error(), "")
	}
	e.text = append(e.text, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plain reports whether a text consists of characters that encoding/json writes as they are, for HTML or not.
func plain(text string) bool {
	return doc.IsPlain(text) && strings.IndexByte(text, '&') < 0 && strings.IndexByte(text, '<') < 0 && strings.IndexByte(text, '>') < 0
}

// lostBits reports modes that had less effect before 3.6.0.
func (e *encoder) lostBits() {
	if e.version >= spec.V3_6 {
		return
	}
	check := func(mode *int, list string, i int) {
		const special = 0o7000
		if mode != nil && *mode&special != 0 {
			e.fail(codeLost, fmt.Sprintf("the bits above 0777 of mode %d have no effect in version %s", *mode, e.version),
				"remove them, or use version 3.6.0 or later", "storage", list, i, "mode")
		}
	}
	for i := range e.doc.Config.Storage.Files {
		check(e.doc.Config.Storage.Files[i].Mode, "files", i)
	}
	for i := range e.doc.Config.Storage.Directories {
		check(e.doc.Config.Storage.Directories[i].Mode, "directories", i)
	}
}
