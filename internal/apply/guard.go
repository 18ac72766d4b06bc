// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// guarded is a disk that is written to only in declared extents. A write elsewhere is a bug of firstlight and is not carried
// out: nobody checked what it would destroy.
type guarded struct {
	sys.Disk
	node    string
	extents []probe.Extent
}

// openGuarded opens a disk for writing to extents.
func openGuarded(ctx context.Context, m *Machine, node string, extents []probe.Extent) (*guarded, error) {
	d, err := m.Sys.OpenDisk(ctx, node)
	if err != nil {
		return nil, err
	}
	g := &guarded{Disk: d, node: node}
	g.allow(extents...)
	return g, nil
}

// openWhole opens a device for writing anywhere on it.
func openWhole(ctx context.Context, m *Machine, node string) (*guarded, sys.Block, error) {
	info, err := m.Sys.Block(node)
	if err != nil {
		return nil, info, err
	}
	d, err := openGuarded(ctx, m, node, []probe.Extent{{Length: info.Size}})
	return d, info, err
}

// allow declares further extents. Adjacent extents become one.
func (g *guarded) allow(extents ...probe.Extent) {
	all := append(g.extents, extents...)
	sort.Slice(all, func(i, j int) bool { return all[i].Offset < all[j].Offset })
	g.extents = nil
	for _, e := range all {
		if last := len(g.extents) - 1; last >= 0 && e.Offset <= g.extents[last].Offset+g.extents[last].Length {
			g.extents[last].Length = max(g.extents[last].Length, e.Offset+e.Length-g.extents[last].Offset)
			continue
		}
		g.extents = append(g.extents, e)
	}
}

func (g *guarded) check(offset, length int64) error {
	inside := func(e probe.Extent) bool { return offset >= e.Offset && offset+length <= e.Offset+e.Length }
	if slices.ContainsFunc(g.extents, inside) {
		return nil
	}
	return fmt.Errorf("write %d bytes at %d of %s: the plan did not declare this place (report this as a bug of firstlight)", length, offset, g.node)
}

// WriteAt implements sys.Disk.
func (g *guarded) WriteAt(p []byte, offset int64) (int, error) {
	if err := g.check(offset, int64(len(p))); err != nil {
		return 0, err
	}
	return g.Disk.WriteAt(p, offset)
}

// Zero implements sys.Disk.
func (g *guarded) Zero(offset, length int64) error {
	if err := g.check(offset, length); err != nil {
		return err
	}
	return g.Disk.Zero(offset, length)
}

// planned returns the alias of a device for a helper program, and the node behind it, which must be the one that was judged: the
// program may write to all of that device, and to nothing else.
func planned(m *Machine, path, node string) (alias, now string, err error) {
	alias = sys.Alias(path)
	if now, err = m.Sys.Resolve(alias); err != nil {
		return "", "", err
	}
	then, err := m.Sys.Resolve(node)
	if err != nil {
		return "", "", err
	}
	if then != now {
		return "", "", fmt.Errorf("%s led to %s when the plan was made and leads to %s now; boot again", path, node, now)
	}
	return alias, now, nil
}
