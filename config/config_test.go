// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

func TestEmptyMarshalled(t *testing.T) {
	const want = `{"ignition":{"config":{"replace":{"verification":{}}},"proxy":{},"security":{"tls":{}},"timeouts":{},` +
		`"version":"3.7.0-experimental"},"kernelArguments":{},"passwd":{},"storage":{},"systemd":{}}`
	if got := Marshal(Empty().Config); string(got) != want {
		t.Errorf("got %s", got)
	}
}

// TestMarshal compares with encoding/json, for all cases and for configs of random values.
func TestMarshal(t *testing.T) {
	compare := func(c types.Config) {
		t.Helper()
		want, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := Marshal(c); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	seen := 0
	corpus(t, func(text []byte) {
		if d, report := Parse(diag.NewSource("f", text)); !report.HasErrors() {
			compare(d.Config)
			seen++
		}
	})
	if seen < 100 {
		t.Errorf("only %d configs of the cases are valid", seen)
	}
	texts := []string{"", "a", "a b~", "\x00\n\r\t\"\\\x7f", "<a href='&'>", "é\u2028\u2029", "bad\xff\xed\xa0\x80", strings.Repeat("x", 5000)}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var c types.Config
		fill(reflect.ValueOf(&c).Elem(), random, texts)
		compare(c)
	}
}

// fill sets a value and all that it holds at random; one in four stays empty.
func fill(v reflect.Value, random *rand.Rand, texts []string) {
	if v.Kind() != reflect.Struct && random.IntN(4) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), random, texts)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), random, texts)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			fill(v.Index(i), random, texts)
		}
	case reflect.String:
		v.SetString(texts[random.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.SetInt(random.Int64N(1<<31) - 1<<30)
	}
}

// TestFindings checks the hints of findings, which the cases do not have.
func TestFindings(t *testing.T) {
	for _, c := range []struct{ text, code, place, hint string }{
		{"", "V001", "f:1:1", "smallest config"},
		{`{"ignition":{"version":"2.3.0"}}`, "V005", "f:1:24", "firstlight convert"},
		{`{"ignition":{"version":"3.7.0"}}`, "V005", "f:1:24", "3.7.0-experimental"},
		{`{"ignition":{}}`, "V004", "f:1:14", "3.6.0"},
		{`{"ignition":{"version":"3.1.0"},"storage":{"filesystem":[]}}`, "V007", "f:1:44", "did you mean filesystems?"},
		{`{"ignition":{"version":"3.6.0"},"storage":{"filesystems":[{"device":"/dev/a","format":"ext4","label":"aaaaaaaaaaaaaaaaaaaa"}]}}`,
			"V405", "f:1:102", `"aaaaaaaaaaaaaaaa"`},
		{`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/a","mode":7777}]}}`, "V210", "f:1:73", "write 4095, which is octal 7777"},
		{`{"ignition":{"version":"3.4.0","proxy":{"httpProxy":"http://[bad"}}}`, "V130", "f:1:53", ""},
		{`{"ignition":{"version":"3.2.0"},"storage":{"directories":[{"path":"/a"}],"links":[{"path":"/a","hard":true}]}}`, "V224", "f:1:84", "symbolic"},
		{`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/a"},{"path":"/a"}]}}`, "V022", "f:1:68", "merge the two entries"},
	} {
		_, report := Parse(diag.NewSource("f", []byte(c.text)))
		i := slices.IndexFunc(report, func(d diag.Diagnostic) bool { return d.Code == c.code })
		if i < 0 {
			t.Errorf("%s: no %s in %v", c.text, c.code, report)
			continue
		}
		if d := report[i]; d.Place().String() != c.place || !strings.Contains(d.Hint, c.hint) {
			t.Errorf("%s: %s at %s, hint %q", c.text, d.Line(), d.Place(), d.Hint)
		}
	}
}

// TestNotes checks the warnings about merged configs that Ignition does not give, and that a config by itself has none.
func TestNotes(t *testing.T) {
	parent := mustParse(t, "parent", []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"source":"http://h/1",
"verification":{"hash":"sha512-`+strings.Repeat("0", 128)+`"},"httpHeaders":[{"name":"A","value":"1"}]}}]}}`))
	child := mustParse(t, "child", []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","append":[{}],"contents":{"source":"http://h/2",
"httpHeaders":[{"name":"A"},{"name":"a"}]}}]}}`))
	var got []string
	report := Validate(Merge(parent, child))
	for _, d := range report {
		got = append(got, d.Code+" "+d.Severity.String()+" "+d.Place().String()+" "+d.Path.String())
	}
	want := []string{
		"W003 warning child:1:77 $.storage.files.0.append.0",
		"W002 warning child:2:30 $.storage.files.0.contents.httpHeaders.0",
		"W001 warning child:1:101 $.storage.files.0.contents",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if more := Validate(Merge(Merge(parent, child), Empty())); len(more) != len(report) {
		t.Errorf("merging with nothing changes the report: %v", more)
	}
}

// TestManyMistakes checks that a report stays small, and says so.
func TestManyMistakes(t *testing.T) {
	text := `{"ignition":{"version":"3.6.0"},"storage":{"files":[` + strings.Repeat(`{"path":"x"},`, 50000) + `{"path":"y"}]}}`
	_, report := Parse(diag.NewSource("f", []byte(text)))
	if len(report) > 3*diag.Most {
		t.Errorf("there are %d findings", len(report))
	}
	if !slices.ContainsFunc(report, func(d diag.Diagnostic) bool { return strings.Contains(d.Summary, "not shown") }) {
		t.Error("nothing says that there are more")
	}
}

// TestHostileConfigs checks that memory, garbage included, stays within a constant times the text, for texts that reach
// the rules.
func TestHostileConfigs(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct{ start, repeat, end string }{
		"empty files":     {`"storage":{"files":[`, `{},`, `{}]}`},
		"null files":      {`"storage":{"files":[`, `null,`, `{}]}`},
		"wrong types":     {`"storage":{"files":[`, `{"path":1},`, `{}]}`},
		"unknown members": {`"storage":{`, `"a":1,`, `"b":1}`},
		"deep paths":      {`"storage":{"links":[{"path":"/l/`, `a/`, `b"}],"files":[{"path":"/l/a/b"}]}`},
		"equal links":     {`"storage":{"files":[{"path":"/l/a"},{"path":"/l/b"}],"links":[`, `{"path":"/l","target":"t"},`, `{}]}`},
		"lost in members": {`"storage":{"files":[` + strings.Repeat(`{"path":"x"},`, 20000) + `{}],`, `"a":1,`, `"b":1}`},
		"units":           {`"systemd":{"units":[`, `{"contents":"["},`, `{}]}`},
		"arguments":       {`"kernelArguments":{"shouldExist":[`, `"",`, `""]}`},
		"escapes":         {`"passwd":{"users":[{"name":"`, `\\n`, `"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(`{"ignition":{"version":"3.6.0"},` + c.start + strings.Repeat(c.repeat, size/len(c.repeat)) + c.end + `}`)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, report := Parse(diag.NewSource("f", text))
			runtime.ReadMemStats(&after)
			if ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(text)); ratio > 128 {
				t.Errorf("%.0f bytes were allocated for each byte of text (%d findings)", ratio, len(report))
			}
		})
	}
}

func TestMarshalVersion(t *testing.T) {
	const full = `{"ignition":{"version":"3.6.0","config":{"merge":[{"source":"https://a/b"}]}},
		"storage":{"files":[{"path":"/<a>","mode":420,"contents":{"source":"data:,a"}}],"links":[{"path":"/l","target":"/t"}]},
		"passwd":{"users":[{"name":"core","uid":0}]},"systemd":{"units":[{"name":"a.service","enabled":false,"contents":""}]}}`
	d := mustParse(t, "full", []byte(full))
	for _, v := range spec.All() {
		text, report := MarshalVersion(d, v)
		if report.HasErrors() {
			t.Errorf("%s: %v", v, report[0].Line())
			continue
		}
		back := mustParse(t, "back", text)
		if !reflect.DeepEqual(back.Config, d.Config) {
			t.Errorf("%s: %s", v, text)
		}
	}
}

// TestCasesInTheirVersion checks that a valid case, written in its own version, is the same config again.
func TestCasesInTheirVersion(t *testing.T) {
	count := 0
	corpus(t, func(text []byte) {
		d, report := Parse(diag.NewSource("f", text))
		if len(report) > 0 {
			return
		}
		tree, _ := doc.ParseJSON(diag.NewSource("f", text))
		v, _ := versionOf(tree)
		out, report := MarshalVersion(d, v)
		if report.HasErrors() {
			t.Errorf("%s: %s", text, report[0].Line())
			return
		}
		back, report := Parse(diag.NewSource("g", out))
		if report.HasErrors() || !reflect.DeepEqual(back.Config, d.Config) {
			t.Errorf("%s became %s", text, out)
		}
		count++
	})
	if count < 100 {
		t.Errorf("there are only %d valid cases", count)
	}
}

func TestMarshalVersionRefuses(t *testing.T) {
	d := mustParse(t, "f", []byte(`{"ignition":{"version":"3.6.0","proxy":{"httpProxy":"http://p"}},
"storage":{"luks":[{"name":"a","device":"/dev/a","cex":{"enabled":true}}],
"files":[{"path":"/a","mode":2541,"contents":{"source":"gs://b/o"}}]},
"kernelArguments":{"shouldExist":["a"]}}`))
	for v, want := range map[spec.Version][]string{
		spec.V3_0: {
			"f:1:41 $.ignition.proxy", "f:2:20 $.storage.luks", "f:3:30 $.storage.files.0.mode", "f:3:56 $.storage.files.0.contents.source",
			"f:4:20 $.kernelArguments",
		},
		spec.V3_4: {"f:2:57 $.storage.luks.0.cex", "f:3:30 $.storage.files.0.mode"},
		spec.V3_6: nil,
	} {
		text, report := MarshalVersion(d, v)
		var got []string
		for _, e := range report.Errors() {
			got = append(got, e.Place().String()+" "+e.Path.String())
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || (text == nil) != (want != nil) {
			t.Errorf("%s: got %q\nwant %q", v, got, want)
		}
	}
}

// corpus calls add with the documents of all cases.
func corpus(f testing.TB, add func(text []byte)) {
	f.Helper()
	for _, dir := range []string{"validation-cases", "merge-cases"} {
		files, err := filepath.Glob(filepath.Join("..", "tests", "contract", "testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			f.Fatalf("no cases in %s (%v)", dir, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			var c struct {
				Config, Parent, Child json.RawMessage
				Raw                   string
			}
			if err := json.Unmarshal(text, &c); err != nil {
				f.Fatal(err)
			}
			for _, text := range [][]byte{c.Config, c.Parent, c.Child, []byte(c.Raw)} {
				if len(text) > 0 {
					add(text)
				}
			}
		}
	}
}

// TestParseUpTo caps the version of JSON and of YAML, each at the place that states it.
func TestParseUpTo(t *testing.T) {
	for text, want := range map[string]string{
		`{"ignition": {"version": "3.5.0"}}`:    "1:26 set ignition.version to 3.4.0",
		"# c\nvariant: fcos\nversion: 1.7.0\n":  "3:10 set version to one that becomes spec version 3.4.0 or an older one",
		`{"ignition": {"version": "3.4.0"}}`:    "",
		"variant: flatcar\nversion: 1.0.0\n":    "",
		`{"ignition": {"version": "3.9.0"}}`:    "1:26 set ignition.version to one of 3.0.0 to 3.6.0",
		"variant: openshift\nversion: 4.23.0\n": "2:10 write version: 4.22.0, the newest final version of openshift, or an older one",
		"variant: fcos\nversion: 1.5.0\nx: 1\n": "",
	} {
		d, report := ParseUpTo(diag.NewSource("f", []byte(text)), spec.V3_4)
		got := ""
		for _, found := range report.Errors() {
			got = fmt.Sprintf("%d:%d %s", found.Span.Start.Line, found.Span.Start.Column, found.Hint)
		}
		if got != want || (want == "") != (d.Config.Ignition.Version != "") {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// FuzzParse checks that every text gets an answer, and every finding a place within the text.
func FuzzParse(f *testing.F) {
	corpus(f, func(text []byte) { f.Add(text) })
	f.Add([]byte("variant: fcos\nversion: 1.5.0\nx: &a [b, b]\nkernel_arguments: {should_exist: *a}\n"))
	f.Add([]byte("\xff\xfev\x00a\x00r\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, report := Parse(diag.NewSource("f", text))
		for _, found := range report {
			if found.Code != "N001" && (found.Place().Line < 1 || found.Span.End.Offset > len(found.Span.Source.Text)) {
				t.Errorf("%s: its place is %+v", found.Line(), found.Span)
			}
			if found.Summary == "" || found.Code == "" {
				t.Errorf("%+v says nothing", found)
			}
		}
		if report.HasErrors() {
			return
		}
		out := Marshal(d.Config)
		if want, err := json.Marshal(d.Config); err != nil || string(out) != string(want) {
			t.Errorf("got  %s\nwant %s (%v)", out, want, err)
		}
		again, report := Parse(diag.NewSource("g", out))
		if report.HasErrors() {
			return // a valid old config may be invalid in the newest form
		}
		if !reflect.DeepEqual(again.Config, d.Config) {
			t.Errorf("%s changes on the way", out)
		}
	})
}

// FuzzMerge checks that merging any two configs ends, and that its origins can be written down.
func FuzzMerge(f *testing.F) {
	var last []byte
	corpus(f, func(text []byte) {
		if last != nil {
			f.Add(last, text)
		}
		last = text
	})
	f.Fuzz(func(t *testing.T, parent, child []byte) {
		p, report := Parse(diag.NewSource("parent", parent))
		if report.HasErrors() {
			return
		}
		c, report := Parse(diag.NewSource("child", child))
		if report.HasErrors() {
			return
		}
		merged := Merge(p, c)
		for _, found := range Validate(merged) {
			if found.Place().File == "" {
				t.Errorf("%s has no place", found.Line())
			}
		}
		text, err := json.Marshal(merged.Origins)
		if err != nil {
			t.Fatal(err)
		}
		var back merge.Origins
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again := Merge(merged, c); len(again.Config.Storage.Files) < len(merged.Config.Storage.Files) {
			t.Error("merging again lost a file")
		}
	})
}

// files returns a config with n inline files of about 500 bytes each; first numbers them.
func files(first, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"ignition":{"version":"3.4.0"},"storage":{"files":[`)
	payload := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz%0A", 11)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n{\"path\":\"/var/lib/app/d%d/f%d\",\"mode\":420,\"contents\":{\"source\":\"data:,%s\"}}", i/100, first+i, payload)
	}
	b.WriteString("]}}")
	return []byte(b.String())
}

func mustParse(tb testing.TB, name string, text []byte) Document {
	tb.Helper()
	d, report := Parse(diag.NewSource(name, text))
	if len(report) > 0 {
		tb.Fatal(report[0].Line())
	}
	return d
}
