// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// Mount asks for the devices of the filesystems that are mounted, and for their mount points.
func Mount(c *types.Config, f *facts.Facts, q *facts.Questions) {
	q.Await = append(q.Await, unknown(f, plan.MountPaths(c))...)
	MountPoints(c, f, q)
}

// MountPoints asks about mount points before their filesystems exist.
func MountPoints(c *types.Config, f *facts.Facts, q *facts.Questions) {
	all := plan.Mountables(c)
	if len(all) == 0 {
		return
	}
	Unmount(c, f, q)
	for _, m := range all {
		node(f, q, *m.Path, false)
	}
	handover(f, q)
	labels(f, q)
}

// Unmount asks what is mounted.
func Unmount(c *types.Config, f *facts.Facts, q *facts.Questions) {
	if len(plan.Mountables(c)) > 0 && (f.Block == nil || f.Block.Mounts == nil) {
		q.Mounts = true
	}
}
