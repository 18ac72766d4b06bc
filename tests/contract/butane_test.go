// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// butaneCase is a directory of testdata/butane-cases.
type butaneCase struct {
	dir  string
	text []byte
	o    author.Options
}

func butaneCases(t *testing.T, f func(t *testing.T, c butaneCase)) {
	t.Helper()
	dirs, err := filepath.Glob("testdata/butane-cases/*/in.bu")
	if err != nil || len(dirs) < 70 {
		t.Fatalf("%d cases, %v", len(dirs), err)
	}
	for _, in := range dirs {
		c := butaneCase{dir: filepath.Dir(in)}
		t.Run(filepath.Base(c.dir), func(t *testing.T) {
			c.text = file(t, in)
			args := strings.Fields(string(optional(c.dir, "args")))
			c.o.Raw = slices.Contains(args, "--raw")
			if i := slices.Index(args, "--files-dir"); i >= 0 {
				root, err := os.OpenRoot(filepath.Join(c.dir, args[i+1]))
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				c.o.Files = root.FS()
			}
			f(t, c)
		})
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// optional returns a file of a case, empty if the case has none.
func optional(dir, name string) []byte {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return text
}

// TestButane compares the output, the verdict, and every diagnostic with its kind, path, line and column, in order.
func TestButane(t *testing.T) {
	butaneCases(t, func(t *testing.T, c butaneCase) {
		r, _, report := config.Build(diag.NewSource("in.bu", c.text), c.o)
		want := strings.TrimSpace(string(optional(c.dir, "report")))
		if want == "" {
			want = "exit 0"
		}
		if diff := gocmp.Diff(want, verdict(report)); diff != "" {
			t.Errorf("the report differs (-want +got):\n%s\n%s", diff, lines(report))
		}
		expected := optional(c.dir, "out.ign")
		if r == nil || len(expected) == 0 {
			if (r == nil) != (len(expected) == 0) {
				t.Errorf("there should be output: %v\n%s", len(expected) > 0, lines(report))
			}
			return
		}
		var b bytes.Buffer
		if err := r.WriteJSON(&b, r.Variant.Spec, false); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(value(t, expected), value(t, b.Bytes())); diff != "" {
			t.Errorf("the output differs (-want +got):\n%s", diff)
		}
		d, report := config.ParseWith(diag.NewSource("out", b.Bytes()), config.Options{JSONOnly: true})
		if report.HasErrors() || d.Config.Ignition.Version == "" {
			t.Errorf("the output is not valid at the version that it states:\n%s", lines(report))
		}
		if wrapped := optional(c.dir, "out.yaml"); wrapped != nil {
			machineConfig(t, r, wrapped)
		}
	})
}

// TestGeneratedPlaces checks that everything sugar generates has a place in the YAML: every node has one, and findings about
// members that an older version lacks are at a path of the document.
func TestGeneratedPlaces(t *testing.T) {
	butaneCases(t, func(t *testing.T, c butaneCase) {
		r, d, _ := config.Build(diag.NewSource("in.bu", c.text), c.o)
		if r == nil {
			return
		}
		var walk func(n *doc.Node, at string)
		walk = func(n *doc.Node, at string) {
			if n.Start < 0 || n.End < n.Start || int(n.End) > len(c.text) || n.Kind != doc.Object && n.Kind != doc.List && n.Start == n.End && n.Text != "" {
				t.Errorf("%s has no place: %d to %d", at, n.Start, n.End)
			}
			for i := range n.Kids {
				walk(&n.Kids[i].Node, at+"."+n.Kids[i].Key)
			}
		}
		walk(&r.Doc.Root, "$")
		var top map[string]any
		if err := yaml.Unmarshal(c.text, &top); err != nil {
			t.Fatal(err)
		}
		for v := spec.V3_0; v < r.Variant.Spec; v++ {
			_, found := config.MarshalVersion(d, v)
			for _, f := range r.Relocate(found) {
				name, _ := f.Path.Path[0].(string)
				if _, ok := top[name]; !ok || f.Span.Start.Offset == 0 {
					t.Errorf("version %s: %s is not in the document", v, f.Line())
				}
			}
		}
	})
}

// TestAuthoredFindings checks that every finding about a generated config has a path that its author wrote in the YAML, and
// that compressing contents does not change the findings.
func TestAuthoredFindings(t *testing.T) {
	count := 0
	butaneCases(t, func(t *testing.T, c butaneCase) {
		src := diag.NewSource("in.bu", c.text)
		r, d, report := config.Translate(src, author.Options{Files: c.o.Files})
		report = lint.Authored(src, r, d, report)
		var top map[string]any
		if err := yaml.Unmarshal(c.text, &top); err != nil {
			return // paths cannot name anything
		}
		for _, f := range report {
			count++
			if f.Exact().Source != src || f.Exact().Start.Line < 1 || f.Hint == "" {
				t.Errorf("%s has no place in the document, or no hint", f)
			}
			if f.Path.Len() == 0 || strings.HasPrefix(f.Summary, "inline config") {
				continue // Butane has no path for it, or that in the inline config
			}
			if name, _ := f.Path.Path[0].(string); top[name] == nil && f.Code != author.CodeOpenShift {
				t.Errorf("%s: the document has no %s", f.Line(), name)
			}
			if text := f.Path.String(); text != strings.ToLower(text) && f.Code != author.CodeUnused {
				t.Errorf("%s: the path is not one of YAML", f.Line())
			}
		}
		again := lint.CheckWith(src, config.Options{Files: c.o.Files})
		if diff := gocmp.Diff(lines(again), lines(report)); diff != "" {
			t.Error(diff)
		}
	})
	if count < 50 {
		t.Errorf("there are only %d findings", count)
	}
}

func machineConfig(t *testing.T, r *author.Result, want []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteMachineConfig(&b, r.Variant.Spec); err != nil {
		t.Fatal(err)
	}
	var got, expected any
	if err := yaml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(want, &expected); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(decoded(expected), decoded(got)); diff != "" {
		t.Errorf("the MachineConfig differs (-want +got):\n%s", diff)
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	if first != "# Generated by Butane; do not edit" {
		t.Errorf("the first line is %q", first)
	}
}

// verdict prints a report in the form of the cases: columns count characters, and findings without path have no entry.
func verdict(report diag.List) string {
	out := []string{"exit 0"}
	if report.HasErrors() {
		out[0] = "exit 1"
	}
	for _, d := range report {
		if d.Path.Len() == 0 {
			continue
		}
		column := d.Span.Start.Column
		if line := d.Span.Source.Line(d.Span.Start.Line); column-1 <= len(line) {
			column = utf8.RuneCountInString(line[:column-1]) + 1
		}
		out = append(out, fmt.Sprintf("%s %s %d %d", d.Severity, d.Path, d.Span.Start.Line, column))
	}
	return strings.Join(out, "\n")
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return decoded(v)
}

// decoded decodes gzip data URLs within a value: compressors differ, but their contents do not.
func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = decoded(v[k])
		}
		if s, ok := v["source"].(string); ok && v["compression"] == "gzip" {
			v["source"] = contents(s)
		}
	case []any:
		for i := range v {
			v[i] = decoded(v[i])
		}
	}
	return v
}

// contents returns the payload of a data URL, preceded by its form.
func contents(source string) string {
	head, rest, ok := strings.Cut(strings.TrimPrefix(source, "data:"), ",")
	if !ok || !strings.HasPrefix(source, "data:") {
		return source
	}
	text := []byte(rest)
	if head == ";base64" {
		text, _ = base64.StdEncoding.DecodeString(rest)
	} else if plain, err := url.PathUnescape(rest); err == nil {
		text = []byte(plain)
	}
	if z, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
		text, _ = io.ReadAll(z)
	}
	return head + "|" + string(text)
}
