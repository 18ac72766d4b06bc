// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// After the disks stage, each device of the config has the predicted contents. Not predictable are the sizes of arrays and
// volumes, identifiers that programs choose, and the contents of reused volumes.
func TestPredictionsAreTrue(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := newTrial(t, name, c, &counts{})
			config := &trial.doc.Config
			m := trial.start.Clone()
			var predicted facts.Facts
			if err := provision.Capture(context.Background(), observe.Machine{System: m}, nil, provision.Of(provision.Disks), trial.doc, &predicted); err != nil {
				t.Fatal(err)
			}
			for _, p := range provision.Of(provision.Disks) {
				predicted = plan.Build(p.Name, p.Plan, trial.doc, predicted, plan.Inputs{Seed: "seed 1"}).After
			}
			if err := trial.boot().run(m, trial.doc); err != nil {
				t.Fatal(err)
			}
			m.Settle()
			var found facts.Facts
			q := facts.Questions{Tables: tablesOf(predicted), Look: slices.Concat(plan.DiskPaths(config), plan.RAIDPaths(config), plan.LUKSPaths(config), plan.FilesystemPaths(config))}
			if err := observe.Answer(context.Background(), observe.Machine{System: m}, &q, &found); err != nil {
				t.Fatal(err)
			}
			for _, path := range q.Look {
				if _, d, _ := predicted.Block.Lookup(path); d.Closed {
					continue // the contents of a reused volume are predicted as unknown
				}
				if d := cmp.Diff(seen(predicted, path), seen(found, path)); d != "" {
					t.Errorf("%s: (-predicted +found)\n%s", path, d)
				}
			}
		})
	}
}

func tablesOf(f facts.Facts) []string {
	var nodes []string
	for node := range f.Block.Disks {
		nodes = append(nodes, node)
	}
	return nodes
}

// seen describes the device of a path, without its unpredictable properties.
func seen(f facts.Facts, path string) []string {
	node, d, ok := f.Block.Lookup(path)
	if !ok {
		return []string{"nothing"}
	}
	var lines []string
	if s, _, ok := probe.Content(d.Signatures); ok {
		lines = append(lines, "holds "+s.Type)
	}
	if d.Unfinished {
		lines = append(lines, "unfinished")
	}
	if disk, ok := f.Block.Disks[node]; ok && disk.Table != nil {
		for _, p := range disk.Table.Table.Partitions {
			lines = append(lines, fmt.Sprintf("%d %q %d-%d %s", p.Number, p.Label, p.First, p.Last, p.ID))
		}
	}
	return lines
}
