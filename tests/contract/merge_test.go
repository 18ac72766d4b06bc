// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

type mergeCase struct {
	Parent, Child json.RawMessage
	Expect        any
	Valid         bool
}

func TestMerge(t *testing.T) {
	cases(t, "merge-cases", func(t *testing.T, c mergeCase) {
		merged := config.Merge(parse(t, "parent", c.Parent), parse(t, "child", c.Child))
		compare(t, merged, c.Expect, c.Valid)
	})
}

func parse(t *testing.T, name string, text []byte) config.Document {
	t.Helper()
	d, report := config.Parse(diag.NewSource(name, text))
	if report.HasErrors() {
		t.Fatalf("%s is invalid:\n%s", name, lines(report))
	}
	return d
}

// compare compares a merged config with the expected one, ignoring empty members.
func compare(t *testing.T, d config.Document, want any, valid bool) {
	t.Helper()
	var got any
	if err := json.Unmarshal(config.Marshal(d.Config), &got); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(prune(want), prune(got)); diff != "" {
		t.Errorf("the result differs (-want +got):\n%s", diff)
	}
	if report := config.Validate(d); report.HasErrors() == valid {
		t.Errorf("the result should be valid: %v\n%s", valid, lines(report))
	}
}

// prune removes empty members. Elements of lists stay.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			switch m := prune(m).(type) {
			case nil:
				delete(v, name)
			case map[string]any:
				if len(m) == 0 {
					delete(v, name)
				}
			case []any:
				if len(m) == 0 {
					delete(v, name)
				}
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}
