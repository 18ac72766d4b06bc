// SPDX-License-Identifier: Apache-2.0

// Package observe fills in the facts that a plan is made from, by reading the machine.
//
// It changes nothing. What it waits for it names while it waits, and every wait has a bound.
package observe

import (
	"context"
	"log/slog"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// Env is what observing may look at.
type Env struct {
	Sys  *sys.Host
	Root *rootfs.Root // nil before the root is mounted
	Log  *slog.Logger
	// StateFiles are paths below the root of files that earlier stages have left for it.
	StateFiles []string
}

type observer func(context.Context, Env, config.Document, *facts.Facts) error

// observers lists what each part needs to know.
func observers(p plan.Part) []observer {
	return map[plan.Part][]observer{
		plan.Partitions:  {disks(plan.Partitions)},
		plan.RAID:        {disks(plan.RAID)},
		plan.LUKS:        {disks(plan.LUKS)},
		plan.Filesystems: {disks(plan.Filesystems)},
		plan.Mount:       {mounts(true)},
		plan.Accounts:    {accounts, nodes, units, volumes}, // all, since the files part is foreseen with it
		plan.Files:       {accounts, nodes, units, volumes},
		plan.Unmount:     {mounts(false)},
	}[p]
}

// Run reads what a part of a config is planned on.
func Run(ctx context.Context, env Env, p plan.Part, doc config.Document) (facts.Facts, error) {
	var f facts.Facts
	for _, o := range observers(p) {
		if err := o(ctx, env, doc, &f); err != nil {
			return facts.Facts{}, err
		}
	}
	return f, nil
}
