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
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/spec"
)

var update = flag.Bool("update", false, "rewrite the generated files")

const docs = "../../docs"

// bySignatures is the page that internal/disk generates.
const bySignatures = "reference/signatures.md"

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
			if name := dir + "/" + e.Name(); files[name] == nil && name != bySignatures {
				t.Errorf("%s/%s is not generated any more", dir, e.Name())
			}
		}
	}
}

// beyondSchema are the rules that a schema cannot tell: they compare entries of lists, or look into texts. Of the others, every
// case that breaks them is refused by the schema.
var beyondSchema = strings.Fields(`V020 V022 V023 V104 V106 V107 V108 V220 V221 V222 V224 V230 V303 V304 V305 V410 V411 V504 V505 V506 V512 V520
	V601 V602 V603 V604 V605 V621`)

// countsBytes is the case of a label that is short in characters and long in bytes, which a schema does not count.
const countsBytes = "part-label-bytes-not-chars.json"

// TestSchemas checks that the schema of its version accepts every case that is valid without a warning, and refuses
// every one that is not, as far as a schema can, and those with an unknown member.
func TestSchemas(t *testing.T) {
	files := generate(t)
	cases, err := filepath.Glob("../../tests/contract/testdata/validation-cases/*.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	errors, refused := 0, 0
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
		if c.Outcome == "error" {
			errors++
			if problem != "" {
				refused++
			}
		}
		if (c.Outcome == "error" && !slices.Contains(beyondSchema, c.Rule) || c.Outcome != "ok" && c.Rule == "V007") && problem == "" && filepath.Base(file) != countsBytes {
			t.Errorf("%s: the schema accepts it", filepath.Base(file))
		}
	}
	t.Logf("of %d cases with an error, the schemas refuse %d", errors, refused)
}

// TestSchemaMember checks that a config may name its schema.
func TestSchemaMember(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(generate(t)["schema/config-3.6.0.schema.json"], &root); err != nil {
		t.Fatal(err)
	}
	if id, _ := root["$id"].(string); !strings.HasPrefix(id, "https://") {
		t.Errorf("the id is %s", id)
	}
	config := map[string]any{"$schema": root["$id"], "ignition": map[string]any{"version": "3.6.0"}}
	if p := check(root, root, config); p != "" {
		t.Error(p)
	}
}

func lookup(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// check applies the keywords that our schemas use, and returns the first problem.
func check(root, s map[string]any, v any) string {
	if ref, ok := s["$ref"].(string); ok {
		if p := check(root, lookup(root["$defs"], strings.TrimPrefix(ref, "#/$defs/")).(map[string]any), v); p != "" {
			return p
		}
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
	if p := checkCombined(root, s, v); p != "" {
		return p
	}
	switch v := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return v + " does not match " + p
		}
		if n := float64(utf8.RuneCountInString(v)); !within(s, "minLength", "maxLength", n) {
			return v + " is too short or too long"
		}
	case float64:
		if !within(s, "minimum", "maximum", v) {
			return fmt.Sprintf("%v is out of range", v)
		}
	case []any:
		return checkList(root, s, v)
	case map[string]any:
		return checkObject(root, s, v)
	}
	return ""
}

func within(s map[string]any, low, high string, n float64) bool {
	least, hasLeast := s[low].(float64)
	most, hasMost := s[high].(float64)
	return (!hasLeast || n >= least) && (!hasMost || n <= most)
}

// checkCombined applies the keywords that have schemas of their own.
func checkCombined(root, s map[string]any, v any) string {
	all, _ := s["allOf"].([]any)
	for _, a := range all {
		if p := check(root, a.(map[string]any), v); p != "" {
			return p
		}
	}
	if list, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(list, func(a any) bool { return check(root, a.(map[string]any), v) == "" }) {
		return fmt.Sprintf("%v is nothing of %v", v, list)
	}
	if not, ok := s["not"].(map[string]any); ok && check(root, not, v) == "" {
		return fmt.Sprintf("%v is %v", v, not)
	}
	if cond, ok := s["if"].(map[string]any); ok && check(root, cond, v) == "" {
		return check(root, s["then"].(map[string]any), v)
	}
	return ""
}

func checkList(root, s map[string]any, v []any) string {
	if !within(s, "minItems", "maxItems", float64(len(v))) {
		return "the list is too short or too long"
	}
	items, _ := s["items"].(map[string]any)
	for i, e := range v {
		if p := check(root, items, e); items != nil && p != "" {
			return p
		}
		if s["uniqueItems"] == true && slices.ContainsFunc(v[:i], func(o any) bool { return reflect.DeepEqual(o, e) }) {
			return fmt.Sprintf("%v is there twice", e)
		}
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
			if s["additionalProperties"] == false {
				return name + " is unknown"
			}
			continue
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
