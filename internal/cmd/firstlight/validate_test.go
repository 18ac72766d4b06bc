// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run runs the program in a directory of its own and returns what it wrote.
func run(t *testing.T, in string, args ...string) (out, err string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = dispatch(args, streams{strings.NewReader(in), &o, &e})
	return o.String(), e.String(), code
}

const (
	valid   = `{"ignition":{"version":"3.4.0"}}`
	warning = `{"ignition":{"version":"3.4.0"},"storage":{"filez":[]}}`
	invalid = `{"ignition":{"version":"3.4.0"},"storage":{"filez":[],"files":[{"path":"x"}]}}`
)

// TestValidate checks the answers of ignition-validate: output, errors and exit codes.
func TestValidate(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const unused = "warning at $.storage.filez, line 1 col 44: unused key filez\n"
	for _, c := range []struct {
		name     string
		in       string
		args     []string
		out, err string // err: how standard error begins
		code     int
	}{
		{"valid", "", []string{write("valid", valid)}, "", "", 0},
		{"standard input", valid, []string{"-"}, "", "", 0},
		{"warning", "", []string{write("warning", warning)}, unused, "", 0},
		{"error and warning", invalid, []string{"-"},
			"error at $.storage.files.0.path, line 1 col 72: the path \"x\" is not absolute\n" + unused, "", 1},
		{"unreadable", "", []string{filepath.Join(dir, "missing")}, "", "couldn't read config: ", 1},
		{"empty", "", []string{"-"}, "", "couldn't parse config: ", 1},
		{"bad version", `{"ignition":{"version":"x"}}`, []string{"-"}, "", "couldn't parse config: ", 1},
		{"unknown version", `{"ignition":{"version":"2.3.0"}}`, []string{"-"}, "", "couldn't parse config: ", 1},
		{"syntax error", "{\n]", []string{"-"},
			"error at line 2 col 1: not well-formed JSON: expected a member name in double quotes, found `]`\n", "", 1},
		{"type error", `{"ignition":{"version":3}}`, []string{"-"},
			"error at line 1 col 25: $.ignition.version must be a string, not a number\n", "", 1},
		{"no argument", "", nil, "", "Usage: ignition-validate ", 1},
		{"two arguments", "", []string{"a", "b"}, "", "Usage: ignition-validate ", 1},
		{"unknown flag", "", []string{"-x", "a"}, "", "ignition-validate: unknown flag --x\nUsage: ", 2},
		{"unknown format", valid, []string{"-format", "xml", "-"}, "", "ignition-validate: --format: \"xml\" is not one of line, text, json, sarif\nUsage: ", 2},
		{"version", "", []string{"-version"}, "Ignition 0.0.0-unknown\n", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err, code := run(t, c.in, append([]string{"/usr/bin/ignition-validate"}, c.args...)...)
			if diff := cmp.Diff(c.out, out); diff != "" {
				t.Error(diff)
			}
			if !strings.HasPrefix(err, c.err) || c.err == "" && err != "" {
				t.Errorf("standard error is %q", err)
			}
			if code != c.code {
				t.Errorf("the exit code is %d, want %d", code, c.code)
			}
		})
	}
}

func TestValidateText(t *testing.T) {
	out, _, code := run(t, warning, "firstlight", "validate", "-")
	const want = `-:1:44: warning: unknown member "filez" is ignored [V007]
  1 | {"ignition":{"version":"3.4.0"},"storage":{"filez":[]}}
    |                                            ^^^^^^^
help: did you mean files?

1 config checked: 1 warning
`
	if diff := cmp.Diff(want, out); diff != "" || code != 0 {
		t.Errorf("%d %s", code, diff)
	}
}

func TestValidateJSON(t *testing.T) {
	for name, c := range map[string]struct{ text, outcome, code, path string }{
		"ok": {valid, "ok", "", ""}, "warning": {warning, "warning", "V007", "$.storage.filez"},
		"type error": {`{"ignition":{"version":3}}`, "error", "V003", "$.ignition.version"}, "version": {`{"ignition":{"version":"2.3.0"}}`, "error", "V005", "$"},
		"error": {invalid, "error", "V202", "$.storage.files.0.path"}, "no config": {"", "error", "V001", "$"},
	} {
		out, err, _ := run(t, c.text, "ignition-validate", "--format=json", "-")
		var report struct {
			Outcome  string
			Findings []struct {
				Code, Path, File, Message string
				Line                      int
			}
		}
		if e := json.Unmarshal([]byte(out), &report); e != nil || err != "" {
			t.Fatalf("%s: %v %s", name, e, err)
		}
		if report.Outcome != c.outcome || (c.code == "") != (len(report.Findings) == 0) {
			t.Errorf("%s: %+v", name, report)
		} else if f := report.Findings; len(f) > 0 && (f[0].Code != c.code || f[0].Path != c.path || f[0].File != "-" || f[0].Line != 1) {
			t.Errorf("%s: %+v", name, f[0])
		}
	}
}

func TestValidateSARIF(t *testing.T) {
	out, _, code := run(t, invalid, "firstlight", "validate", "-format", "sarif", "-")
	if !json.Valid([]byte(out)) || !strings.Contains(out, `"ruleId": "V202"`) || code != 1 {
		t.Errorf("%d %s", code, out)
	}
}

func TestDispatch(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{{nil, 2}, {[]string{"firstlight"}, 2}, {[]string{"firstlight", "help"}, 0}, {[]string{"firstlight", "nonsense"}, 2},
		{[]string{"firstlight", "version"}, 0}, {[]string{"firstlight", "--version"}, 0}} {
		if _, _, code := run(t, "", c.args...); code != c.code {
			t.Errorf("%q: the exit code is %d, want %d", c.args, code, c.code)
		}
	}
}

// TestManyFiles checks that files and directories are checked together, and how the report ends.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.ign": warning, "sub/b.ign": valid, "sub/c.json": invalid, "sub/package.json": "{", "sub/notes.txt": "x", ".git/d.ign": "{", "sub/e.yaml": "a: b\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		args []string // below dir, if they do not start with a dash
		want string   // the last line of standard output, or what standard error has
		code int
	}{
		{"", []string{"."}, "3 configs checked: 1 error, 2 warnings\n", 1},
		{"", []string{"a.ign"}, "1 config checked: 1 warning\n", 0},
		{"", []string{"a.ign", "--strict"}, "1 config checked: 1 warning\n", 1},
		{"", []string{"--strict", "sub/b.ign"}, "1 config checked: no findings\n", 0},
		{invalid, []string{"sub/b.ign", "-"}, "2 configs checked: 1 error, 1 warning\n", 1},
		{"", []string{"missing.ign", "sub/b.ign"}, "2 configs checked: 1 error\n", 1},
		{"", []string{"empty"}, "no configs below", 2},
		{"", []string{"-", "-"}, "standard input can be read only once", 2},
	} {
		args := []string{"firstlight", "validate"}
		for _, a := range c.args {
			if a[0] != '-' {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		out, err, code := run(t, c.in, args...)
		if code != c.code || !strings.HasSuffix(out, c.want) && !strings.Contains(err, c.want) {
			t.Errorf("%q: exit code %d\n%s%s", c.args, code, out, err)
		}
	}
}

// TestOrder checks that findings come in the order of the files however long each takes.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i := range 40 {
		name := filepath.Join(dir, fmt.Sprintf("%02d.ign", i))
		text := `{"ignition":{"version":"3.6.0"},"a":[` + strings.Repeat("1,", (40-i)*500) + `1]}`
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name+":1:33: warning: unknown member \"a\" is ignored [V007]")
	}
	out, _, _ := run(t, "", "firstlight", "validate", dir)
	var got []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, dir) {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(out, "  1 | "); n != fullFindings {
		t.Errorf("%d findings are shown in full", n)
	}
}

// TestCompressed checks that compressed user data is checked as the engine reads it.
func TestCompressed(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(warning)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if out, _, code := run(t, b.String(), "firstlight", "validate", "-"); code != exitOK || !strings.Contains(out, "-:1:44: warning: unknown member \"filez\" is ignored") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, _, code := run(t, b.String()[:20], "firstlight", "validate", "-"); code != exitFailed || !strings.HasPrefix(out, "-: error: the config cannot be read: it begins like gzip data") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestEndless checks that input without an end is not read forever.
func TestEndless(t *testing.T) {
	zeros, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zeros.Close()
	const most = 2 << 20
	if text, err := readUpTo(zeros, 0, most); err == nil || err.Error() != "it is larger than 2 MiB" {
		t.Errorf("%d bytes, error %v", len(text), err)
	}
	if text, err := readUpTo(strings.NewReader("{}"), 1, most); err != nil || string(text) != "{}" {
		t.Errorf("%q, error %v", text, err)
	}
}
