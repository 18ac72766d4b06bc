// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// layout is the form of a file's lines, as the C library and the shadow suite read them.
type layout struct {
	fields  int
	least   int   // fields that a line may end after; the others are empty then
	other   int   // another number of fields that is accepted
	rest    bool  // the last field may have colons
	blanks  bool  // may be before the name
	numbers []int // fields that must be numbers
}

var layouts = map[File]layout{
	Passwd:  {fields: 7, least: 4, rest: true, blanks: true, numbers: []int{2, 3}},
	Shadow:  {fields: 9, least: 9, other: 5},
	Group:   {fields: 4, least: 3, rest: true, blanks: true, numbers: []int{2}},
	GShadow: {fields: 4, least: 4},
	SubUID:  {fields: 3, least: 3, numbers: []int{1, 2}},
	SubGID:  {fields: 3, least: 3, numbers: []int{1, 2}},
}

// blanks is what the C library skips before names and numbers.
const blanks = " \t\r\v\f"

// parse returns the fields of a line, or nil if the line is not understood.
func (form layout) parse(line string) []string {
	if form.blanks {
		line = strings.TrimLeft(line, blanks)
	}
	limit := form.fields + 1
	if form.rest {
		limit = form.fields
	}
	fields := strings.SplitN(line, ":", limit)
	if n := len(fields); n > form.fields || n < form.least && n != form.other {
		return nil
	}
	if fields[0] == "" || strings.ContainsAny(fields[0][:1], "#+-") {
		return nil
	}
	for _, n := range form.numbers {
		if _, ok := number(fields[n]); !ok {
			return nil
		}
	}
	for len(fields) < form.fields {
		fields = append(fields, "")
	}
	return fields
}

// number reads an id as the C library does: blanks and a sign may come first, and the value must fit 32 bits.
func number(text string) (int, bool) {
	digits := strings.TrimLeft(text, blanks)
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return int(n), err == nil && !(negative && n > 0)
}

// table is one file of lines with fields. Removed lines stay in its lists and indexes, and are skipped there.
type table struct {
	form     layout
	exists   bool
	original string
	head     []*line
	tail     []*line // from the first line on that brings another source in ("+" and "-" of NIS)
	ranges   *ranges // of subordinate ids, instead of head
	entered  int     // lines that have been
	names    map[string][]*line
	numbers  map[int]index
	members  map[int]map[string][]*line // by field of names
	changed  bool                       // perhaps back to what it was
}

// index maps the number in one field to the lines that are understood. Lines whose number has changed are skipped.
type index map[int][]*line

// line keeps its text until it is changed. A line without fields was not understood and is never changed.
type line struct {
	raw    string
	fields []string
	lists  map[int]*names // fields of names, once they were needed
	order  int            // among the understood lines of the file
	gone   bool
}

func parseTable(text string, form layout, exists bool, indexed ...int) *table {
	t := &table{form: form, exists: exists, original: text, names: map[string][]*line{}, numbers: map[int]index{}}
	for _, field := range indexed {
		t.numbers[field] = index{}
	}
	for raw := range strings.Lines(text) {
		raw = strings.TrimSuffix(raw, "\n")
		l := &line{raw: raw, fields: form.parse(raw)}
		if len(t.tail) > 0 || strings.HasPrefix(raw, "+") || strings.HasPrefix(raw, "-") {
			t.tail = append(t.tail, l)
		} else {
			t.head = append(t.head, l)
		}
		t.enter(l)
	}
	return t
}

// enter puts a line into the indexes.
func (t *table) enter(l *line) {
	if l.fields == nil {
		return
	}
	t.entered++
	l.order = t.entered
	t.names[l.fields[0]] = append(t.names[l.fields[0]], l)
	for field, x := range t.numbers {
		id, _ := number(l.fields[field])
		x[id] = append(x[id], l)
	}
	for field, of := range t.members {
		for _, name := range l.list(field).names {
			of[name] = append(of[name], l)
		}
	}
}

// all returns all lines in order.
func (t *table) all() []*line {
	if t.ranges != nil {
		return slices.Concat(t.ranges.lines(), t.tail)
	}
	return slices.Concat(t.head, t.tail)
}

// understood returns the lines that are accounts, in order.
func (t *table) understood() []*line {
	return slices.DeleteFunc(t.all(), func(l *line) bool { return l.gone || l.fields == nil })
}

// find returns the first line of a name, nil if there is none.
func (t *table) find(name string) *line {
	if lines := t.named(name); len(lines) > 0 {
		return lines[0]
	}
	return nil
}

// named returns the lines of a name.
func (t *table) named(name string) []*line { return t.names[name] }

// having returns the lines with a number in an indexed field, in order.
func (t *table) having(field, id int) []*line {
	x := t.numbers[field]
	x[id] = slices.DeleteFunc(x[id], func(l *line) bool {
		now, _ := number(l.fields[field])
		return l.gone || now != id
	})
	list := x[id]
	sort.Slice(list, func(i, j int) bool { return list[i].order < list[j].order })
	return list
}

// add puts a line at the end, but before those of other sources.
func (t *table) add(fields []string) *line {
	l := &line{fields: fields}
	if t.ranges == nil {
		t.head = append(t.head, l)
	}
	t.enter(l)
	t.changed = true
	return l
}

// set changes a field of a line.
func (t *table) set(l *line, field int, value string) {
	if l.get(field) == value {
		return
	}
	l.fields[field] = value
	delete(l.lists, field)
	l.raw, t.changed = "", true
	if x, ok := t.numbers[field]; ok {
		id, _ := number(value)
		x[id] = append(x[id], l)
	}
}

// remove removes all lines of a name and returns them.
func (t *table) remove(name string) []*line {
	lines := t.names[name]
	delete(t.names, name)
	for _, l := range lines {
		l.gone = true
		t.changed = true
	}
	if t.ranges != nil && len(lines) > 0 {
		t.ranges.removed = true
	}
	return lines
}

func (t *table) text() string {
	var b strings.Builder
	b.Grow(len(t.original))
	for _, l := range t.all() {
		if l.gone {
			continue
		}
		if l.raw == "" && l.fields != nil {
			for field := range l.fields {
				if field > 0 {
					b.WriteByte(':')
				}
				b.WriteString(l.get(field))
			}
		} else {
			b.WriteString(l.raw)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// get returns a field.
func (l *line) get(field int) string {
	if list := l.lists[field]; list != nil && list.changed {
		l.fields[field] = list.text()
	}
	return l.fields[field]
}

// id returns the number in a field.
func (l *line) id(field int) int {
	id, _ := number(l.fields[field])
	return id
}
