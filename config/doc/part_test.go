// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// TestWithin checks that a part of a string is found in the source, through escapes and characters of any length.
func TestWithin(t *testing.T) {
	for _, c := range []struct{ text, part, want string }{
		{`{"a": "hello"}`, "ell", "ell"},
		{`{"a": "one\ntwo\nthree"}`, "two", "two"},
		{`{"a": "\u0041\u00e9x\ud83d\ude00y"}`, "x", "x"},
		{`{"a": "\u0041\u00e9x\ud83d\ude00y"}`, "y", "y"},
		{`{"a": "\u0041\u00e9x\ud83d\ude00y"}`, "😀", `\ud83d\ude00`},
		{`{"a": "éé\tb"}`, "\tb", `\tb`},
		{"{\"a\": \"\xff\xfeb\"}", "b", "b"},
	} {
		d, report := parse(c.text)
		if report.HasErrors() {
			t.Fatal(report)
		}
		n := &d.Root.Kids[0].Node
		from := strings.Index(n.Text, c.part)
		s := d.Within(n, from, from+len(c.part))
		if got := c.text[s.Start.Offset:s.End.Offset]; got != c.want {
			t.Errorf("%s: %q is at %q, want %q", c.text, c.part, got, c.want)
		}
	}
}

// TestWithinBlock checks lines of a literal block, as the YAML front end passes them on.
func TestWithinBlock(t *testing.T) {
	const text = "contents: |\n    [Unit]\n    Oops\n\n    [Service]\nnext: 1\n"
	d := &Document{Source: diag.NewSource("f", []byte(text))}
	n := &Node{Kind: String, Text: "[Unit]\nOops\n\n[Service]\n", Start: int32(strings.Index(text, "|")), End: int32(strings.Index(text, "next"))}
	for _, part := range []string{"[Unit]", "Oops", "[Service]", "ervi"} {
		from := strings.Index(n.Text, part)
		s := d.Within(n, from, from+len(part))
		if got := text[s.Start.Offset:s.End.Offset]; got != part {
			t.Errorf("%q is at %q", part, got)
		}
	}
	n.Text = "[Unit]\nother\n"
	if s := d.Within(n, 7, 12); s.Start.Offset != int(n.Start) {
		t.Errorf("a text that is not that of the source is at %+v", s)
	}
}

func FuzzWithin(f *testing.F) {
	for _, seed := range []string{`"abc"`, `"\u00e9\n"`, "\"\xff\"", `"\ud83d\ude00"`, `"\ud83dx"`} {
		f.Add(seed, 1, 2)
	}
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		d, report := parse(text)
		if report.HasErrors() {
			return
		}
		if s := d.Within(&d.Root, from, to); s.Start.Offset < 0 || s.End.Offset > len(text) || s.Start.Offset > s.End.Offset {
			t.Errorf("%q %d %d: %+v", text, from, to, s)
		}
	})
}
