// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
)

// names is a field with a list of names. The time to add or remove one does not depend on how many there are.
type names struct {
	names   []string
	at      map[string][]int // where each name is
	changed bool
}

// noName stands in the place of a name that was removed. No line can hold it.
const noName = "\n"

// list returns a field as a list.
func (l *line) list(field int) *names {
	if n := l.lists[field]; n != nil {
		return n
	}
	n := &names{at: map[string][]int{}}
	for _, name := range strings.Split(l.fields[field], ",") {
		if name = strings.TrimLeft(name, blanks); name != "" {
			n.at[name] = append(n.at[name], len(n.names))
			n.names = append(n.names, name)
		}
	}
	if l.lists == nil {
		l.lists = map[int]*names{}
	}
	l.lists[field] = n
	return n
}

func (n *names) text() string {
	n.names = slices.DeleteFunc(n.names, func(name string) bool { return name == noName })
	clear(n.at)
	for i, name := range n.names {
		n.at[name] = append(n.at[name], i)
	}
	n.changed = false
	return strings.Join(n.names, ",")
}

// member puts a name into a field of names, or takes it out.
func (t *table) member(l *line, field int, name string, in bool) {
	list := l.list(field)
	places := list.at[name]
	if in == (len(places) > 0) {
		return
	}
	if in {
		list.at[name] = []int{len(list.names)}
		list.names = append(list.names, name)
		if of := t.members[field]; of != nil {
			of[name] = append(of[name], l)
		}
	} else {
		for _, i := range places {
			list.names[i] = noName
		}
		delete(list.at, name)
	}
	list.changed, l.raw, t.changed = true, "", true
}

// with returns the lines that have a name in a field of names, and perhaps some that no longer do.
func (t *table) with(field int, name string) []*line {
	if t.members == nil {
		t.members = map[int]map[string][]*line{}
	}
	of := t.members[field]
	if of == nil {
		of = map[string][]*line{}
		for _, l := range t.understood() {
			for _, n := range l.list(field).names {
				of[n] = append(of[n], l)
			}
		}
		t.members[field] = of
	}
	return of[name]
}

// leave removes a name from a field of names in all lines except those of the kept names.
func (t *table) leave(field int, name string, kept map[string]bool) {
	lines := t.with(field, name)
	delete(t.members[field], name)
	for _, l := range lines {
		switch {
		case l.gone:
		case kept[l.fields[0]]:
			t.members[field][name] = append(t.members[field][name], l)
		default:
			t.member(l, field, name, false)
		}
	}
}
