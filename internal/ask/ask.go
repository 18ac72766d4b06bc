// SPDX-License-Identifier: Apache-2.0

// Package ask says what has to be known of a machine before a part of a boot can be planned.
//
// It is pure: a config and the facts so far go in, questions come out, until there are none left. Later questions depend on
// earlier answers: which places of a disk are looked at follows from its partition table. It reads nothing and decides nothing
// about the machine. The invariant: whatever a planner looks up was asked here, so that "unknown" is never taken for "absent".
package ask

import (
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A Func adds the questions of one part to q.
type Func func(c *types.Config, f *facts.Facts, q *facts.Questions)

// All poses the questions of several functions at once.
func All(functions ...Func) Func {
	return func(c *types.Config, f *facts.Facts, q *facts.Questions) {
		for _, ask := range functions {
			ask(c, f, q)
		}
	}
}

// Nothing asks nothing: all that the part does follows from the config.
func Nothing(*types.Config, *facts.Facts, *facts.Questions) {}

// programs asks for those programs that are not known yet.
func programs(f *facts.Facts, q *facts.Questions, names ...string) {
	for _, n := range names {
		if _, known := f.Programs[n]; !known {
			q.Programs = append(q.Programs, n)
		}
	}
}

// unknown returns those of the device paths of which it is not known what is behind them.
func unknown(f *facts.Facts, paths []string) []string {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	return slices.DeleteFunc(paths, f.Block.Known)
}

// labels asks for what setting SELinux labels takes, and reports whether they are known to be set.
func labels(f *facts.Facts, q *facts.Questions) bool {
	if f.SELinux == nil {
		q.Policy = true
		return false
	}
	if f.SELinux.Policy == "" {
		return false
	}
	programs(f, q, "setfiles")
	return true
}

// handover asks for what earlier stages have left.
func handover(f *facts.Facts, q *facts.Questions) { q.Handover = q.Handover || f.Handover == nil }

// node asks about a place of the target root.
func node(f *facts.Facts, q *facts.Questions, name string, content bool) {
	n := facts.NodeQuestion{Path: path.Clean("/" + name), Content: content}
	if !f.Tree.Knows(n) {
		q.Nodes = append(q.Nodes, n)
	}
}
