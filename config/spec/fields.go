// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/config/types"
)

// A Struct describes an object of the config at one place: its members, in the order of the type.
type Struct struct {
	Path   string // of member names, lists without index: "storage.files.contents"; empty for the config itself
	Type   reflect.Type
	Fields []Field
}

// A Field is one member of an object, with what its tags and the overrides say.
type Field struct {
	Name   string       // as in JSON
	Path   string       // of member names
	GoName string       // in package types
	Owner  reflect.Type // the struct that declares the field, which may be embedded
	Since  Version      // the first version that knows the member here
	Need   Version      // the first version that demands it; Newest+1 if none does
	Index  []int        // for reflect's FieldByIndex
	Type   reflect.Type
	List   Merging // how a list merges
	Always bool    // encoding/json writes the member even if it is empty
	Elem   *Struct // of objects and of lists of objects
}

// Merging says how a child's list joins its parent's.
type Merging int

// The ways of merging lists.
const (
	Keyed    Merging = iota // elements of equal key become one
	Appended                // all of the child's elements follow the parent's
)

// overrides holds the members whose first version depends on where they are, by path of member names: in 3.0.0 only
// the contents of files could be compressed.
var overrides = map[string]Version{
	"ignition.config.merge.compression":                        V3_1,
	"ignition.config.replace.compression":                      V3_1,
	"ignition.security.tls.certificateAuthorities.compression": V3_1,
}

// needs holds the members that are demanded at some places only.
var needs = map[string]Version{
	"ignition.config.merge.source":                        V3_1,
	"ignition.security.tls.certificateAuthorities.source": V3_0,
}

// Config describes a whole config. It is derived from the tags of package types once.
var Config = sync.OnceValue(func() *Struct { return Describe(reflect.TypeFor[types.Config]()) })

// Describe describes a struct with the tags of package types.
func Describe(t reflect.Type) *Struct { return describe(t, "", V3_0) }

func describe(t reflect.Type, at string, since Version) *Struct {
	s := &Struct{Path: at, Type: t}
	s.add(t, nil, since)
	return s
}

// add adds the members that a struct declares, and those of the structs that it embeds. index leads to the struct.
func (s *Struct) add(t reflect.Type, index []int, since Version) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(index), i)
		if f.Anonymous {
			s.add(f.Type, index, since)
			continue
		}
		tag, ok := f.Tag.Lookup("json")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		field := Field{
			Name: name, Path: strings.TrimPrefix(s.Path+"."+name, "."), GoName: f.Name, Owner: t,
			Need: minor(f.Tag.Get("need")), Index: index, Type: f.Type, Always: options != "omitempty",
		}
		field.Since = max(since, minor(f.Tag.Get("since")), overrides[field.Path])
		if need, ok := needs[field.Path]; ok {
			field.Need = need
		}
		if f.Tag.Get("list") == "append" {
			field.List = Appended
		}
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct {
			field.Elem = describe(elem, field.Path, field.Since)
		}
		s.Fields = append(s.Fields, field)
	}
}

// minor reads a since or need tag: "3.4". Without a tag it returns a version after the newest.
func minor(tag string) Version {
	n, err := strconv.Atoi(strings.TrimPrefix(tag, "3."))
	if err != nil {
		return Newest + 1
	}
	return Version(n)
}

// Find returns the member with exactly a name or, failing that, with other letter case, as encoding/json
// matches names.
func (s *Struct) Find(name string, v Version) (f *Field, exact bool) {
	var folded *Field
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case f.Since > v:
		case f.Name == name:
			return f, true
		case folded == nil && len(f.Name) <= len(name) && strings.EqualFold(f.Name, name):
			folded = f
		}
	}
	return folded, false
}
