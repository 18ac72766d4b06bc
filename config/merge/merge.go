// SPDX-License-Identifier: Apache-2.0

// Package merge makes one config of two: a parent, and a child that is laid over it.
//
// It never fails and never validates; two valid configs may merge to an invalid one. The invariants: the inputs are not
// changed; the empty config is the identity, the version aside; and every value of the result has the origin that
// it had in the config it comes from.
package merge

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
)

// appended are the lists whose elements are never matched: the child's follow the parent's.
var appended = []string{
	"storage.raid.options", "storage.filesystems.options", "storage.filesystems.mountOptions",
	"storage.files.append", "storage.luks.options",
}

// siblings are lists that share one space of keys: an entry of the child in one of them drops the parent's entry of the
// same key in another.
var siblings = map[string][]string{
	"storage":         {"directories", "files", "links"},
	"kernelArguments": {"shouldExist", "shouldNotExist"},
}

// A value is a part of a config with where it comes from.
type value struct {
	reflect.Value
	from *origin
}

// Merge lays child over parent.
func Merge(parent types.Config, po Origins, child types.Config, co Origins) (types.Config, Origins) {
	out := object("", value{reflect.ValueOf(parent), po.root}, value{reflect.ValueOf(child), co.root}, nil)
	return out.Interface().(types.Config), Origins{out.from}
}

// merge merges two values of one type that stand at a path of member names.
func merge(path string, parent, child value, dropped map[string]bool) value {
	switch parent.Kind() {
	case reflect.Struct:
		switch {
		case child.IsZero():
			return parent
		case parent.IsZero():
			return child
		}
		return object(path, parent, child, dropped)
	case reflect.Slice:
		return list(path, parent, child, dropped)
	case reflect.Pointer:
		if child.IsNil() {
			return parent
		}
	}
	return child
}

// object merges two structs member by member.
func object(path string, parent, child value, _ map[string]bool) value {
	out := reflect.New(parent.Type()).Elem()
	from := &origin{members: map[string]*origin{}}
	if child.from != nil {
		from.place = child.from.span().Place()
	} else if parent.from != nil {
		from.place = parent.from.span().Place()
	}
	for _, f := range reflect.VisibleFields(parent.Type()) {
		if f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		sub := strings.TrimPrefix(path+"."+name, ".")
		merged := merge(sub, member(parent, f, name), member(child, f, name), siblingKeys(path, name, child.Value))
		out.FieldByIndex(f.Index).Set(merged.Value)
		if merged.from != nil {
			from.members[name] = merged.from
		}
	}
	return value{out, from}
}

func member(v value, f reflect.StructField, name string) value {
	m := value{Value: v.FieldByIndex(f.Index)}
	if v.from != nil {
		m.from = v.from.child(name)
	}
	return m
}

// siblingKeys returns the keys of the child's entries in the lists beside the one of the given name.
func siblingKeys(path, name string, child reflect.Value) map[string]bool {
	names := siblings[path]
	if !slices.Contains(names, name) {
		return nil
	}
	keys := map[string]bool{}
	for _, f := range reflect.VisibleFields(child.Type()) {
		other, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if other == name || !slices.Contains(names, other) {
			continue
		}
		entries := child.FieldByIndex(f.Index)
		for i := range entries.Len() {
			keys[key(entries.Index(i))] = true
		}
	}
	return keys
}

// key returns what identifies an element of a list.
func key(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	return v.Interface().(interface{ Key() string }).Key()
}

func item(v value, i int) value {
	e := value{Value: v.Index(i)}
	if v.from != nil {
		e.from = v.from.child(strconv.Itoa(i))
	}
	return e
}

// list merges two lists: the parent's elements in their places, each merged with its counterpart, then the child's
// that have none.
func list(path string, parent, child value, dropped map[string]bool) value {
	if child.Len() == 0 && len(dropped) == 0 {
		return parent
	}
	if parent.Len() == 0 {
		return child
	}
	var elements []value
	matched := make([]bool, child.Len())
	keyed := !slices.Contains(appended, path)
	index := map[string]int{}
	for i := 0; keyed && i < child.Len(); i++ {
		index[key(child.Index(i))] = i
	}
	for i := range parent.Len() {
		e := item(parent, i)
		if keyed {
			k := key(e.Value)
			if j, ok := index[k]; ok {
				matched[j] = true
				if removes(child.Index(j)) {
					continue
				}
				e = merge(path, e, item(child, j), nil)
			} else if dropped[k] {
				continue
			}
		}
		elements = append(elements, e)
	}
	for j := range child.Len() {
		if !matched[j] {
			elements = append(elements, item(child, j))
		}
	}
	return join(parent.Type(), elements)
}

// removes tells whether a child's element takes the parent's counterpart away: a header without a value does.
func removes(v reflect.Value) bool {
	h, ok := v.Interface().(types.HTTPHeader)
	return ok && h.Value == nil
}

func join(t reflect.Type, elements []value) value {
	out := reflect.MakeSlice(t, len(elements), len(elements))
	from := &origin{items: make([]*origin, len(elements))}
	for i, e := range elements {
		out.Index(i).Set(e.Value)
		from.items[i] = e.from
	}
	return value{out, from}
}
