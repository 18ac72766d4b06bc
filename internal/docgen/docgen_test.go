// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/spec"
)

var update = flag.Bool("update", false, "rewrite the generated files")

const docs = "../../docs"

func generate(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Files(os.DirFS("../../config/types"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFiles holds the files in the tree against what the types say.
func TestFiles(t *testing.T) {
	files := generate(t)
	for name, want := range files {
		file := filepath.Join(docs, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is out of date; run go test ./internal/docgen -update\n%s", file, diff)
		}
	}
	for _, dir := range []string{"reference", "schema"} {
		entries, err := os.ReadDir(filepath.Join(docs, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if files[dir+"/"+e.Name()] == nil {
				t.Errorf("%s/%s is not generated any more", dir, e.Name())
			}
		}
	}
}

// TestSchemas checks that the schema of its version accepts every case that is valid without a warning, and refuses
// every one with an unknown member or a wrong type.
func TestSchemas(t *testing.T) {
	files := generate(t)
	cases, err := filepath.Glob("../../tests/contract/testdata/validation-cases/*.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range cases {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Rule, Outcome string
			Config        any
			Raw           *string
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		if c.Raw != nil && json.Unmarshal([]byte(*c.Raw), &c.Config) != nil {
			continue
		}
		ignition, _ := lookup(c.Config, "ignition").(map[string]any)
		schema := files[fmt.Sprintf("schema/config-%v.schema.json", ignition["version"])]
		if schema == nil {
			continue
		}
		var root map[string]any
		if err := json.Unmarshal(schema, &root); err != nil {
			t.Fatal(err)
		}
		problem := check(root, root, c.Config)
		if c.Outcome == "ok" && problem != "" {
			t.Errorf("%s is valid; the schema says %s", filepath.Base(file), problem)
		}
		if (c.Rule == "V003" || c.Rule == "V007") && c.Outcome != "ok" && problem == "" {
			t.Errorf("%s: the schema accepts it", filepath.Base(file))
		}
	}
}

func lookup(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// check applies the keywords that our schemas use, and returns the first problem.
func check(root, s map[string]any, v any) string {
	if ref, ok := s["$ref"].(string); ok {
		s = lookup(root["$defs"], strings.TrimPrefix(ref, "#/$defs/")).(map[string]any)
	}
	if kind := typeOf(v); s["type"] != nil && s["type"] != kind {
		if list, _ := s["type"].([]any); !slices.Contains(list, any(kind)) {
			return fmt.Sprintf("%v is not of type %v", v, s["type"])
		}
	}
	if c, ok := s["const"]; ok && c != v {
		return fmt.Sprintf("%v is not %v", v, c)
	}
	if list, ok := s["enum"].([]any); ok && !slices.ContainsFunc(list, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		return fmt.Sprintf("%v is not one of %v", v, list)
	}
	switch v := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return v + " does not match " + p
		}
	case float64:
		if least, ok := s["minimum"].(float64); ok && (v < least || v > s["maximum"].(float64)) {
			return fmt.Sprintf("%v is out of range", v)
		}
	case []any:
		for _, e := range v {
			if p := check(root, s["items"].(map[string]any), e); p != "" {
				return p
			}
		}
	case map[string]any:
		return checkObject(root, s, v)
	}
	return ""
}

func checkObject(root, s, v map[string]any) string {
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Sprintf("%v is missing", name)
		}
	}
	for name, m := range v {
		member, ok := lookup(s["properties"], name).(map[string]any)
		if !ok {
			return name + " is unknown"
		}
		if p := check(root, member, m); p != "" {
			return p
		}
	}
	return ""
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	}
	return "object"
}

// TestEveryMember checks that a page has every member of its version and none of a later one.
func TestEveryMember(t *testing.T) {
	files := generate(t)
	for _, v := range spec.All() {
		page := string(files["reference/config-"+v.String()+".md"])
		for member, since := range map[string]spec.Version{
			"`luks`": spec.V3_2, "`cex`": spec.V3_5, "`kernelArguments`": spec.V3_3, "`advertisement`": spec.V3_4, "`httpHeaders`": spec.V3_1, "`files`": spec.V3_0,
		} {
			if strings.Contains(page, "| "+member+" |") != (v >= since) {
				t.Errorf("%s: %s is there or not", v, member)
			}
		}
	}
}
