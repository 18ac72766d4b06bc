// SPDX-License-Identifier: Apache-2.0

package unitfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Section
	}{
		{"empty", "", nil},
		{"no section", "some text\n# [no]\n; [no]\n", nil},
		{"text before the first section", "text [A]\nx=1", []Section{{"A", 1, []Option{{"x", "1", 2}}}}},
		{"options", "[Unit]\nA=1\n  B = two words \n[Unit]\n=empty name\nC=\n", []Section{
			{"Unit", 1, []Option{{"A", "1", 2}, {"B", "two words", 3}}}, {"Unit", 4, []Option{{"", "empty name", 5}, {"C", "", 6}}},
		}},
		{"comments", "[A]\n# x=1\n; y=2\n#c \\\nz=3\nw=4", []Section{{"A", 1, []Option{{"w", "4", 6}}}}},
		{"continued", "[A]\nx=1 \\\n  2\\\n# 3\ny=4\\", []Section{{"A", 1, []Option{{"x", "1    2 # 3", 2}, {"y", "4", 5}}}}},
		{"CR LF", "[A]\r\nx=1\r\n\r\ny=2\\\r\n3\r\n", []Section{{"A", 1, []Option{{"x", "1", 2}, {"y", "2 3", 4}}}}},
		{"white space after a section", "[A] \t\nx=1", []Section{{"A", 1, []Option{{"x", "1", 2}}}}},
		{"empty section name", "[]\n", []Section{{"", 1, nil}}},
		{"long enough", "[A]\n#" + strings.Repeat("x", LineMax-2) + "\n", []Section{{"A", 1, nil}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		want SyntaxError
	}{
		{"[A", SyntaxError{UnclosedSection, 1}},
		{"x\n[A]\n[B", SyntaxError{UnclosedSection, 3}},
		{"[A] x", SyntaxError{TextAfterSection, 1}},
		{"[A]\nx\n", SyntaxError{NoEquals, 2}},
		{"[A]\nx=1\n\ny\r\n", SyntaxError{NoEquals, 4}},
		{"[A]\nx", SyntaxError{EndInName, 2}},
		{"[A]\nx=" + strings.Repeat("x", LineMax-2), SyntaxError{LongLine, 2}},
		{"[A]\n#" + strings.Repeat("x", LineMax-1), SyntaxError{LongLine, 2}},
		{"[A]\nx=\\\n" + strings.Repeat("x", LineMax) + "\n", SyntaxError{LongLine, 3}},
	} {
		if _, err := Parse(c.text); err == nil || *err != c.want {
			t.Errorf("%.20q: got %v, want %v", c.text, err, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	sections, err := Parse("[Install]\nWantedBy=a\n[Unit]\nWantedBy=b\n[Install]\nWantedBy=c d\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := Values(sections, "Install", "WantedBy"); !cmp.Equal(got, []string{"a", "c d"}) {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"[A]\nx=1\\\n2\n", "[A", "#\\", "[A]\n[\n]\nb=c", "text\x00[A]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := Parse(text)
		lines := strings.Count(text, "\n") + 1
		if err != nil && (err.Line < 1 || err.Line > lines) {
			t.Errorf("the error is in line %d of %d", err.Line, lines)
		}
		last := 0
		for _, s := range sections {
			for _, o := range append([]Option{{Line: s.Line}}, s.Options...) {
				if o.Line < last || o.Line > lines {
					t.Errorf("line %d after %d", o.Line, last)
				}
				last = o.Line
			}
		}
	})
}
