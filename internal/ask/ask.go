// SPDX-License-Identifier: Apache-2.0

// Package ask says what must be known about a machine before a part of a boot can be planned.
//
// It is pure: a config and the facts so far go in, and questions come out, until none are left. Later questions depend on
// earlier answers: a disk's partition table decides which places of the disk are looked at. The package reads nothing and
// decides nothing about the machine. The invariant: whatever a planner looks up was asked here, so that "unknown" is never taken
// for "absent".
package ask

import (
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A Func adds the questions of one part to q.
type Func func(c *types.Config, f *facts.Facts, q *facts.Questions)

// All asks the questions of several functions at once.
func All(functions ...Func) Func {
	return func(c *types.Config, f *facts.Facts, q *facts.Questions) {
		for _, ask := range functions {
			ask(c, f, q)
		}
	}
}

// Nothing asks nothing: all that the part does follows from the config.
func Nothing(*types.Config, *facts.Facts, *facts.Questions) {}

// programs asks for the programs that are not known yet.
func programs(f *facts.Facts, q *facts.Questions, names ...string) {
	for _, n := range names {
		if _, known := f.Programs[n]; !known {
			q.Programs = append(q.Programs, n)
		}
	}
}

// unknown returns the device paths that have not been looked up yet.
func unknown(f *facts.Facts, paths []string) []string {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	return slices.DeleteFunc(paths, f.Block.Known)
}

// labels asks for what setting SELinux labels needs, and reports whether it is known that they are set.
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

// handover asks what earlier stages left.
func handover(f *facts.Facts, q *facts.Questions) { q.Handover = q.Handover || f.Handover == nil }

// node asks about a place of the target root.
func node(f *facts.Facts, q *facts.Questions, name string, content bool) {
	n := facts.NodeQuestion{Path: path.Clean("/" + name), Content: content}
	if !f.Tree.Knows(n) {
		q.Nodes = append(q.Nodes, n)
	}
}
