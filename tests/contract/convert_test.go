// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/types"
)

// TestConvertThenBuild converts every valid JSON config of the cases to YAML, and builds that. The result must equal the
// config.
func TestConvertThenBuild(t *testing.T) {
	count := 0
	check := func(t *testing.T, text []byte) {
		before, report := config.ParseWith(diag.NewSource("case", text), config.Options{JSONOnly: true})
		if report.HasErrors() {
			return
		}
		count++
		yaml, report := convert.ToYAML(diag.NewSource("case", text))
		if report.HasErrors() {
			t.Fatalf("it cannot be converted:\n%s\n%s", lines(report), text)
		}
		r, after, report := config.Build(diag.NewSource("yaml", yaml), author.Options{})
		if report.HasErrors() {
			t.Fatalf("what it is converted to is invalid:\n%s\n%s", lines(report), yaml)
		}
		if diff := gocmp.Diff(payloads(t, before.Config), payloads(t, after.Config)); diff != "" {
			t.Errorf("the config differs (-want +got):\n%s\n%s", diff, yaml)
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out, r.Variant.Spec, false); err != nil {
			t.Fatal(err)
		}
		if _, report := config.Parse(diag.NewSource("out", out.Bytes())); report.HasErrors() {
			t.Errorf("the output is invalid: %s", lines(report))
		}
		if diff := gocmp.Diff(findings(text), findings(yaml)); diff != "" {
			t.Errorf("the checker finds something else (-JSON +YAML):\n%s\n%s", diff, yaml)
		}
	}
	cases(t, "validation-cases", func(t *testing.T, c validationCase) {
		if c.Raw == nil {
			check(t, c.Config)
		} else {
			check(t, []byte(*c.Raw))
		}
	})
	cases(t, "merge-cases", func(t *testing.T, c mergeCase) {
		check(t, c.Parent)
		check(t, c.Child)
	})
	cases(t, "render-cases", func(t *testing.T, c renderCase) { check(t, c.Config) })
	outputs, err := filepath.Glob("testdata/butane-cases/*/out.ign")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range outputs {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) { check(t, file(t, name)) })
	}
	if count < 250 {
		t.Errorf("there are only %d valid configs", count)
	}
	t.Logf("%d configs", count)
}

// onlyIn has the codes of findings that only one form of a config has: about members without effect, which conversion leaves
// out, and about modes and partitions of CoreOS.
var onlyIn = []string{"V007", "V008", "V009", "V211", "I001", "I201", author.CodeMode, author.CodePartition}

// findings returns the codes of the checker's findings, in JSON and in YAML alike.
func findings(text []byte) []string {
	var codes []string
	for _, d := range lint.Check(diag.NewSource("f", text)) {
		if !slices.Contains(onlyIn, d.Code) {
			codes = append(codes, d.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// payloads returns a config as plain values, with the payloads of data URLs decoded: text becomes inline, and building chooses
// its form again.
func payloads(t *testing.T, c types.Config) any {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return prune(payloadsOf(v))
}

func payloadsOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = payloadsOf(v[k])
		}
		if s, ok := v["source"].(string); ok && len(s) > 5 && s[:5] == "data:" {
			if z := v["compression"]; z == "gzip" || z == "" || z == nil {
				delete(v, "compression")
				v["source"] = plainContents(s)
			}
		}
	case []any:
		for i := range v {
			v[i] = payloadsOf(v[i])
		}
	}
	return v
}

// plainContents returns the payload of a data URL in any form.
func plainContents(source string) string {
	head, rest, _ := strings.Cut(strings.TrimPrefix(source, "data:"), ",")
	if strings.HasSuffix(head, ";base64") {
		head = ";base64"
	}
	_, decoded, _ := strings.Cut(contents("data:"+head+","+rest), "|")
	return decoded
}
