// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
)

// documents calls f with every case of the contract and every typical mistake that is well-formed JSON.
func documents(t *testing.T, f func(name string, config any)) {
	t.Helper()
	add := func(name string, text []byte) {
		var v any
		if json.Unmarshal(text, &v) == nil {
			f(name, v)
		}
	}
	cases(t, add)
	files, err := filepath.Glob("testdata/mistakes/*.ign")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Base(file), text)
	}
}

// eachString calls f with every string of a document, its member's name and a function that sets it.
func eachString(v any, name string, f func(name, s string, set func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if s, ok := m.(string); ok {
				f(k, s, func(n any) { v[k] = n })
			}
			eachString(m, k, f)
		}
	case []any:
		for i, m := range v {
			if s, ok := m.(string); ok {
				f(name, s, func(n any) { v[i] = n })
			}
			eachString(m, name, f)
		}
	}
}

// check marshals a document and checks it.
func check(t *testing.T, name string, v any) diag.List {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return lint.Check(diag.NewSource(name, text))
}

// TestShownValues puts a long value with control characters in place of every string of every document, before it and
// after it, and checks that what is shown of it is cut, and that nothing reaches a terminal raw.
func TestShownValues(t *testing.T) {
	const most = 700
	long := strings.Repeat("x", 5000) + "\x1b[2J\n\u202e"
	count := 0
	look := func(name string, v any) {
		for _, d := range check(t, name, v) {
			count++
			for _, text := range []string{d.Summary, d.Hint, d.String(), d.Line()} {
				if len(text) > most || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
					t.Fatalf("%s: %d bytes: %.300q", name, len(text), text)
				}
			}
		}
	}
	documents(t, func(name string, v any) {
		eachString(v, "", func(_, s string, set func(any)) {
			for _, hostile := range []string{long, s + long, "\x1b\n" + s, s + "\x00\x7f"} {
				set(hostile)
				look(name, v)
			}
			set(s)
		})
		if object, ok := v.(map[string]any); ok {
			object[long], object["storage\n"] = 1, 2
			look(name, object)
		}
	})
	if count < 4000 {
		t.Errorf("there are only %d findings", count)
	}
}

// TestNothingLeaks puts a canary into every place that may hold a secret, whatever else is wrong with the config, and looks for it
// in every form of the report.
func TestNothingLeaks(t *testing.T) {
	const canary = "CaNaRy"
	secret := map[string][]string{
		"source":       {"data:,CaNaRy", "data:,CaNaRy x", "data:;base64,CaNaRy", "https://u:CaNaRy@h/", "http://h/?CaNaRy", "http:u:CaNaRy@h", "CaNaRy", "CaNaRy:x y"},
		"passwordHash": {"CaNaRy", "CaNaRy:", "$6$CaNaRy"},
		"value":        {"CaNaRy"},
		"config":       {"CaNaRy"},
		"httpProxy":    {"http://u:CaNaRy@h", "ftp://u:CaNaRy@h", "http://u:CaNaRy@[h"},
		"httpsProxy":   {"http://u:CaNaRy@h", "socks5://u:CaNaRy@h"},
	}
	planted := 0
	look := func(name string, v any) {
		planted++
		list := check(t, name, v)
		for form, write := range map[string]func(*strings.Builder) error{
			"text": func(b *strings.Builder) error { return diag.Text(b, list, true) },
			"line": func(b *strings.Builder) error { return diag.Lines(b, list) },
			"json": func(b *strings.Builder) error { return diag.JSON(b, list) },
			"sarif": func(b *strings.Builder) error {
				return diag.SARIF(b, list, diag.Tool{})
			},
			"github": func(b *strings.Builder) error { return diag.GitHub(b, list) },
		} {
			var b strings.Builder
			if err := write(&b); err != nil || strings.Contains(b.String(), canary) {
				t.Errorf("%s as %s: %v\n%s", name, form, err, b.String())
			}
		}
	}
	documents(t, func(name string, v any) {
		eachString(v, "", func(member, s string, set func(any)) {
			for _, text := range secret[member] {
				set(text)
				look(name, v)
			}
			if member == "contents" {
				set("[Service]\nEnvironment=\"A=CaNaRy\"\n" + s)
				look(name, v)
			}
			set(s)
		})
	})
	if planted < 500 {
		t.Errorf("only %d canaries were planted", planted)
	}
	t.Logf("%d canaries", planted)
}
