// SPDX-License-Identifier: Apache-2.0

// Package merge makes one config of several: a parent, and children that are laid over it one after the other.
//
// It never fails and never validates; two valid configs may merge to an invalid one. It relies on keys being unique within
// a list, which validation sees to. The invariants: the inputs are not changed; the empty config is the identity, the
// version aside; every value of the result has the origin that it had in the config it comes from; and a merge of many
// configs takes time proportional to their total size.
package merge

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// Merge lays a child over a parent.
func Merge(parent types.Config, po Origins, child types.Config, co Origins) (types.Config, Origins) {
	m := New(parent, po)
	m.Add(child, co)
	return m.Result()
}

// siblings are lists that share one space of keys, by the path of the object that has them: an entry of the child in one
// of them drops the parent's entry of the same key in another.
var siblings = map[string][]string{
	"storage":         {"directories", "files", "links"},
	"kernelArguments": {"shouldExist", "shouldNotExist"},
}

// A Merger lays configs over each other.
type Merger struct {
	config types.Config
	origin origin
	mine   *token
	lists  map[string]*list // keyed lists that are not within other lists, by path
	steps  []any            // from the root to the value at hand
	notes  diag.List
}

// list is what a Merger knows about a keyed list. It is kept from one child to the next: looking for a key must not cost
// a walk over all that was merged before.
type list struct {
	value reflect.Value
	from  *origin
	index map[string]int
	dead  map[int]bool // elements that a sibling's entry has dropped
}

// New begins with a parent.
func New(parent types.Config, origins Origins) *Merger {
	return &Merger{config: parent, origin: origins.root, mine: &token{}, lists: map[string]*list{}}
}

// Add lays a child over what was merged so far.
func (m *Merger) Add(child types.Config, origins Origins) {
	into := reflect.ValueOf(&m.config).Elem()
	m.object(spec.Config(), into, &m.origin, reflect.ValueOf(&child).Elem(), origins.root, true)
}

// Ignition returns what the configs so far say about fetching.
func (m *Merger) Ignition() types.Ignition { return m.config.Ignition }

// Notes returns warnings where merging as the format demands gave a result that hardly anyone wants.
func (m *Merger) Notes() diag.List { return m.notes }

// Result returns the merged config. Later calls of Add do not change it.
func (m *Merger) Result() (types.Config, Origins) {
	for _, l := range m.lists {
		l.compact(m.mine)
	}
	m.mine = &token{}
	clear(m.lists)
	return m.config, Origins{m.origin}
}

// object merges a child's object into one that the Merger may change. Objects within lists are not open: their lists are
// short, and no index is kept for them.
func (m *Merger) object(shape *spec.Struct, into reflect.Value, from *origin, child reflect.Value, co origin, open bool) {
	m.note(into, child, co)
	own := from.mine(m.mine)
	if !co.unknown() {
		own.at = co
	}
	if open {
		m.dropSiblings(shape, into, from, child)
	}
	for i := range shape.Fields {
		f := &shape.Fields[i]
		value := child.FieldByIndex(f.Index)
		if value.IsZero() {
			continue
		}
		target, origin := into.FieldByIndex(f.Index), co.child(f.Name)
		m.steps = append(m.steps, f.Name)
		switch {
		case value.Kind() == reflect.Slice && value.Len() == 0:
		case target.IsZero() || value.Kind() != reflect.Slice && value.Kind() != reflect.Struct:
			target.Set(value)
			own.set(f.Name, origin)
		case value.Kind() == reflect.Struct:
			below := from.child(f.Name)
			m.object(f.Elem, target, &below, value, origin, open)
			own.set(f.Name, below)
		default:
			m.list(f, target, from, value, origin, open)
		}
		m.steps = m.steps[:len(m.steps)-1]
	}
}

// list merges a child's list into one that has elements.
func (m *Merger) list(f *spec.Field, into reflect.Value, from *origin, child reflect.Value, co origin, open bool) {
	l := m.lists[f.Path]
	if l == nil || !open {
		l = m.take(f, into, from)
		if open && f.List == spec.Keyed {
			m.lists[f.Path] = l
		}
	}
	items := l.from.list(m.mine, into.Len())
	for i := range child.Len() {
		e, origin := child.Index(i), co.child(strconv.Itoa(i))
		k := ""
		if f.List == spec.Keyed {
			k = key(e)
			if at, ok := l.index[k]; ok {
				m.element(f, l, items, at, e, origin)
				continue
			}
			l.index[k] = l.value.Len()
		}
		l.value.Set(reflect.Append(l.value, e))
		items.items = append(items.items, origin)
	}
	if !open {
		l.compact(m.mine)
	}
	from.own.set(f.Name, *l.from)
}

// element merges a child's element with its counterpart.
func (m *Merger) element(f *spec.Field, l *list, items *composed, at int, child reflect.Value, co origin) {
	if h, ok := child.Addr().Interface().(*types.HTTPHeader); ok && h.Value == nil {
		l.drop(at, h.Name)
		return
	}
	if f.Elem == nil {
		return
	}
	m.steps = append(m.steps, at)
	m.object(f.Elem, l.value.Index(at), &items.items[at], child, co, false)
	m.steps = m.steps[:len(m.steps)-1]
}

// take copies a list, so that the Merger may change it.
func (m *Merger) take(f *spec.Field, into reflect.Value, from *origin) *list {
	n := into.Len()
	fresh := reflect.MakeSlice(into.Type(), n, n+n/4+1)
	reflect.Copy(fresh, into)
	into.Set(fresh)
	below := from.child(f.Name)
	l := &list{value: into, from: &below}
	if f.List == spec.Keyed {
		l.index = make(map[string]int, n)
		for i := range n {
			if k := key(fresh.Index(i)); !has(l.index, k) {
				l.index[k] = i
			}
		}
	}
	return l
}

// dropSiblings drops the elements whose keys a child uses in another list of the same space.
func (m *Merger) dropSiblings(shape *spec.Struct, into reflect.Value, from *origin, child reflect.Value) {
	names := siblings[shape.Path]
	for i := range shape.Fields {
		f := &shape.Fields[i]
		target := into.FieldByIndex(f.Index)
		if !slices.Contains(names, f.Name) || target.Len() == 0 {
			continue
		}
		keys := siblingKeys(shape, f, names, child)
		if len(keys) == 0 {
			continue
		}
		l := m.lists[f.Path]
		if l == nil {
			l = m.take(f, target, from)
			m.lists[f.Path] = l
			l.from.list(m.mine, target.Len())
			from.own.set(f.Name, *l.from)
		}
		for k := range keys {
			if at, ok := l.index[k]; ok {
				l.drop(at, k)
			}
		}
		if len(l.dead) == target.Len() {
			l.compact(m.mine)
			delete(m.lists, f.Path)
		}
	}
}

// siblingKeys returns the keys that a child uses in the other lists of a space, and not in the list f itself.
func siblingKeys(shape *spec.Struct, f *spec.Field, names []string, child reflect.Value) map[string]bool {
	keys := map[string]bool{}
	for i := range shape.Fields {
		other := &shape.Fields[i]
		if other.Name == f.Name || !slices.Contains(names, other.Name) {
			continue
		}
		value := child.FieldByIndex(other.Index)
		for j := range value.Len() {
			keys[key(value.Index(j))] = true
		}
	}
	if len(keys) > 0 {
		value := child.FieldByIndex(f.Index)
		for j := range value.Len() {
			delete(keys, key(value.Index(j)))
		}
	}
	return keys
}

// drop marks an element as dropped.
func (l *list) drop(at int, key string) {
	if l.dead == nil {
		l.dead = map[int]bool{}
	}
	l.dead[at] = true
	delete(l.index, key)
}

// compact removes the dropped elements.
func (l *list) compact(by *token) {
	if len(l.dead) == 0 {
		return
	}
	items := l.from.list(by, l.value.Len())
	kept := 0
	for i := range l.value.Len() {
		if !l.dead[i] {
			l.value.Index(kept).Set(l.value.Index(i))
			items.items[kept] = items.items[i]
			kept++
		}
	}
	items.items = items.items[:kept]
	l.value.Set(l.value.Slice3(0, kept, kept))
	if kept == 0 {
		l.value.SetZero()
	}
	l.dead = nil
}

// key returns what identifies an element of a list.
func key(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	if k, ok := v.Addr().Interface().(interface{ Key() string }); ok {
		return k.Key()
	}
	return ""
}

func has(index map[string]int, key string) bool {
	_, ok := index[key]
	return ok
}

// note warns if a resource gets a new source but keeps the hash or compression of the old one.
func (m *Merger) note(into, child reflect.Value, co origin) {
	p, ok := into.Addr().Interface().(*types.Resource)
	if !ok {
		return
	}
	c, ok := child.Addr().Interface().(*types.Resource)
	if !ok || c.Source == nil || p.Source == nil || *c.Source == *p.Source {
		return
	}
	keeps := ""
	switch hash, compression := stays(p.Verification.Hash, c.Verification.Hash), stays(p.Compression, c.Compression); {
	case hash && compression:
		keeps = "verification.hash and compression"
	case hash:
		keeps = "verification.hash"
	case compression:
		keeps = "compression"
	default:
		return
	}
	m.notes = append(m.notes, diag.Diagnostic{
		Severity: diag.Warning, Code: "W001", Path: path.New("json", slices.Clone(m.steps)...), Span: co.child("source").span(),
		Summary: "the source is replaced, and " + keeps + " of the config that it is merged over stays in force",
		Hint:    "give " + keeps + " along with the new source",
	})
}

// stays reports whether a value of the parent that has an effect is kept.
func stays(parent, child *string) bool { return parent != nil && *parent != "" && child == nil }
