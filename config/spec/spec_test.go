// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"errors"
	"reflect"
	"testing"

	"github.com/firstlight-boot/firstlight/config/types"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Version{
		"3.0.0": V3_0, "3.6.0": V3_6, "3.7.0-experimental": V3_7, "03.2.0": V3_2, "3.3.0-": V3_3,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for text, malformed := range map[string]bool{
		"": true, "3.4": true, "v3.4.0": true, "3.4.0 ": true, "3.4.0.0": true, "3.-4.0": true, "3.+4.0": true, "1": true,
		"2.3.0": false, "3.4.1": false, "3.8.0": false, "3.7.0": false, "3.6.0-experimental": false, "3.4.0+x": false, "4.0.0": false,
		"3.18446744073709551616.0": true, "3.999.0": false,
	} {
		_, err := Parse(text)
		var bad *ParseError
		if !errors.As(err, &bad) || bad.Malformed != malformed || bad.Error() == "" || bad.Hint() == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, v := range All() {
		if got, err := Parse(v.String()); err != nil || got != v {
			t.Errorf("%s: %v %v", v, got, err)
		}
	}
}

// TestTags checks that every member has the tags that it needs.
func TestTags(t *testing.T) {
	count := 0
	var walk func(s *Struct)
	walk = func(s *Struct) {
		for _, f := range s.Fields {
			count++
			if f.Since > Newest {
				t.Errorf("%s has no since tag", f.Path)
			}
			if f.Elem != nil {
				walk(f.Elem)
			}
			if f.Type.Kind() == reflect.Slice && f.Elem != nil && f.List == Keyed {
				if _, ok := reflect.New(f.Type.Elem()).Interface().(interface{ Key() string }); !ok {
					t.Errorf("elements of %s have no Key", f.Path)
				}
			}
		}
	}
	walk(Config())
	if count < 170 {
		t.Errorf("there are only %d members", count)
	}
}

func TestSince(t *testing.T) {
	for path, want := range map[string]Version{
		"storage.files.contents.compression": V3_0, "ignition.config.merge.compression": V3_1, "ignition.config.replace.compression": V3_1,
		"storage.luks.keyFile.compression": V3_2, "storage.luks.cex.enabled": V3_5, "storage.files.contents.httpHeaders.value": V3_1,
		"kernelArguments.shouldExist": V3_3, "storage.files.path": V3_0, "storage.luks.clevis.tang.advertisement": V3_4,
	} {
		if got := find(t, path).Since; got != want {
			t.Errorf("%s: since %s, want %s", path, got, want)
		}
	}
}

func find(t *testing.T, path string) Field {
	t.Helper()
	var found *Field
	var walk func(s *Struct)
	walk = func(s *Struct) {
		for i := range s.Fields {
			if s.Fields[i].Path == path {
				found = &s.Fields[i]
			}
			if s.Fields[i].Elem != nil {
				walk(s.Fields[i].Elem)
			}
		}
	}
	walk(Config())
	if found == nil {
		t.Fatalf("there is no %s", path)
	}
	return *found
}

func TestFind(t *testing.T) {
	s := Config()
	for name, want := range map[string]bool{"storage": true, "Storage": true, "STORAGE": true, "ſtorage": true, "storages": false, "": false} {
		if f, exact := s.Find(name, Newest); (f != nil) != want || exact != (name == "storage") {
			t.Errorf("%s: %v %v", name, f, exact)
		}
	}
	if f, _ := s.Find("kernelArguments", V3_2); f != nil {
		t.Error("3.2.0 does not know kernelArguments")
	}
}

func TestRaise(t *testing.T) {
	mode, pin := 0o4755, "tang"
	c := types.Config{Storage: types.Storage{
		Files: []types.File{{Mode: &mode}}, Raid: []types.Raid{{}}, Links: []types.Link{{}},
		Luks: []types.Luks{{Clevis: types.Clevis{Custom: types.ClevisCustom{Pin: &pin}}}, {}},
	}}
	Raise(&c, V3_2, func(luks int) bool { return luks == 0 })
	s := &c.Storage
	if mode != 0o4755 || *s.Files[0].Mode != 0o755 {
		t.Error("special bits: of a copy, they should be gone")
	}
	if s.Raid[0].Level == nil || s.Links[0].Target == nil || s.Luks[0].Clevis.Custom.Config == nil || s.Luks[1].Clevis.Custom.Pin != nil {
		t.Errorf("%+v", s)
	}
	if c.Ignition.Version != "3.7.0-experimental" {
		t.Error(c.Ignition.Version)
	}
}
