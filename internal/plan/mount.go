// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// mountable is a filesystem entry that is mounted, with its index in the config.
type mountable struct {
	types.Filesystem
	index int
}

// mountables returns the filesystems that are mounted, the shallowest path first.
func mountables(c *types.Config) []mountable {
	var all []mountable
	for i, f := range c.Storage.Filesystems {
		if text(f.Path) != "" && filesystem.Mounts(text(f.Format)) {
			all = append(all, mountable{f, i})
		}
	}
	slices.SortStableFunc(all, func(a, b mountable) int { return cmp.Compare(depth(*a.Path), depth(*b.Path)) })
	return all
}

// depth is how many directories a path leads through; that of / is 0.
func depth(path string) int { return strings.Count(strings.TrimSuffix(path, "/"), "/") }

// planMount mounts what is not mounted yet: what is mounted is a fact, not a matter of record.
func planMount(b *builder) {
	for _, f := range mountables(b.c) {
		path := at("storage", "filesystems", f.index)
		node, _, ok := b.facts.Block.Lookup(f.Device)
		if *f.Format == filesystem.VirtioFS {
			node, ok = f.Device, true
		}
		if !ok {
			b.failMissing(path+".device", f.Device)
			continue
		}
		if there, mounted := b.facts.Block.Mounts[*f.Path]; mounted && there == node {
			continue
		} else if mounted && *f.Path != "/" {
			b.warn(path, fmt.Sprintf("%s already has %s mounted on it; %s hides that", *f.Path, there, f.Device), "")
		}
		b.add(path, op.Mount{Device: f.Device, Path: *f.Path, Format: *f.Format, Options: f.MountOptions, Policy: b.in.Policy}, "")
	}
}

// planUnmount undoes the mounts, the deepest first. What somebody else has unmounted already needs no more.
func planUnmount(b *builder) {
	all := mountables(b.c)
	slices.Reverse(all)
	for _, f := range all {
		if _, mounted := b.facts.Block.Mounts[*f.Path]; mounted {
			b.add(at("storage", "filesystems", f.index), op.Unmount{Path: *f.Path}, "")
		}
	}
}
