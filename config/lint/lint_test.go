// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/rules"
)

var update = flag.Bool("update", false, "rewrite the reports of testdata/mistakes")

// TestMistakes compares the report about each of many typical mistakes with a golden. Read them as the author of the config:
// each must point to the right place, be clear, and say what to do.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.[ib][gu]*")
	if err != nil || len(files) < 48 {
		t.Fatalf("there are %d mistakes (%v)", len(files), err)
	}
	local := os.DirFS("testdata/mistakes/files")
	for _, file := range files {
		name := strings.TrimSuffix(file, filepath.Ext(file))
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			report := lint.CheckWith(diag.NewSource(filepath.Base(file), text), config.Options{Files: local})
			var b strings.Builder
			if err := diag.Text(&b, report, true); err != nil {
				t.Fatal(err)
			}
			golden := name + ".report"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Error(diff)
			}
			if len(report) == 0 {
				t.Error("nothing is found")
			}
			for _, d := range report {
				if d.Exact().Start.Line == 0 || d.Hint == "" {
					t.Errorf("%s: no place or no hint", d)
				}
			}
		})
	}
}

// TestNoProxyList: an entry of noProxy may be a list, as it is in NO_PROXY.
func TestNoProxyList(t *testing.T) {
	text := `{"ignition": {"version": "3.6.0", "proxy": {"httpProxy": "http://proxy:3128", "noProxy": ["localhost,example.com, 10.0.0.0/8"]}}}`
	if report := lint.Check(diag.NewSource("f", []byte(text))); len(report) > 0 {
		t.Error(report)
	}
}

// TestPage checks that the report on the page about checking is one that the program makes.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/validate.md")
	if err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile("testdata/mistakes/decimal-mode.report")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(string(report), "decimal-mode.ign", "web.ign"); !strings.Contains(string(page), want) {
		t.Errorf("docs/validate.md does not have\n%s", want)
	}
}

// cases calls f with the documents of all cases of the contract.
func cases(t testing.TB, f func(name string, text []byte)) {
	t.Helper()
	files, err := filepath.Glob("../../tests/contract/testdata/validation-cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Config json.RawMessage
			Raw    *string
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		if c.Raw != nil {
			c.Config = json.RawMessage(*c.Raw)
		}
		f(filepath.Base(file), c.Config)
	}
}

// TestVerdicts checks that a config which Ignition accepts is accepted, but for errors of our own, that all it rejects are
// rejected, and that every finding of package config is kept or reworded.
func TestVerdicts(t *testing.T) {
	ours := map[string]bool{}
	for _, r := range append(lint.Rules(), rules.Impossible()...) {
		ours[r.ID] = true
	}
	cases(t, func(name string, text []byte) {
		src := diag.NewSource(name, text)
		_, parsed := config.Parse(src)
		checked := lint.Check(src)
		theirs := slices.DeleteFunc(slices.Clone(checked), func(d diag.Diagnostic) bool { return ours[d.Code] })
		if theirs.HasErrors() != parsed.HasErrors() || theirs.Outcome() != parsed.Outcome() {
			t.Errorf("%s: %s became %s", name, parsed.Outcome(), theirs.Outcome())
		}
		for _, p := range parsed {
			if !slices.ContainsFunc(checked, func(d diag.Diagnostic) bool {
				return d.Code == p.Code && d.Severity == p.Severity || p.Code == "V020" && d.Code == "V303" || p.Code == "V020" && d.Code == "V305" ||
					p.Code == "V403" && d.Code == "V401" || p.Code == "V503" && d.Code[:2] == "V1"
			}) {
				t.Errorf("%s: %s is lost", name, p)
			}
		}
		for _, d := range checked {
			if d.Exact().Place().Line < 1 || d.Hint == "" {
				t.Errorf("%s: %s has no place, or no hint", name, d)
			}
		}
	})
}

// TestRules checks that every rule has an entry with a text, and a mistake that shows it.
func TestRules(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/mistakes/*.report")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			seen[strings.Trim(word, "[]")] = true
		}
	}
	for i, r := range lint.Rules() {
		if r.About == "" || i > 0 && lint.Rules()[i-1].ID >= r.ID {
			t.Errorf("%s has no text, or is out of order", r.ID)
		}
		if !seen[r.ID] {
			t.Errorf("%s has no mistake", r.ID)
		}
	}
}

// FuzzCheck checks that every text has a report, with places inside the text.
func FuzzCheck(f *testing.F) {
	cases(f, func(_ string, text []byte) { f.Add(text) })
	files, err := filepath.Glob("testdata/mistakes/*.[ib][gu]*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		report := lint.Check(diag.NewSource("f", text))
		for _, d := range report {
			if s := d.Exact(); d.Code != "N001" && (s.Start.Line < 1 || s.Start.Offset < 0 || s.End.Offset > len(s.Source.Text)) {
				t.Errorf("%s: its place is %+v", d, s)
			}
		}
		if err := diag.Text(io.Discard, report, true); err != nil {
			t.Fatal(err)
		}
	})
}

// TestManyMistakes checks that a config full of mistakes has its report in time proportional to its size.
func TestManyMistakes(t *testing.T) {
	for name, c := range map[string]struct{ start, repeat, end string }{
		"equal users":  {`"passwd":{"users":[`, `{"name":"a"},`, `{"name":"a"}]}`},
		"equal paths":  {`"storage":{"files":[`, `{"path":"/a"},`, `{"path":"/a"}]}`},
		"below links":  {`"storage":{"links":[{"path":"/a","target":"/b"}],"files":[`, `{"path":"/a/b"},`, `{"path":"/a/b"}]}`},
		"units":        {`"systemd":{"units":[`, `{"name":"a.service","contents":"[A]\nB=c\n"},`, `{"name":"b.service"}]}`},
		"members":      {``, `"a":1,`, `"a":1`},
		"many headers": {`"a":[`, `{"httpHeaders":[{"value":`, `1`},
	} {
		text := []byte(`{"ignition":{"version":"3.6.0"},` + c.start + strings.Repeat(c.repeat, 1<<19/len(c.repeat)) + c.end + `}`)
		start := time.Now()
		report := lint.Check(diag.NewSource("f", text))
		if err := (diag.Style{Excerpts: true, Full: 20}).Write(io.Discard, report); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %d findings took %s", name, len(report), took)
		} else {
			t.Logf("%s: %d findings in %s", name, len(report), took)
		}
	}
}
