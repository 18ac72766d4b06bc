// SPDX-License-Identifier: Apache-2.0

// Package ask says what has to be known of a machine before a part of a boot can be planned.
//
// It is pure: a config and the facts so far go in, questions come out, until there are none left. Later questions depend on
// earlier answers: which places of a disk are looked at follows from its partition table. It reads nothing and decides nothing
// about the machine. The invariant: whatever a planner looks up was asked here, so that "unknown" is never taken for "absent".
package ask

import (
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A Func poses the questions of one part. Facts are never nil.
type Func func(*types.Config, *facts.Facts) facts.Questions

// All poses the questions of several functions at once.
func All(functions ...Func) Func {
	return func(c *types.Config, f *facts.Facts) facts.Questions {
		var all facts.Questions
		for _, ask := range functions {
			all = join(all, ask(c, f))
		}
		return all
	}
}

func join(a, b facts.Questions) facts.Questions {
	return facts.Questions{
		Programs: slices.Concat(a.Programs, b.Programs),
		Await:    slices.Concat(a.Await, b.Await), Look: slices.Concat(a.Look, b.Look), Resolve: slices.Concat(a.Resolve, b.Resolve),
		Tables: slices.Concat(a.Tables, b.Tables), Regions: slices.Concat(a.Regions, b.Regions),
		Mounts: a.Mounts || b.Mounts, Nodes: slices.Concat(a.Nodes, b.Nodes), Trees: slices.Concat(a.Trees, b.Trees),
		Accounts: a.Accounts || b.Accounts,
		Units:    slices.Concat(a.Units, b.Units), UnitNames: a.UnitNames || b.UnitNames,
		Policy: a.Policy || b.Policy, Handover: a.Handover || b.Handover,
	}
}

// Nothing asks nothing: all that the part does follows from the config.
func Nothing(*types.Config, *facts.Facts) facts.Questions { return facts.Questions{} }

// programs asks for those programs that are not known yet.
func programs(f *facts.Facts, names ...string) []string {
	return slices.DeleteFunc(names, func(n string) bool { _, known := f.Programs[n]; return known })
}

// unknown returns those of the device paths of which it is not known what is behind them.
func unknown(f *facts.Facts, paths []string) []string {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	return slices.DeleteFunc(paths, f.Block.Known)
}

// labels asks for what setting SELinux labels takes.
func labels(f *facts.Facts) facts.Questions {
	if f.SELinux == nil {
		return facts.Questions{Policy: true}
	}
	if f.SELinux.Policy == "" {
		return facts.Questions{}
	}
	return facts.Questions{Programs: programs(f, "setfiles")}
}

// handover asks for what earlier stages have left.
func handover(f *facts.Facts) facts.Questions { return facts.Questions{Handover: f.Handover == nil} }
