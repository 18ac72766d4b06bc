// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"runtime"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// TestLayout: for a well-formed text the layout is exact, so that the parser allocates once.
func TestLayout(t *testing.T) {
	for _, text := range []string{
		`1`, `[]`, `[ ]`, `[1]`, `[[]]`, `[[],{}]`, `{"a":1}`, `{"a":{"b":[]},"c":[1, 2 ,3]}`, `["]",",","\"","\\",",\\\","]`, `{"a\"[":"\\\\\"{","b":[[[[]]]]}`, " [\n1\t,\r2 ] ",
	} {
		src := diag.NewSource("f", []byte(text))
		d, report := ParseJSON(src)
		if report.HasErrors() {
			t.Fatalf("%s: %s", text, report)
		}
		l, values := scan(text, MaxValues), 0
		var walk func(n *Node)
		walk = func(n *Node) {
			values++
			if n.Kind == List || n.Kind == Object {
				if len(l.children) == 0 || int(l.children[0]) != len(n.Kids) {
					t.Errorf("%s: an object or list has %d children, the layout says %v", text, len(n.Kids), l.children)
					return
				}
				l.children = l.children[1:]
			}
			if cap(n.Kids) != len(n.Kids) {
				t.Errorf("%s: there is room for %d children, and %d use it", text, cap(n.Kids), len(n.Kids))
			}
			for i := range n.Kids {
				walk(&n.Kids[i].Node)
			}
		}
		walk(&d.Root)
		if values != l.values || len(l.children) > 0 {
			t.Errorf("%s: %d values, the layout says %d and has %v left", text, values, l.values, l.children)
		}
	}
}

// TestMaxValues: as many values as the limit are read, in whatever they end, and one more is refused.
func TestMaxValues(t *testing.T) {
	for _, c := range []struct{ start, item, end string }{
		{"[", "0,", "0]"}, {"[", "[],", "[]]"}, {"[", "[],", "[[0]]]"}, {`{"a":[`, `"",`, `""],"b":{}}`}, {"[", "{},", "0]"},
	} {
		_, small := scan(c.start+c.end, MaxValues), scan(c.start+c.end, MaxValues).values
		text := c.start + strings.Repeat(c.item, MaxValues-small) + c.end
		d, report := ParseJSON(diag.NewSource("f", []byte(text)))
		if report.HasErrors() || len(d.Root.Kids) == 0 || d.Root.Kids[0].End == 0 {
			t.Errorf("%s%s: %s", c.item, c.end, report)
		}
		text = c.start + c.item + text[len(c.start):]
		if _, report := ParseJSON(diag.NewSource("f", []byte(text))); !report.HasErrors() || !strings.Contains(report[0].Summary, "more than 131072 values") {
			t.Errorf("%s%s: one value too many: %s", c.item, c.end, report)
		}
	}
}

// TestMemory: a text with too many values has the error that comes first, and costs no memory for its values. Another costs the
// memory of the values that it has.
func TestMemory(t *testing.T) {
	const size = 4 << 20
	for _, c := range []struct {
		start, item, end, want string
		bound                  float64 // bytes for each byte of text
	}{
		{"[", "0,", "0]", "more than 524288 values", 0.1},
		{"[", "[0],", "0]", "more than 524288 values", 2},
		{`{"a":[1,}`, "0,", "0]", "expected a value", 0.1},
		{"[", "12345678,", "x", "expected a value", 10},
		{"[", "{\"a\":[123456789012345678]},", "x", "expected a value", 11},
		{`["`, "12345678,", `"]`, "text after the end", 0.1},
	} {
		text := []byte(c.start + strings.Repeat(c.item, (size-len(c.start)-len(c.end))/len(c.item)) + c.end)
		text = append(text, make([]byte, size-len(text))...)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, report := ParseJSON(diag.NewSource("f", text))
		runtime.ReadMemStats(&after)
		if !report.HasErrors() || !strings.Contains(report[0].Summary, c.want) {
			t.Errorf("%s%s: %s", c.start, c.item, report)
		}
		if got := float64(after.TotalAlloc-before.TotalAlloc) / size; got > c.bound {
			t.Errorf("%s%s: %.2f bytes were allocated for each byte of text, want at most %.2f", c.start, c.item, got, c.bound)
		}
	}
}
