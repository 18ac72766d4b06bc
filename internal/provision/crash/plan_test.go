// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

var update = flag.Bool("update", false, "rewrite the plans of testdata/plans")

// shown lists the cases whose plans are goldens, in the forms for people and for programs.
var shown = []string{
	"table-new", "table-kept", "table-wiped", "partition-resized", "partition-deleted",
	"raid1", "raid5-spare", "luks-clevis-key", "luks-on-raid0", "mkfs-all",
}

// TestPlans compares the plans of machines with goldens. The facts go through their JSON form, as when one machine captures
// them and another one plans.
func TestPlans(t *testing.T) {
	for _, name := range shown {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			c, doc, err := parseCase(text)
			if err != nil {
				t.Fatal(err)
			}
			m, err := c.machine(name)
			if err != nil {
				t.Fatal(err)
			}
			var f facts.Facts
			if err := provision.Capture(context.Background(), observe.Machine{System: m}, nil, provision.Boot(), doc, &f); err != nil {
				t.Fatal(err)
			}
			if f, err = f.Clone(); err != nil {
				t.Fatal(err)
			}
			p, report, err := provision.Show(doc, f, plan.Inputs{Seed: "seed", Today: 20000})
			if err != nil {
				t.Fatal(err, report)
			}
			var program bytes.Buffer
			e := json.NewEncoder(&program)
			e.SetIndent("", " ")
			if err := e.Encode(p); err != nil {
				t.Fatal(err)
			}
			for golden, got := range map[string]string{name + ".txt": p.Text(), name + ".plan.json": program.String()} {
				golden = filepath.Join("testdata", "plans", golden)
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
					t.Errorf("%s (-want +got):\n%s", golden, diff)
				}
			}
		})
	}
}
