// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

func parse(text string) (*Document, diag.List) {
	return ParseJSON(diag.NewSource("test", []byte(text)))
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		text      string
		line, col int
		want      string
	}{
		{"", 1, 1, "nothing but white space"},
		{"  \n", 2, 1, "nothing but white space"},
		{"\xef\xbb\xbf{}", 1, 1, "byte-order mark"},
		{"\x1f\x8b\x08", 1, 1, "compressed"},
		{"{\n \"a\": 1,\n}", 3, 1, "comma before }"},
		{"[1,]", 1, 4, "comma before ]"},
		{"{'a': 1}", 1, 2, "double quotes"},
		{"{a: 1}", 1, 2, "double quotes"},
		{"{\"a\" 1}", 1, 6, "colon"},
		{"{\"a\": // x\n1}", 1, 7, "value"},
		{"{\"a\": # x\n1}", 1, 7, "JSON has none"},
		{"#cloud-config\nusers: []\n", 1, 1, "cloud-config"},
		{"#!/bin/sh\n", 1, 1, "scripts"},
		{"{\"a\": True}", 1, 7, "value"},
		{"{} x", 1, 4, "after the end"},
		{"[1 2]", 1, 4, "comma or ]"},
		{"[\"a\nb\"]", 1, 4, "control character"},
		{`["\x"]`, 1, 4, "unknown escape"},
		{`["\u12g4"]`, 1, 7, "hexadecimal"},
		{`["abc`, 1, 6, "ends inside a string"},
		{"[01]", 1, 3, "leading zero"},
		{`{"mode": 0644}`, 1, 11, "write 420, which is octal 0644"},
		{"{\"a\": 1\n\"b\": 2}", 2, 1, "add a comma"},
		{"[1.]", 1, 4, "digit"},
		{"[-]", 1, 3, "digit"},
		{"[1e+]", 1, 5, "digit"},
		{"[tru]", 1, 5, "true"},
		{"[1", 1, 3, "ends too early"},
		{"[\x00]", 1, 2, "0x00"},
		{strings.Repeat("[", MaxDepth+1), 1, MaxDepth + 1, "nested"},
	} {
		_, report := parse(c.text)
		if len(report) != 1 || report[0].Code != "V002" {
			t.Errorf("%.20q: got %v", c.text, report)
			continue
		}
		d := report[0]
		if d.Span.Start.Line != c.line || d.Span.Start.Column != c.col {
			t.Errorf("%.20q: error at %d:%d, want %d:%d", c.text, d.Span.Start.Line, d.Span.Start.Column, c.line, c.col)
		}
		if !strings.Contains(d.Summary+d.Hint, c.want) {
			t.Errorf("%.20q: %q (%q) lacks %q", c.text, d.Summary, d.Hint, c.want)
		}
	}
}

// value returns a node as encoding/json would decode it into an any.
func value(n *Node) any {
	switch n.Kind {
	case Bool:
		return n.Text == "true"
	case Number:
		return json.Number(n.Text)
	case String:
		return n.Text
	case List:
		list := []any{}
		for i := range n.Kids {
			list = append(list, value(&n.Kids[i].Node))
		}
		return list
	case Object:
		object := map[string]any{}
		for i := range n.Kids {
			object[n.Kids[i].Key] = value(&n.Kids[i].Node)
		}
		return object
	}
	return nil
}

// check compares the parser with encoding/json, and spans with the values that they span.
func check(t *testing.T, text []byte) {
	t.Helper()
	d, report := ParseJSON(diag.NewSource("test", text))
	if report.HasErrors() == json.Valid(text) {
		t.Fatalf("encoding/json finds it valid: %v; %v", json.Valid(text), report)
	}
	if report.HasErrors() {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if got := value(&d.Root); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
	spans(t, d, &d.Root)
}

// spans checks that the text of a node, parsed again, is an equal node.
func spans(t *testing.T, d *Document, n *Node) {
	t.Helper()
	again, report := ParseJSON(diag.NewSource("test", d.Source.Text[n.Start:n.End]))
	if report.HasErrors() || !reflect.DeepEqual(value(&again.Root), value(n)) {
		t.Fatalf("the span of %v is %q", value(n), d.Source.Text[n.Start:n.End])
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		if n.Kind == Object {
			var key string
			if err := json.Unmarshal(d.Source.Text[kid.KeyStart:kid.KeyEnd], &key); err != nil || key != kid.Key {
				t.Fatalf("the key %q has the span %q", kid.Key, d.Source.Text[kid.KeyStart:kid.KeyEnd])
			}
		}
		if len(n.Kids) < 16 {
			spans(t, d, &kid.Node)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x"],"a":{}}`, `"\ud83d\ude00\ud800\u0000\/\b\f\n\r\t"`, "\"\xff\xc3\xa9\"", ` [ ] `,
		`{"é":"12345678\\"}`, `[1,]`, `{"a":1,}`, `01`, `-`, `"abc`, `nul`, "\xef\xbb\xbf{}", `[[[[[[[[[`, `"\ud800x"`, `"\ud83d\u0041"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<12 {
			check(t, text)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"data:,a"}}]}}`,
		`{"Ignition":{"Version":"3.4.0"},"storage":null}`, `{"storage":{"files":[null]}}`, `{"storage":{"disks":{}}}`,
		`{"passwd":{"users":[{"name":"a","uid":1.5}]}}`, `{"storage":{"raid":[{"level":1}]},"storage":{"raid":null}}`,
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, version uint8) {
		d, report := ParseJSON(diag.NewSource("test", text))
		if report.HasErrors() {
			return
		}
		var got, want types.Config
		v := spec.Version(version) % (spec.Newest + 1)
		report = d.Decode(&got, spec.Config(), v)
		err := json.Unmarshal(text, &want)
		if v == spec.Newest && (err != nil) != report.HasErrors() {
			t.Fatalf("encoding/json says %v; %v", err, report)
		}
		if err == nil && v == spec.Newest && !repeats(&d.Root) {
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if !bytes.Equal(a, b) {
				t.Fatalf("got  %s\nwant %s", a, b)
			}
		}
		for _, d := range report {
			if d.Span.Source == nil || d.Span.Start.Offset > d.Span.End.Offset || d.Span.End.Offset > len(text) {
				t.Fatalf("%s has no place: %+v", d.Line(), d.Span)
			}
		}
	})
}

// repeats reports whether an object has two members of one name, letter case aside: encoding/json decodes a list over the
// elements of the one before, which nobody should rely on.
func repeats(n *Node) bool {
	for i := range n.Kids {
		for j := range i {
			if n.Kind == Object && strings.EqualFold(n.Kids[i].Key, n.Kids[j].Key) {
				return true
			}
		}
		if repeats(&n.Kids[i].Node) {
			return true
		}
	}
	return false
}

func TestDecodeAgainstEncodingJSON(t *testing.T) {
	const text = `{"ignition":{"version":"3.6.0","config":{"merge":[{"source":"data:,x","httpHeaders":[{"name":"a","value":"é\n"}]}]},
		"timeouts":{"httpTotal":-0}},"STORAGE":{"files":[{"path":"/a","mode":1,"mode":2,"user":{"id":1},"user":{"name":"x"}},null],
		"luks":[{"name":"l","clevis":{"tang":[{"url":"u"}],"custom":{"pin":"p"}},"cex":{"enabled":true}}],"disks":null},
		"systemd":{"units":[{"name":"a","enabled":null,"contents":"","dropins":[{"name":"d"}]}]},"passwd":{"users":[{"groups":["a","b"]}]},
		"kernelArguments":{"shouldExist":["a"]}}`
	d, report := parse(text)
	if report.HasErrors() {
		t.Fatal(report)
	}
	var got, want types.Config
	if report := d.Decode(&got, spec.Config(), spec.Newest); report.HasErrors() {
		t.Fatal(report)
	}
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestIntegers: a number that does not fit is refused and never wraps around, even if an int has 32 bits.
func TestIntegers(t *testing.T) {
	for _, number := range []string{
		"0", "-0", "-1", "420", "2147483647", "2147483648", "4294967716", "-2147483649", "9223372036854775807", "9223372036854775808", "1.0", "1e3",
	} {
		text := `{"storage":{"files":[{"path":"/a","mode":` + number + `}]}}`
		d, report := parse(text)
		var got, want types.Config
		report = append(report, d.Decode(&got, spec.Config(), spec.Newest)...)
		err := json.Unmarshal([]byte(text), &want)
		if report.HasErrors() != (err != nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, encoding/json %v", number, report, err)
		}
	}
}

func TestMismatches(t *testing.T) {
	d, report := parse("{\"storage\":{\"files\":[{\"path\":1,\n\"mode\":\"0644\",\"user\":[]}],\"disks\":{}},\"passwd\":3,\"timeouts\":1}")
	if report.HasErrors() {
		t.Fatal(report)
	}
	var c types.Config
	var got []string
	for _, d := range d.Decode(&c, spec.Config(), spec.Newest) {
		got = append(got, fmt.Sprintf("%s %s | %s | %d-%d", d.Code, d.Line(), d.Hint, d.Mark.Start.Offset, d.Mark.End.Offset))
	}
	want := []string{
		"V003 error at line 1 col 31: $.storage.files.0.path must be a string, not a number | put it in double quotes | 29-30",
		"V003 error at line 2 col 14: $.storage.files.0.mode must be an integer, not a string | write 420, which is octal 0644; modes are decimal in JSON | 39-45",
		"V003 error at line 2 col 23: $.storage.files.0.user must be an object, not a list |  | 53-55",
		"V003 error at line 2 col 36: $.storage.disks must be a list, not an object | put it in square brackets | 66-68",
		"V003 error at line 2 col 49: $.passwd must be an object, not the number 3 | write an integer: no fraction, no exponent, and at most " + strconv.Itoa(strconv.IntSize) + " bits | 79-80",
		"V007 warning at $.timeouts, line 2 col 50: unused key timeouts |  | 0-0",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSpelling(t *testing.T) {
	for name, want := range map[string]string{
		"filesystem": "did you mean filesystems?", "flies": "did you mean files?", "luks": "version 3.2.0 added it: set ignition.version to 3.2.0 or later",
		"xyzzy": "", "Files": "write it as files",
	} {
		d, _ := parse(`{"storage":{"` + name + `":[]}}`)
		var c types.Config
		report := d.Decode(&c, spec.Config(), spec.V3_1)
		if len(report) != 1 || report[0].Hint != want {
			t.Errorf("%s: got %v, want the hint %q", name, report, want)
		}
	}
}

// TestHostileTexts checks that time and memory stay within bounds for texts that no one writes by hand.
func TestHostileTexts(t *testing.T) {
	const size = 100 << 20
	text := make([]byte, size)
	for _, c := range []struct {
		name, start, repeat string
		size                int
	}{
		{"nothing", "", "\x00", size}, {"open brackets", "", "[", size}, {"open string", `"`, "a", size},
		{"open string of bytes", `"`, "\xff", size / 4}, {"number", "[-", "9", size / 4}, {"white space", "", " ", size / 4},
		{"numbers", "[", "0,", size / 8}, {"objects", "[", "{},", size / 8}, {"duplicates", "{", `"a":1,`, size / 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := text[:c.size]
			n := copy(text, c.start)
			n += copy(text[n:], c.repeat)
			for from := len(c.start); n < len(text); {
				n += copy(text[n:], text[from:n])
			}
			start := time.Now()
			if _, report := ParseJSON(diag.NewSource(c.name, text)); !report.HasErrors() {
				t.Error("it was accepted")
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
