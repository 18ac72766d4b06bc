// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"path"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// Mount asks for the devices of the filesystems that are mounted, and for their mount points.
func Mount(c *types.Config, f *facts.Facts) facts.Questions {
	if len(plan.Mountables(c)) == 0 {
		return facts.Questions{}
	}
	return join(facts.Questions{Await: unknown(f, plan.MountPaths(c))}, MountPoints(c, f))
}

// MountPoints asks for what is known of mount points before their filesystems exist.
func MountPoints(c *types.Config, f *facts.Facts) facts.Questions {
	if len(plan.Mountables(c)) == 0 {
		return facts.Questions{}
	}
	q := facts.Questions{Mounts: f.Block == nil || f.Block.Mounts == nil, Handover: f.Handover == nil}
	for _, m := range plan.Mountables(c) {
		q.Nodes = nodes(q.Nodes, f, facts.NodeQuestion{Path: path.Clean(*m.Path)})
	}
	return join(q, labels(f))
}

// Unmount asks what is mounted.
func Unmount(c *types.Config, f *facts.Facts) facts.Questions {
	return facts.Questions{Mounts: len(plan.Mountables(c)) > 0 && (f.Block == nil || f.Block.Mounts == nil)}
}

// nodes appends a question about a place unless its answer is known.
func nodes(list []facts.NodeQuestion, f *facts.Facts, q facts.NodeQuestion) []facts.NodeQuestion {
	if f.Tree.Knows(q) {
		return list
	}
	return append(list, q)
}
