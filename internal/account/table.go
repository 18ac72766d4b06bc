// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strconv"
	"strings"
)

// layout is the form of a file's lines: how many fields, and which of them must be numbers.
type layout struct {
	fields  int
	numbers []int
}

var layouts = map[File]layout{
	Passwd: {7, []int{2, 3}}, Shadow: {9, nil}, Group: {4, []int{2}}, GShadow: {4, nil},
	SubUID: {3, []int{1, 2}}, SubGID: {3, []int{1, 2}},
}

// table is one file of lines with fields.
type table struct {
	exists   bool
	original string
	lines    []*line
	index    map[string]*line // the first line of each name
	changed  bool             // perhaps back to what it was
}

// line keeps its text until it is changed. Without fields it is not understood, and left alone.
type line struct {
	raw    string
	fields []string
}

func parseTable(text string, form layout, exists bool) *table {
	t := &table{exists: exists, original: text, index: map[string]*line{}}
	for raw := range strings.Lines(text) {
		raw = strings.TrimSuffix(raw, "\n")
		t.insert(len(t.lines), &line{raw: raw, fields: form.parse(raw)})
	}
	return t
}

// parse returns the fields of a line, nil if it is not understood.
func (form layout) parse(line string) []string {
	if f := strings.Split(line, ":"); form.fits(f) {
		return f
	}
	return nil
}

func (form layout) fits(fields []string) bool {
	if len(fields) != form.fields || fields[0] == "" || strings.ContainsAny(fields[0][:1], "#+-") {
		return false
	}
	for _, n := range form.numbers {
		if _, err := strconv.ParseUint(fields[n], 10, 32); err != nil {
			return false
		}
	}
	return true
}

func (t *table) insert(at int, l *line) {
	t.lines = slices.Insert(t.lines, at, l)
	if l.fields != nil && t.index[l.fields[0]] == nil {
		t.index[l.fields[0]] = l
	}
}

func (t *table) find(name string) *line { return t.index[name] }

func (t *table) names() []string {
	var names []string
	for _, l := range t.lines {
		if l.fields != nil {
			names = append(names, l.fields[0])
		}
	}
	return names
}

// ids returns the numbers in the third field.
func (t *table) ids() []int {
	var ids []int
	for _, l := range t.lines {
		if l.fields != nil {
			id, _ := strconv.Atoi(l.fields[2])
			ids = append(ids, id)
		}
	}
	return ids
}

// add puts a line at the end, but before the lines that bring other sources in ("+" of nis).
func (t *table) add(fields []string) *line {
	at := len(t.lines)
	for i, l := range t.lines {
		if strings.HasPrefix(l.raw, "+") || strings.HasPrefix(l.raw, "-") {
			at = i
			break
		}
	}
	l := &line{fields: fields}
	t.insert(at, l)
	t.changed = true
	return l
}

// set changes a field of a line, if it is not so already.
func (t *table) set(l *line, field int, value string) {
	if l.fields[field] != value {
		l.fields[field] = value
		l.raw, t.changed = "", true
	}
}

// remove takes all lines of a name out and tells whether there were any.
func (t *table) remove(name string) bool {
	before := len(t.lines)
	t.lines = slices.DeleteFunc(t.lines, func(l *line) bool { return l.fields != nil && l.fields[0] == name })
	delete(t.index, name)
	removed := len(t.lines) < before
	t.changed = t.changed || removed
	return removed
}

func (t *table) text() string {
	var b strings.Builder
	for _, l := range t.lines {
		if l.raw == "" && l.fields != nil {
			b.WriteString(strings.Join(l.fields, ":"))
		} else {
			b.WriteString(l.raw)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// list splits a field of names.
func list(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ",")
}

// member puts a name into a field of names, or takes it out.
func (t *table) member(l *line, field int, name string, in bool) {
	names := list(l.fields[field])
	has := slices.Contains(names, name)
	if in && !has {
		names = append(names, name)
	} else if !in && has {
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	if in != has {
		t.set(l, field, strings.Join(names, ","))
	}
}
