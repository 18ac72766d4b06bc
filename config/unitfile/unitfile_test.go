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
		{"section after text in its line", "text [A]\nx=1", nil},
		{"text before the first section", "text\n[A]\nx=1", []Section{{"A", 2, []Option{{"x", "1", 3}}}}},
		{"options", "[Unit]\nA=1\n  B = two words \n[Unit]\n=empty name\nC=\n", []Section{
			{"Unit", 1, []Option{{"A", "1", 2}, {"B", "two words", 3}}}, {"Unit", 4, []Option{{"C", "", 6}}},
		}},
		{"comments", "[A]\n# x=1\n; y=2\n#c \\\nz=3\nw=4", []Section{{"A", 1, []Option{{"z", "3", 5}, {"w", "4", 6}}}}},
		{"continued", "[A]\nx=1 \\\n  2\\\n# 3\ny=4\\", []Section{{"A", 1, []Option{{"x", "1    2 y=4", 2}}}}},
		{"continued by a blank line", "[A]\nx=1\\\n\ny=2", []Section{{"A", 1, []Option{{"x", "1", 2}, {"y", "2", 4}}}}},
		{"escaped backslash", "[A]\nx=1\\\\\ny=2\\\\\\\n3", []Section{{"A", 1, []Option{{"x", `1\\`, 2}, {"y", `2\\ 3`, 3}}}}},
		{"continued section", "[A\\\n]\nx=1", []Section{{"A ", 1, []Option{{"x", "1", 3}}}}},
		{"CR LF", "[A]\r\nx=1\r\n\r\ny=2\\\r\n3\r\n", []Section{{"A", 1, []Option{{"x", "1", 2}, {"y", "2 3", 4}}}}},
		{"CR", "[A]\rx=1\ry=2", []Section{{"A", 1, []Option{{"x", "1", 2}, {"y", "2", 3}}}}},
		{"zero byte", "[A]\nx=1\x00y=2", []Section{{"A", 1, []Option{{"x", "1", 2}, {"y", "2", 3}}}}},
		{"byte order mark", "\ufeff[A]\nx=1", []Section{{"A", 1, []Option{{"x", "1", 2}}}}},
		{"white space around a section", "\t [A] \t\nx=1", []Section{{"A", 1, []Option{{"x", "1", 2}}}}},
		{"vertical tab", "[A]\n\vx=1", []Section{{"A", 1, []Option{{"\vx", "1", 2}}}}},
		{"empty section name", "[]\n", []Section{{"", 1, nil}}},
		{"what precedes a fatal problem", "[A]\nx=1\n[B\ny=2", []Section{{"A", 1, []Option{{"x", "1", 2}}}}},
		{"long line", "[A]\nx=" + strings.Repeat("y", 5000), []Section{{"A", 1, []Option{{"x", strings.Repeat("y", 5000), 2}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Parse(c.text).Sections); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestIgnored checks which lines systemd ignores, and at which it gives up.
func TestIgnored(t *testing.T) {
	for _, c := range []struct {
		text    string
		ignored []SyntaxError
		fatal   *SyntaxError
	}{
		{"a=1\n[A]\nb\n=c\n", []SyntaxError{{NoSection, 1}, {NoEquals, 3}, {NoName, 4}}, nil},
		{"[A\n", nil, &SyntaxError{BadSection, 1}},
		{"[A]\n[", nil, &SyntaxError{BadSection, 2}},
		{"[A] x\nb\n", nil, &SyntaxError{BadSection, 1}},
		{"[A'B]", nil, &SyntaxError{BadName, 1}},
		{"[A]\nx\n[B\x7f]", []SyntaxError{{NoEquals, 2}}, &SyntaxError{BadName, 3}},
		{"[A]\nx=\xff\n", nil, &SyntaxError{NotUTF8, 2}},
		{"[A]\n# \xff\n", nil, nil},
		{"[A]\n#" + strings.Repeat("x", longest-2) + "\n", nil, nil},
		{"[A]\n#" + strings.Repeat("x", longest-1) + "\n", nil, &SyntaxError{HugeLine, 2}},
		{"[A]\nx=\\\n" + strings.Repeat("x", longest-2) + "\n", nil, &SyntaxError{HugeLine, 3}},
	} {
		got := Parse(c.text)
		if diff := cmp.Diff([]any{c.ignored, c.fatal}, []any{got.Ignored, got.Fatal}); diff != "" {
			t.Errorf("%.20q: %s", c.text, diff)
		}
	}
}

// TestStrict: the syntax of Ignition, which rules V601 to V606 of validation are about.
func TestStrict(t *testing.T) {
	for _, c := range []struct {
		text string
		want *SyntaxError
	}{
		{"[A", &SyntaxError{UnclosedSection, 1}},
		{"x\n[A]\n[B", &SyntaxError{UnclosedSection, 3}},
		{"[A] x", &SyntaxError{TextAfterSection, 1}},
		{"[A\n] x", &SyntaxError{TextAfterSection, 2}},
		{"[A]\nx\n", &SyntaxError{NoEquals, 2}},
		{"[A]\nx=1\n\ny\r\n", &SyntaxError{NoEquals, 4}},
		{"[A]\nx", &SyntaxError{EndInName, 2}},
		{"[A]\nx=" + strings.Repeat("x", LineMax-2), &SyntaxError{LongLine, 2}},
		{"[A]\n#" + strings.Repeat("x", LineMax-1), &SyntaxError{LongLine, 2}},
		{"[A]\nx=\\\n" + strings.Repeat("x", LineMax) + "\n", &SyntaxError{LongLine, 3}},
		{"[A]\n#" + strings.Repeat("x", LineMax-2) + "\n", nil},
		{"", nil}, {"text [A]\nx=1", nil}, {"[A\n]\nx=1", nil}, {"[]\n=x\n", nil}, {"[A]\nx=1\\\n# y\\\nz\n", nil},
		{"[A]\n# c \\\nnothing\nx=1\\", nil}, {"[A]\r\nx=1\r\n", nil}, {"no section [", &SyntaxError{UnclosedSection, 1}},
	} {
		if diff := cmp.Diff(c.want, Parse(c.text).Strict); diff != "" {
			t.Errorf("%.20q: %s", c.text, diff)
		}
	}
}

func TestValues(t *testing.T) {
	f := Parse("[Install]\nWantedBy=a\n[Unit]\nWantedBy=b\n[Install]\nWantedBy=c d\n[Empty]\n")
	if got := f.Values("Install", "WantedBy"); !cmp.Equal(got, []string{"a", "c d"}) {
		t.Error(got)
	}
	if !f.Has("Unit") || f.Has("Empty") || f.Has("Service") {
		t.Error("sections that have options and such that have none are mixed up")
	}
}

// TestProblems: each problem is described, and what to do about it.
func TestProblems(t *testing.T) {
	for p := range Problem(len(problems)) {
		if e := (&SyntaxError{p, 1}); p.String() == "" || e.Hint() == "" || e.Error() != "parse unit: "+p.String() {
			t.Errorf("problem %d: %v", p, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"[A]\nx=1\\\n2\n", "[A", "#\\", "[A]\n[\n]\nb=c", "text\x00[A]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := Parse(text)
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\x00") + 1
		for _, e := range append(file.Ignored, deref(file.Fatal), deref(file.Strict)) {
			if e.Line < 1 || e.Line > lines {
				t.Errorf("%v is in line %d of %d", e.Problem, e.Line, lines)
			}
		}
		last := 0
		for _, s := range file.Sections {
			for _, o := range append([]Option{{Line: s.Line}}, s.Options...) {
				if o.Line < last || o.Line > lines {
					t.Errorf("line %d after %d", o.Line, last)
				}
				last = o.Line
			}
		}
	})
}

func deref(e *SyntaxError) SyntaxError {
	if e == nil {
		return SyntaxError{Line: 1}
	}
	return *e
}
