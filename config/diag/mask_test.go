// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"fmt"
	"strings"
	"testing"
)

// TestSecretsAreMasked plants a canary in every place that may hold a secret, in JSON and YAML, whole and broken, puts a finding on
// every line, and looks for it in all forms of the report.
func TestSecretsAreMasked(t *testing.T) {
	const canary = "CaNaRy"
	for name, text := range map[string]string{
		"hash":             `{"users": [{"name": "a", "passwordHash": "CaNaRy", "uid": 1}]}`,
		"hash, lines":      "{\n\"passwordHash\":\n  \"CaNaRy\",\n\"uid\": 1}",
		"hash, escapes":    `{"passwordHash": "a\"CaNaRy\\", "uid": 1}`,
		"hash, no colon":   `{"passwordHash" "CaNaRy"}`,
		"hash, no quotes":  `{passwordHash: CaNaRy}`,
		"hash, cut":        `{"passwordHash": "CaNaRy`,
		"hash, wrong type": `{"passwordHash": CaNaRy, "uid": 1}`,
		"hash, no end":     "{\"passwordHash\": \"CaNaRy,\n\"uid\": 1}",
		"hash, quotes":     `{'passwordHash': 'CaNaRy'}`,
		"private key":      `{"sshAuthorizedKeys": ["-----BEGIN OPENSSH PRIVATE KEY-----\nCaNaRy\n-----END OPENSSH PRIVATE KEY-----\n"], "x": 1}`,
		"private key, cut": "- ssh_authorized_keys:\n  - |\n    -----BEGIN PRIVATE KEY-----\n    abc\n    CaNaRy\n",
		"data":             `{"source": "data:text/plain;charset=utf-8,CaNaRy", "x": 1}`,
		"base64":           `{"source": "data:;base64,CaNaRy"}`,
		"bad data":         `{"source": "dat:CaNaRy"}`,
		"no data":          `{"source": "CaNaRy is in here"}`,
		"user":             `{"source": "https://me:CaNaRy@host/x"}`,
		"opaque user":      `{"source": "https:me:CaNaRy@host/x"}`,
		"query":            `{"source": "https://host/x?token=CaNaRy"}`,
		"fragment":         `{"source": "https://host/x#CaNaRy"}`,
		"proxy":            `{"httpsProxy": "http://me:CaNaRy@host"}`,
		"header":           `{"httpHeaders": [{"name": "A", "value": "CaNaRy"}]}`,
		"header name":      `{"httpHeaders": [{"value": "x", "name": "CaNaRy"}], "name": "shown"}`,
		"clevis":           `{"custom": {"pin": "sss", "config": "{\"k\": \"CaNaRy\"}"}}`,
		"environment":      `{"contents": "[Service]\nEnvironment=\"A=CaNaRy\"\nExecStart=/bin/x\n"}`,
		"environment 2":    `{"contents": "[Service]\nEnvironment=A=CaNaRy"}`,
		"credential":       `{"contents": "SetCredential=a:CaNaRy\n"}`,
		"yaml hash":        "a:\n- name: b\n  password_hash: CaNaRy\n  uid: 1\n",
		"yaml anchor":      "password_hash: &a CaNaRy\n",
		"yaml name":        "password_hash: &CaNaRy x\n",
		"yaml tag":         "password_hash: !CaNaRy\n",
		"yaml locked hash": "password_hash: !$6$CaNaRy x\n",
		"yaml comment":     "inline: #CaNaRy\n",
		"yaml quotes":      "password_hash: 'CaNaRy'\n",
		"yaml deep":        "password_hash:\n    CaNaRy\nuid: 1\n",
		"yaml block":       "- contents:\n    inline: |\n      one\n\n      CaNaRy\n  mode: 3\n",
		"yaml folded":      "    inline: >-\n      CaNaRy\n",
		"yaml plain":       "inline: one\n  CaNaRy\nmode: 3\n",
		"yaml source":      "source: data:,CaNaRy\n",
		"yaml headers":     "http_headers:\n- name: CaNaRy\n  value: x\nname: shown\n",
		"yaml headers 2":   "http_headers:\n  - value: CaNaRy\n    name: x\n",
		"yaml unit":        "contents: |\n  [Service]\n  Environment=\"A=CaNaRy b\"\n  ExecStart=/bin/x\n",
		"cut user":         `{"source": "https://me:CaNaRy`,
		"url, list":        `{"source": ["data:,CaNaRy"], "x": 1}`,
		"url, object":      `{"source": {"a": {"b": "CaNaRy"}}, "x": 1}`,
		"proxy, list":      `{"httpProxy": ["http://me:CaNaRy@host"]}`,
		"hash, object":     "{\"passwordHash\": {\n\"a\": \"CaNaRy\"}, \"x\": 1}",
		"hash, list":       `{"passwordHash": [["CaNaRy"], "]", "CaNaRy"]}`,
		"value, list":      `{"httpHeaders": [{"name": "A", "value": ["CaNaRy"]}]}`,
		"headers, object":  `{"httpHeaders": {"CaNaRy": "CaNaRy"}, "x": 1}`,
		"name, object":     `{"httpHeaders": [{"name": {"x": "CaNaRy"}}]}`,
		"contents, text":   `{"path": "/x", "contents": "CaNaRy"}`,
		"thumbprint":       `{"url": "http://x", "thumbprint": "CaNaRy"}`,
		"advertisement":    `{"advertisement": "{\"payload\": \"CaNaRy\"}"}`,
		"no members":       "CaNaRy\nCaNaRy",
		"cloud-config":     "write_files:\n- content: CaNaRy\nplain_text_passwd: CaNaRy\n",
	} {
		s := NewSource("f", []byte(text))
		var list List
		for i := range text {
			list = append(list, Diagnostic{Code: "V000", Path: ParsePath("$.a"), Span: s.Span(i, i+1), Summary: "here"})
		}
		for form, write := range map[string]func(*strings.Builder) error{
			"text":   func(b *strings.Builder) error { return Text(b, list, true) },
			"lines":  func(b *strings.Builder) error { return Lines(b, list) },
			"json":   func(b *strings.Builder) error { return JSON(b, list) },
			"sarif":  func(b *strings.Builder) error { return SARIF(b, list, Tool{}) },
			"github": func(b *strings.Builder) error { return GitHub(b, list) },
		} {
			var b strings.Builder
			if err := write(&b); err != nil || strings.Contains(b.String(), canary) {
				t.Errorf("%s as %s: %v\n%s", name, form, err, b.String()[:min(len(b.String()), 600)])
			}
		}
	}
}

// TestNotMasked checks that excerpts stay useful.
func TestNotMasked(t *testing.T) {
	for _, text := range []string{
		`{"ignition": {"version": "3.6.0", "config": {"merge": [{"compression": "gzip"}]}}}`,
		`{"source": "/etc/motd"}`, `{"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 AAAA"]}`,
		"ignition:\n  config:\n    merge:\n    - compression: gzip\n", "contents:\n  local: x\n",
		`{"contents": "[Unit]\nDescription=x\n"}`, `{"path": "/x", "contents": {"compression": "gzip"}}`,
	} {
		if list := secrets([]byte(text)); len(list) > 0 {
			t.Errorf("%s: masked %v", text, list)
		}
	}
	for text, want := range map[string]string{
		`{"source": "https://me@host/x?q=1", "x": 1}`:                      `{"source": "https://**@host/x?***", "x": 1}`,
		`{"source": "data:;base64,QUJD", "x": 1}`:                          `{"source": "data:;base64,****", "x": 1}`,
		`{"passwordHash": null, "uid": 1}`:                                 `{"passwordHash": ****, "uid": 1}`,
		`{"contents": "[Service]\nEnvironment=A=B\nExecStart=/x", "y": 1}`: `{"contents": "[Service]\nEnvironment=***\nExecStart=/x", "y": 1}`,
	} {
		p := printer{masks: map[*Source][]extent{}}
		if got := p.masks.Line(NewSource("f", []byte(text)), 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzSecrets(f *testing.F) {
	for _, seed := range []string{`{"passwordHash": "a`, "inline: |\n  a\n", "source:", "httpHeaders: [", `"value"`, "Environment=\\", "source: http://@", "source: 'a", `inline:{000"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := NewSource("f", []byte(text))
		for _, e := range secrets(s.Text) {
			if e.from < 0 || e.from > e.to || e.to > len(text) {
				t.Fatalf("%q: %v", text, e)
			}
		}
		var b strings.Builder
		list := List{{Span: s.Span(len(text)/2, len(text)/2+3), Summary: "x"}}
		if err := (Style{Excerpts: true, Color: true}).Write(&b, list); err != nil {
			t.Fatal(err)
		}
	})
}

// TestStyle checks colors, and that only the first findings are shown in full.
func TestStyle(t *testing.T) {
	s := NewSource("f", []byte("{\n\"a\": 12}"))
	var list List
	for i := range 5 {
		list = append(list, at(s, "$.a", "12", fmt.Sprint("wrong ", i), "do"))
	}
	var b strings.Builder
	if err := (Style{Excerpts: true, Full: 2}).Write(&b, list); err != nil {
		t.Fatal(err)
	}
	const full = "f:2:6: error: wrong %d [V000]\n  1 | {\n  2 | \"a\": 12}\n    |      ^^\nhelp: do\n"
	want := fmt.Sprintf(full+"\n"+full, 0, 1) + "\nf:2:6: error: wrong 2 [V000]\nf:2:6: error: wrong 3 [V000]\nf:2:6: error: wrong 4 [V000]\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := (Style{Color: true}).Write(&b, list[:1]); err != nil || b.String() !=
		"\x1b[1mf:2:6: \x1b[0m\x1b[1;31merror: \x1b[0m\x1b[1mwrong 0 [V000]\x1b[0m\n\x1b[1;36mhelp: \x1b[0mdo\n" {
		t.Errorf("%v %q", err, b.String())
	}
}

func TestErr(t *testing.T) {
	s := NewSource("f", []byte("{\n\"a\": 12}"))
	warning := at(s, "$.a", "12", "odd", "")
	warning.Severity = Warning
	if err := (List{warning}).Err(); err != nil {
		t.Error(err)
	}
	err := List{warning, at(s, "$.a", "12", "wrong", "do"), at(s, "$.a", "12", "worse", "")}.Err()
	if err == nil || err.Error() != "f:2:6: error: wrong [V000] (and 1 more)" {
		t.Error(err)
	}
}

// TestGitHub checks the commands of GitHub Actions and their escapes.
func TestGitHub(t *testing.T) {
	s := NewSource("a,b.ign", []byte("{\n\"a\": 12}"))
	info := Diagnostic{Severity: Info, Code: "I001", Summary: "100%", Hint: "two\nlines"}
	twice := at(s, "$.a", "12", "twice", "")
	twice.Related = &Related{at(s, "$.a", `"a"`, "", "").Span, "the first"}
	var b strings.Builder
	const want = "::error file=a%2Cb.ign,line=2,col=6,title=V000::wrong; do\n" +
		"::error file=a%2Cb.ign,line=2,col=6,title=V000::twice (the first: a,b.ign:2:1)\n::notice title=I001::100%25; two%0Alines\n"
	if err := GitHub(&b, List{at(s, "$.a", "12", "wrong", "do"), twice, info}); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
}
