// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPos(t *testing.T) {
	s := NewSource("f", []byte("a\n\nbc\r\n"))
	for offset, want := range map[int]Pos{
		-1: {0, 1, 1}, 0: {0, 1, 1}, 1: {1, 1, 2}, 2: {2, 2, 1}, 3: {3, 3, 1}, 4: {4, 3, 2}, 7: {7, 4, 1}, 99: {7, 4, 1},
	} {
		if got := s.Pos(offset); got != want {
			t.Errorf("%d: got %+v, want %+v", offset, got, want)
		}
	}
	for n, want := range map[int]string{0: "", 1: "a", 2: "", 3: "bc", 4: "", 5: ""} {
		if got := s.Line(n); got != want {
			t.Errorf("line %d: got %q, want %q", n, got, want)
		}
	}
}

func at(s *Source, path, part, summary, hint string) Diagnostic {
	i := strings.Index(string(s.Text), part)
	d := Diagnostic{Code: "V000", Path: ParsePath(path), Summary: summary, Hint: hint, Span: s.Span(i, i+len(part))}
	if part[0] == '{' {
		d.Span = s.Span(i+1, i+len(part))
	}
	return d
}

func TestText(t *testing.T) {
	s := NewSource("f.ign", []byte("{\n\t\"é\": {\"a\": 12},\n\"long\": \""+strings.Repeat("x", 200)+"\", \"esc\": \"\x1b[2J\"}"))
	behind := at(s, "$", "12", "it is wrong", "")
	behind.Mark, behind.Span.Start = behind.Span, behind.Span.End
	related := at(s, "$.é.a", "12", "twice", "")
	related.Related = &Related{at(s, "$.é", `"é"`, "", "").Span, "the first"}
	lost := Diagnostic{Severity: Warning, Path: ParsePath("$.a.b"), Summary: "merged"}
	for _, c := range []struct {
		name string
		d    Diagnostic
		want string
	}{
		{"value", at(s, "$.é.a", "12", "not good", "take 13"), `f.ign:2:14: error: not good [V000]
  1 | {
  2 |  "é": {"a": 12},
    |             ^^
  3 | "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
help: take 13
`},
		{"position behind the value", behind, `f.ign:2:14: error: it is wrong [V000]
  1 | {
  2 |  "é": {"a": 12},
    |             ^^
  3 | "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
`},
		{"object", at(s, "$.é", `{"a": 12}`, "is empty", ""), `f.ign:2:8: error: is empty [V000]
  1 | {
  2 |  "é": {"a": 12},
    |       ^
  3 | "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
`},
		{"long line", at(s, "$.long", `"`+strings.Repeat("x", 200)+`"`, "is long", ""), `f.ign:3:9: error: is long [V000]
  1 | {
  2 |  "é": {"a": 12},
  3 | "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
`},
		{"escapes of terminals", at(s, "$.esc", `"`+"\x1b", "is not printed", ""), `f.ign:3:220: error: is not printed [V000]
  3 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "esc": "·[2J"}
    |                                          ^^
`},
		{"related", related, `f.ign:2:14: error: twice [V000]
  1 | {
  2 |  "é": {"a": 12},
    |             ^^
  3 | "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
f.ign:2:2: note: the first
  2 |  "é": {"a": 12},
    |  ^^^
`},
		{"no place", lost, "$.a.b: warning: merged\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := Text(&b, List{c.d}, true); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNoText checks that only excerpts show the document.
func TestNoText(t *testing.T) {
	s := NewSource("f", []byte(`{"secret": 12}`))
	list := List{at(s, "$.a", "12", "wrong", "hint")}
	for name, write := range map[string]func(*strings.Builder) error{
		"lines": func(b *strings.Builder) error { return Lines(b, list) },
		"text":  func(b *strings.Builder) error { return Text(b, list, false) },
		"json":  func(b *strings.Builder) error { return JSON(b, list) },
		"sarif": func(b *strings.Builder) error { return SARIF(b, list, Tool{}) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil || strings.Contains(b.String(), "secret") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}

func TestJSON(t *testing.T) {
	s := NewSource("f", []byte("{\n\"é\": 12}"))
	var b strings.Builder
	if err := JSON(&b, List{at(s, "$.é", "12", "<wrong>", "do")}); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "outcome": "error",
  "findings": [
    {
      "severity": "error",
      "code": "V000",
      "path": "$.é",
      "file": "f",
      "line": 2,
      "column": 7,
      "endLine": 2,
      "endColumn": 9,
      "message": "<wrong>",
      "hint": "do"
    }
  ]
}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := JSON(&b, nil); err != nil || b.String() != "{\n  \"outcome\": \"ok\",\n  \"findings\": []\n}\n" {
		t.Errorf("%s %v", b.String(), err)
	}
}

func TestSARIF(t *testing.T) {
	s := NewSource("dir/f g.ign", []byte("{\n\"é\": 12}"))
	var b strings.Builder
	list := List{at(s, "$.é", "12", "wrong", "do"), {Severity: Warning, Code: "W", Summary: "nowhere"}}
	if err := SARIF(&b, list, Tool{Name: "t", Version: "1", Rules: []ToolRule{{"V001", "a", Error}, {"V000", "b", Warning}}}); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID    string
				RuleIndex *int
				Level     string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           map[string]int
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
		t.Fatal(err)
	}
	r := log.Runs[0].Results
	if log.Version != "2.1.0" || len(r) != 2 || r[0].Level != "error" || *r[0].RuleIndex != 1 || r[1].Level != "warning" || r[1].RuleIndex != nil {
		t.Errorf("%+v", log)
	}
	p := r[0].Locations[0].PhysicalLocation
	if want := map[string]int{"startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 8}; p.ArtifactLocation.URI != "dir/f%20g.ign" || !cmp.Equal(p.Region, want) {
		t.Errorf("%+v", p)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"files", "flies", 1}, {"file", "files", 1}, {"Files", "files", 0}, {"luks", "raid", 4}, {strings.Repeat("a", 65), "a", 64}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestClosest(t *testing.T) {
	candidates := []string{"files", "filesystems", "links", "0", "ext4"}
	for name, want := range map[string]string{
		"flies": "files", "filesystem": "filesystems", "FILES": "files", "ext44": "ext4", "link": "links",
		"": "", "zzz": "", "exfat": "", "files": "files", "1": "0", "lnisk": "",
	} {
		if got, found := Closest(name, candidates); got != want || found != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", name, got, found, want)
		}
	}
}

// TestReport checks that our lines are those of the form that programs around Ignition share.
func TestReport(t *testing.T) {
	s := NewSource("f", []byte("{\n\"a\": 12}"))
	warning := at(s, "$.a.0", "12", "wrong", "")
	warning.Severity = Warning
	list := List{
		at(s, "$.a", "12", "wrong", "hint"), at(s, "$", "12", "wrong", ""), warning,
		{Severity: Info, Path: ParsePath("$.a"), Summary: "no place"}, {Summary: "neither"},
	}
	for i, e := range list.Report().Entries {
		if got := list[i].Line(); got != e.String() {
			t.Errorf("got %q, want %q", got, e.String())
		}
	}
}

func TestCollector(t *testing.T) {
	var c Collector
	for range Most + 5 {
		c.Add(Diagnostic{Severity: Warning})
	}
	c.Add(Diagnostic{Severity: Error})
	list := c.List()
	if len(list) != Most+2 || !list.HasErrors() || list[len(list)-1].Summary != "5 more findings are not shown" {
		t.Errorf("%d findings, the last is %+v", len(list), list[len(list)-1])
	}
}

func TestParsePath(t *testing.T) {
	for _, p := range []string{"$", "$.a", "$.storage.files.0.path"} {
		if got := ParsePath(p).String(); got != p {
			t.Errorf("%s became %s", p, got)
		}
	}
	if _, isIndex := ParsePath("$.a.0").Path[1].(int); !isIndex {
		t.Error("an index is not a number")
	}
}
