// SPDX-License-Identifier: Apache-2.0

// Package contract runs the cases that define the meaning of a config: documents with their findings, pairs of configs with
// their merge, and configs with references with their result. The cases are data; their answers are those of Ignition 2.27.
package contract

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/rules"
)

// cases calls f with every case file of a directory.
func cases[T any](t *testing.T, dir string, f func(*testing.T, T)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c T
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			f(t, c)
		})
	}
}

// entry is one entry of a report. Lines and columns are compared where the exact text of the document is known.
type entry struct {
	Level string `json:"level"`
	Path  string `json:"path"`
	Line  *int   `json:"line"`
	Col   *int   `json:"col"`
}

type validationCase struct {
	Rule    string          `json:"rule"`
	Config  json.RawMessage `json:"config"`
	Raw     *string         `json:"raw"`
	Outcome string          `json:"outcome"`
	Path    string          `json:"path"`
	Verdict struct {
		Exit    int     `json:"exit"`
		Entries []entry `json:"entries"`
	} `json:"verdict"`
}

func TestValidation(t *testing.T) {
	cases(t, "validation-cases", func(t *testing.T, c validationCase) {
		text := []byte(c.Config)
		if c.Raw != nil {
			text = []byte(*c.Raw)
		}
		_, report := config.Parse(diag.NewSource("case", text))
		if got := outcome(report); got != c.Outcome {
			t.Errorf("the outcome is %s, want %s:\n%s", got, c.Outcome, lines(report))
		}
		if got, want := entries(report, c.Raw != nil), expected(c); !gocmp.Equal(got, want) {
			t.Errorf("entries differ (-want +got):\n%s\n%s", gocmp.Diff(want, got), lines(report))
		}
		shown(t, c, report)
	})
}

// shown checks that the path of the rule's example has a finding.
func shown(t *testing.T, c validationCase, report diag.List) {
	t.Helper()
	if c.Outcome == "ok" {
		return
	}
	for _, d := range report {
		if d.Path.String() == c.Path || d.Fatal && c.Path == "$" {
			return
		}
	}
	t.Errorf("there is no finding of %s at %s", c.Rule, c.Path)
}

func outcome(report diag.List) string {
	switch {
	case report.HasErrors():
		return "error"
	case len(report) > 0:
		return "warning"
	}
	return "ok"
}

func lines(report diag.List) string {
	text := ""
	for _, d := range report {
		text += d.Code + " " + d.Line() + " (" + d.Hint + ")\n"
	}
	return text
}

func entries(report diag.List, positions bool) []entry {
	list := []entry{}
	for _, d := range report {
		if d.Fatal {
			continue
		}
		e := entry{Level: d.Severity.String(), Path: d.Path.String()}
		if positions {
			e.Line, e.Col = &d.Span.Start.Line, &d.Span.Start.Column
		}
		list = append(list, e)
	}
	return sorted(list)
}

// expected is the verdict of a case. Ignition reports a syntax error one byte late, or without position if that is after the
// text; ours point at the byte.
func expected(c validationCase) []entry {
	list := slices.Clone(c.Verdict.Entries)
	if c.Rule == "V002" && len(list) == 1 && c.Raw != nil {
		if *list[0].Line == 0 {
			end := diag.NewSource("", []byte(*c.Raw)).Pos(len(*c.Raw))
			list[0].Line, list[0].Col = &end.Line, &end.Column
		} else {
			col := *list[0].Col - 1
			list[0].Col = &col
		}
	}
	if list == nil {
		list = []entry{}
	}
	return sorted(list)
}

func sorted(list []entry) []entry {
	slices.SortStableFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Path, b.Path))
	})
	return list
}

// TestEveryRule checks that the table has the rule of every case, and that all but a few rules have a case.
func TestEveryRule(t *testing.T) {
	seen := map[string]bool{}
	cases(t, "validation-cases", func(_ *testing.T, c validationCase) { seen[c.Rule] = true })
	table := rules.Table()
	if len(table) != 106 {
		t.Errorf("there are %d rules, want 106", len(table))
	}
	for i, r := range table {
		if i > 0 && table[i-1].ID >= r.ID {
			t.Errorf("%s and %s are out of order", table[i-1].ID, r.ID)
		}
		if r.About == "" || (r.Check == nil) != (r.Kind == rules.Reading || r.Kind == rules.Accepts) {
			t.Errorf("the entry of %s is not complete", r.ID)
		}
		if !seen[r.ID] && r.ID != "V130" {
			t.Errorf("%s has no case", r.ID)
		}
		delete(seen, r.ID)
	}
	for id := range seen {
		t.Errorf("%s is not a rule", id)
	}
}
