// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// A Mountable is a filesystem entry that is mounted, with its index in the config.
type Mountable struct {
	types.Filesystem
	index int
}

// Mountables returns the filesystems that are mounted, the shallowest path first.
func Mountables(c *types.Config) []Mountable {
	var all []Mountable
	for i, f := range c.Storage.Filesystems {
		if types.Text(f.Path) != "" && filesystem.Mounts(types.Text(f.Format)) {
			all = append(all, Mountable{f, i})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return depth(*all[i].Path) < depth(*all[j].Path) })
	return all
}

// depth is how many directories a path leads through; that of / is 0.
func depth(path string) int { return strings.Count(strings.TrimSuffix(path, "/"), "/") }

// Mount mounts the filesystems that are not mounted yet. Mounts are observed, not journaled.
func Mount(b *builder) {
	if len(Mountables(b.c)) == 0 {
		return
	}
	policy := b.policy()
	for _, f := range Mountables(b.c) {
		p := at("storage", "filesystems", f.index)
		node, ok := f.Device, true // a share of the host has no device
		if *f.Format != filesystem.VirtioFS {
			node, _, ok = b.lookup(f.Device)
		}
		if !ok {
			b.failMissing(p+".device", f.Device)
			continue
		}
		if there, mounted := b.facts.Block.Mounts[*f.Path]; mounted && there == node {
			continue
		} else if mounted && *f.Path != "/" {
			b.warn(p, fmt.Sprintf("%s already has %s mounted on it; %s hides that", *f.Path, there, f.Device), "")
		}
		if b.canMount(p+".path", *f.Path) {
			b.add(p, op.Mount{Device: f.Device, Path: *f.Path, Format: *f.Format, Options: f.MountOptions, Policy: policy}, "")
		}
	}
}

// canMount reports a mount point that neither is nor can become a directory, or that is reached through a link: what mounts it
// in later boots may see another tree.
func (b *builder) canMount(p, point string) bool {
	point = path.Clean(point)
	place := b.facts.Tree.Place(point)
	switch n := b.facts.Tree.Nodes[place]; {
	case b.facts.Tree.Unreachable[point] != "":
		b.fail(p, b.facts.Tree.Unreachable[point], "use another path")
	case b.facts.Tree.Hides(place):
		return true // it will be seen when the filesystem above is mounted
	case place != point:
		b.fail(p, fmt.Sprintf("%s leads through a link to %s", point, place), fmt.Sprintf("use %s as the path", place))
	case b.facts.Tree.Blocked(place) != "":
		parent := b.facts.Tree.Blocked(place)
		b.fail(p, fmt.Sprintf("%s cannot be made: %s is %s, not a directory", point, parent, kindOf(b.facts.Tree.Nodes[parent])), "use another path")
	case n.Type == "link":
		b.fail(p, fmt.Sprintf("%s is a link to %s, and only a directory can be a mount point", point, n.Target), "use the path that the link leads to")
	case n.Type != "" && n.Type != "directory":
		b.fail(p, fmt.Sprintf("%s is %s, and only a directory can be a mount point", point, kindOf(n)), "use another path")
	default:
		return true
	}
	return false
}

// Unmount undoes the mounts, the deepest first. It skips those that somebody else has undone.
func Unmount(b *builder) {
	all := Mountables(b.c)
	slices.Reverse(all)
	for _, f := range all {
		if _, mounted := b.facts.Block.Mounts[*f.Path]; mounted {
			b.add(at("storage", "filesystems", f.index), op.Unmount{Path: *f.Path}, "")
		}
	}
}
