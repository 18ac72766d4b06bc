// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// contracts returns the valid configs of the contract's cases, by name of the case.
func contracts(t *testing.T) map[string]config.Document {
	t.Helper()
	valid := map[string]config.Document{}
	files, err := filepath.Glob("../../tests/contract/testdata/*-cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var c struct{ Config, Parent, Child, Expect, Result json.RawMessage }
		if err := json.Unmarshal(text, &c); err != nil {
			continue // a case whose members have other types
		}
		for member, text := range map[string]json.RawMessage{"config": c.Config, "parent": c.Parent, "child": c.Child, "expect": c.Expect, "result": c.Result} {
			if len(text) == 0 || text[0] != '{' {
				continue
			}
			if doc, report := config.Parse(diag.NewSource("case", text)); !report.HasErrors() {
				valid[filepath.Base(name)+" "+member] = doc
			}
		}
	}
	return valid
}

// Every valid config of the contract can be planned: whatever the plan of a part refers to is among the payloads, and a plan
// that is written and read back is the same. Conflicts with this machine do not matter.
func TestContractPlans(t *testing.T) {
	all := contracts(t)
	b := newBench(t, everywhere, "vda", "vdb")
	planned := 0
	for name, doc := range all {
		t.Run(name, func(t *testing.T) {
			in := plan.Inputs{Seed: "seed", Today: 20000}
			system := b.Clone()
			var f facts.Facts
			if err := Capture(context.Background(), observe.Machine{System: system}, b.peek, Boot(), doc, &f); err != nil {
				t.Fatal(err)
			}
			var plans []op.Plan
			for _, p := range Boot() {
				r := plan.Build(p.Name, p.Plan, doc, f, in)
				plans = append(plans, r.Plan)
				planned += len(r.Plan.Steps)
				f = r.After
			}
			checkPlans(t, doc, plans, in.Seed)
			if n := len(system.Effects()); n > 0 {
				t.Errorf("looking at the machine has %d effects", n)
			}
		})
	}
	if len(all) < 100 || planned < 100 {
		t.Errorf("%d configs with %d steps were found", len(all), planned)
	}
	t.Logf("%d configs, %d steps", len(all), planned)
}
