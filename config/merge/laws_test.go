// SPDX-License-Identifier: Apache-2.0

package merge_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// A maker makes random configs whose lists have unique keys of a small alphabet, so that merging has work to do.
type maker struct {
	*rand.Rand
	apart bool // lists of one key space use different keys, and every header has a value: then merging is associative
}

func (m maker) fill(v reflect.Value, shape *spec.Struct) {
	for i := range shape.Fields {
		f := &shape.Fields[i]
		if m.IntN(3) == 0 {
			continue
		}
		m.field(v.FieldByIndex(f.Index), f)
	}
}

func (m maker) field(v reflect.Value, f *spec.Field) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.field(v.Elem(), f)
	case reflect.Struct:
		m.fill(v, f.Elem)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s%d", f.Name, m.IntN(3)))
	case reflect.Int:
		v.SetInt(int64(m.IntN(4)))
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Slice:
		m.list(v, f)
	}
}

func (m maker) list(v reflect.Value, f *spec.Field) {
	seen := map[string]bool{}
	for range m.IntN(5) {
		e := reflect.New(v.Type().Elem()).Elem()
		if f.Elem == nil {
			e.SetString(fmt.Sprintf("%s%d", m.space(f.Name), m.IntN(5)))
		} else {
			m.fill(e, f.Elem)
			m.name(e, f)
		}
		k := key(e)
		if f.List == spec.Keyed && seen[k] {
			continue
		}
		seen[k] = true
		v.Set(reflect.Append(v, e))
	}
}

// space is the prefix of keys of a list.
func (m maker) space(list string) string {
	if m.apart {
		return "/" + list
	}
	return "/"
}

// name gives an element a key.
func (m maker) name(e reflect.Value, f *spec.Field) {
	name := fmt.Sprintf("%s%d", m.space(f.Name), m.IntN(5))
	switch p := e.Addr().Interface().(type) {
	case *types.Partition:
		if p.Number = m.IntN(4); p.Number == 0 {
			p.Label = &name
		}
	case *types.HTTPHeader:
		p.Name = name
		if m.apart && p.Value == nil {
			p.Value = &name
		}
	case *types.Resource:
		if f.List == spec.Keyed {
			p.Source = &name
		}
	default:
		for _, member := range []string{"Path", "Device", "Name", "URL"} {
			if field := e.FieldByName(member); field.IsValid() && field.Kind() == reflect.String {
				field.SetString(name)
				return
			}
		}
	}
}

func key(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	return v.Addr().Interface().(interface{ Key() string }).Key()
}

// config is a config with its origins and its text.
type config struct {
	types.Config
	merge.Origins
}

func (m maker) config(t *testing.T, name string) config {
	t.Helper()
	var c types.Config
	m.fill(reflect.ValueOf(&c).Elem(), spec.Config())
	c.Ignition.Version = "3.7.0-experimental"
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	d, report := doc.ParseJSON(diag.NewSource(name, text))
	if report.HasErrors() {
		t.Fatal(report)
	}
	var back types.Config
	if report := d.Decode(&back, spec.Config(), spec.Newest); len(report) > 0 {
		t.Fatal(report[0].Line())
	}
	return config{back, merge.Of(d)}
}

func over(parent, child config) config {
	c, o := merge.Merge(parent.Config, parent.Origins, child.Config, child.Origins)
	return config{c, o}
}

const rounds = 100

func makers(t *testing.T, apart bool, f func(t *testing.T, m maker)) {
	t.Helper()
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { f(t, maker{rand.New(rand.NewPCG(seed, 1)), apart}) })
	}
}

func text(t *testing.T, c types.Config) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestIdentity(t *testing.T) {
	makers(t, false, func(t *testing.T, m maker) {
		c := m.config(t, "c")
		if diff := cmp.Diff(c.Config, over(c, config{}).Config); diff != "" {
			t.Errorf("with an empty child: %s", diff)
		}
		if diff := cmp.Diff(c.Config, over(config{}, c).Config); diff != "" {
			t.Errorf("with an empty parent: %s", diff)
		}
	})
}

func TestAssociativity(t *testing.T) {
	makers(t, true, func(t *testing.T, m maker) {
		a, b, c := m.config(t, "a"), m.config(t, "b"), m.config(t, "c")
		if diff := cmp.Diff(over(over(a, b), c).Config, over(a, over(b, c)).Config); diff != "" {
			t.Error(diff)
		}
	})
}

// TestInputsUnchanged also checks that a result does not change when its Merger goes on.
func TestInputsUnchanged(t *testing.T) {
	makers(t, false, func(t *testing.T, m maker) {
		list := []config{m.config(t, "a"), m.config(t, "b"), m.config(t, "c"), m.config(t, "d")}
		var before []string
		for _, c := range list {
			before = append(before, text(t, c.Config), stored(t, c.Origins))
		}
		merger := merge.New(list[0].Config, list[0].Origins)
		folded := list[0]
		var results []config
		var then []string
		for _, c := range list[1:] {
			merger.Add(c.Config, c.Origins)
			folded = over(folded, c)
			if m.IntN(2) == 0 {
				r, o := merger.Result()
				results = append(results, config{r, o})
				then = append(then, text(t, r), stored(t, o))
			}
		}
		last, origins := merger.Result()
		if diff := cmp.Diff(folded.Config, last); diff != "" {
			t.Errorf("one after the other and two by two differ: %s", diff)
		}
		if a, b := stored(t, folded.Origins), stored(t, origins); a != b {
			t.Errorf("origins differ: %s", cmp.Diff(a, b))
		}
		var after []string
		for _, c := range list {
			after = append(after, text(t, c.Config), stored(t, c.Origins))
		}
		if !slices.Equal(before, after) {
			t.Error("an input has changed")
		}
		for i, r := range results {
			if text(t, r.Config) != then[2*i] || stored(t, r.Origins) != then[2*i+1] {
				t.Error("an earlier result has changed")
			}
		}
	})
}

func stored(t *testing.T, o merge.Origins) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOrigins checks that every scalar of a merged config has its value where its origin says, and that origins survive
// being written down.
func TestOrigins(t *testing.T) {
	makers(t, false, func(t *testing.T, m maker) {
		c := over(over(m.config(t, "a"), m.config(t, "b")), over(m.config(t, "c"), m.config(t, "d")))
		var back merge.Origins
		if err := json.Unmarshal([]byte(stored(t, c.Origins)), &back); err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal([]byte(text(t, c.Config)), &tree); err != nil {
			t.Fatal(err)
		}
		each("$", tree, func(path string, want any) {
			span := c.Span(path)
			if span.Source == nil {
				t.Errorf("%s has no origin", path)
				return
			}
			got, _ := doc.ParseJSON(diag.NewSource("", span.Source.Text[span.Start.Offset:span.End.Offset]))
			if got == nil || got.Root.Text != fmt.Sprint(want) {
				t.Errorf("%s is %v, its origin %s has %q", path, want, c.At(path), span.Source.Text[span.Start.Offset:span.End.Offset])
			}
			if again := back.At(path); again != c.At(path) {
				t.Errorf("%s: %s was written down as %s", path, c.At(path), again)
			}
		})
		if back.At("$.storage.files.0.nothing") != c.At("$.storage.files.0.nothing") {
			t.Error("the nearest value differs")
		}
	})
}

// each calls f with every scalar below a value.
func each(path string, v any, f func(string, any)) {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			each(path+"."+name, m, f)
		}
	case []any:
		for i, e := range v {
			each(fmt.Sprintf("%s.%d", path, i), e, f)
		}
	default:
		f(path, v)
	}
}

// TestAgainstModel compares merging with a second one, which is simple, slow, and works on plain JSON.
func TestAgainstModel(t *testing.T) {
	makers(t, false, func(t *testing.T, m maker) {
		a, b := m.config(t, "a"), m.config(t, "b")
		want := modelObject(spec.Config(), plain(t, a), plain(t, b))
		if diff := cmp.Diff(prune(any(want)), prune(any(plain(t, over(a, b))))); diff != "" {
			t.Error(diff)
		}
	})
}

// plain returns a config as plain JSON without empty members.
func plain(t *testing.T, c config) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text(t, c.Config)), &v); err != nil {
		t.Fatal(err)
	}
	prune(v)
	return v
}

func modelObject(shape *spec.Struct, parent, child map[string]any) map[string]any {
	out := map[string]any{}
	for i := range shape.Fields {
		f := &shape.Fields[i]
		p, c := parent[f.Name], child[f.Name]
		list, isList := c.([]any)
		if p, ok := p.([]any); ok || isList {
			out[f.Name] = modelList(f, p, list, taken(shape.Path, f.Name, child))
			continue
		}
		switch {
		case c == nil:
			out[f.Name] = p
		case p == nil || f.Elem == nil:
			out[f.Name] = c
		default:
			out[f.Name] = modelObject(f.Elem, p.(map[string]any), c.(map[string]any))
		}
	}
	return out
}

// taken returns the keys that the child uses in the other lists of a key space.
func taken(at, name string, child map[string]any) map[string]bool {
	keys := map[string]bool{}
	for _, space := range [][]string{{"storage", "files", "directories", "links"}, {"kernelArguments", "shouldExist", "shouldNotExist"}} {
		if space[0] != at || !slices.Contains(space[1:], name) {
			continue
		}
		for _, other := range space[1:] {
			list, _ := child[other].([]any)
			for _, e := range list {
				if other != name {
					keys[modelKey(other, e)] = true
				}
			}
		}
	}
	return keys
}

func modelKey(list string, e any) string {
	o, ok := e.(map[string]any)
	if !ok {
		return e.(string)
	}
	if n, ok := o["number"]; list == "partitions" && ok && n != 0.0 {
		return fmt.Sprint("number ", n)
	}
	member := map[string]string{
		"files": "path", "directories": "path", "links": "path", "disks": "device", "filesystems": "device", "tang": "url",
		"merge": "source", "certificateAuthorities": "source", "partitions": "label",
	}[list]
	if member == "" {
		member = "name"
	}
	return fmt.Sprint(o[member])
}

func modelList(f *spec.Field, parent, child []any, taken map[string]bool) []any {
	if f.List == spec.Appended {
		return append(slices.Clone(parent), child...)
	}
	var out []any
	matched := map[int]bool{}
	for _, e := range parent {
		k := modelKey(f.Name, e)
		j := slices.IndexFunc(child, func(c any) bool { return modelKey(f.Name, c) == k })
		switch {
		case j < 0 && taken[k]:
		case j < 0:
			out = append(out, e)
		default:
			matched[j] = true
			c, isObject := child[j].(map[string]any)
			if !isObject {
				out = append(out, e)
			} else if _, ok := c["value"]; f.Name != "httpHeaders" || ok {
				out = append(out, modelObject(f.Elem, e.(map[string]any), c))
			}
		}
	}
	for j, c := range child {
		if !matched[j] {
			out = append(out, c)
		}
	}
	return out
}

// prune removes members that have nothing in them; elements of lists stay.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			m = prune(m)
			if o, ok := m.(map[string]any); m == nil || ok && len(o) == 0 {
				delete(v, name)
			} else if l, ok := m.([]any); ok && len(l) == 0 {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}
