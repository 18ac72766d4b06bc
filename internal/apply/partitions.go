// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// udevPatience bounds the wait for udev's reaction to a change that the kernel has already announced.
const udevPatience = 60 * time.Second

// nameDevices makes the links under which later steps use the devices.
func nameDevices(ctx context.Context, m *Machine, o op.NameDevices) error {
	nodes, absent, err := m.Sys.AwaitDevices(ctx, o.Paths)
	if err != nil {
		return err
	}
	var problems []error
	for _, path := range o.Paths {
		if hint, is := absent[path]; is {
			problems = append(problems, fmt.Errorf("%s does not exist: %s", path, hint))
			continue
		}
		problems = append(problems, m.Sys.MakeAlias(path, nodes[path]))
	}
	return errors.Join(problems...)
}

func stopArray(ctx context.Context, m *Machine, o op.StopArray) error {
	if _, err := m.Sys.Resolve(o.Node); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	stop := sys.Command{Name: "mdadm", Args: []string{"--stop", o.Node}}
	info, err := m.Sys.Block(o.Node)
	if err != nil {
		return err
	}
	if info.Mapping != "" {
		stop = sys.Command{Name: "cryptsetup", Args: []string{"close", info.Mapping}}
	}
	_, err = m.Sys.Run(ctx, stop)
	return err
}

// writePartitionTable brings first the disk, then the kernel, then udev to the new table, and verifies each.
func writePartitionTable(ctx context.Context, m *Machine, o op.WritePartitionTable) error {
	if err := writeTable(ctx, m, o); err != nil {
		return err
	}
	if err := m.Sys.Announce(o.Node); err != nil { // the disk's own properties
		return err
	}
	return awaitPartitions(ctx, m, o)
}

// writeTable writes to the disk and updates the kernel, while udev is kept away from the disk.
func writeTable(ctx context.Context, m *Machine, o op.WritePartitionTable) error {
	return withTable(ctx, m, o.Node, o.Extents(), func(d *guarded, info sys.Block, found gpt.Found, err error) error {
		if err != nil && !errors.Is(err, gpt.ErrNone) && o.Zap == nil {
			return err
		}
		return replaceTable(ctx, m, d, info, found, o)
	})
}

// withTable opens a disk for writing to some extents and passes it on with its partition table, or with the error of gpt.Read.
func withTable(ctx context.Context, m *Machine, node string, extents []probe.Extent,
	do func(d *guarded, info sys.Block, found gpt.Found, err error) error,
) (err error) {
	info, err := m.Sys.Block(node)
	if err != nil {
		return err
	}
	d, err := openGuarded(ctx, m, node, extents)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	found, err := gpt.Read(d, info.Size, info.SectorSize)
	return do(d, info, found, err)
}

func replaceTable(ctx context.Context, m *Machine, d sys.Disk, info sys.Block, found gpt.Found, o op.WritePartitionTable) error {
	if o.Old != nil && !sameTable(found.Table, *o.Old) && (o.Table == nil || !sameTable(found.Table, *o.Table)) {
		return fmt.Errorf("the partition table of %s is not the one that was planned on: another program has changed it", o.Node)
	}
	// The old table may carry the mark that says what not to trust: it is erased last.
	for _, places := range [][]probe.Extent{o.Erase, o.Zap} {
		if err := zero(d, places); err != nil {
			return err
		}
	}
	want := gpt.Table{}
	if o.Table != nil {
		want = *o.Table
		if err := encodeTable(d, found, want, o.Mark); err != nil {
			return err
		}
		if err := checkTable(d, info, want); err != nil {
			return err
		}
	}
	if info.Mapping != "" {
		return removeMappings(ctx, m, o.Node, want)
	}
	return tellKernel(ctx, m, d, o, want)
}

// removeMappings removes the partitions of a mapping that are no longer wanted; they are mappings too. udev recreates the others
// when it hears of the disk; without a table it would leave them as they are (kpartx(8), -u).
func removeMappings(ctx context.Context, m *Machine, disk string, want gpt.Table) error {
	known, err := m.Sys.Partitions(disk)
	if err != nil {
		return err
	}
	for _, k := range known {
		if _, stays := want.Find(k.Number); stays {
			continue
		}
		if err := m.Sys.RemoveMapping(ctx, k.Mapping); err != nil {
			return err
		}
	}
	return nil
}

func sameTable(a, b gpt.Table) bool { return a.ID == b.ID && slices.Equal(a.Partitions, b.Partitions) }

// zero erases places, durably.
func zero(d sys.Disk, extents []probe.Extent) error {
	if len(extents) == 0 {
		return nil
	}
	for _, e := range extents {
		if err := d.Zero(e.Offset, e.Length); err != nil {
			return err
		}
	}
	return d.Sync()
}

// encodeTable writes a table in an order in which a power cut does no harm.
func encodeTable(d sys.Disk, found gpt.Found, want gpt.Table, mark *gpt.Mark) error {
	groups, err := want.Encode(found, mark)
	if err != nil {
		return err
	}
	for _, group := range groups {
		for _, w := range group {
			if _, err := d.WriteAt(w.Data, w.Offset); err != nil {
				return err
			}
		}
		if err := d.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// checkTable reads the table back.
func checkTable(d sys.Disk, info sys.Block, want gpt.Table) error {
	found, err := gpt.Read(d, info.Size, info.SectorSize)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if len(found.Findings) > 0 || !sameTable(found.Table, want) {
		return fmt.Errorf("the table that was written to %s does not read back: %v", info.Node, found.Findings)
	}
	return nil
}

// extent is where a partition is, in bytes.
type extent struct{ start, size int64 }

func extents(t gpt.Table) map[int]extent {
	all := map[int]extent{}
	for _, p := range t.Partitions {
		all[p.Number] = extent{int64(p.First) * int64(t.SectorSize), int64(p.Size()) * int64(t.SectorSize)}
	}
	return all
}

// tellKernel updates only the partitions that changed, because the others may be in use. The kernel rejects overlaps, even
// temporary ones, so deletions and shrinks go before growth and additions.
func tellKernel(ctx context.Context, m *Machine, d sys.Disk, o op.WritePartitionTable, want gpt.Table) error {
	known, err := m.Sys.Partitions(o.Node)
	if err != nil {
		return err
	}
	missing := extents(want)
	var resized []sys.Block
	for _, k := range known {
		w, stays := missing[k.Number]
		if !stays || w.start != k.Start || slices.Contains(o.Created, k.Number) {
			if err := d.DeletePartition(ctx, k.Number); err != nil {
				return err
			}
			continue
		}
		if w.size != k.Size {
			resized = append(resized, k)
		}
		delete(missing, k.Number)
	}
	places := extents(want)
	growth := func(p sys.Block) int64 { return places[p.Number].size - p.Size }
	sort.SliceStable(resized, func(i, j int) bool { return growth(resized[i]) < growth(resized[j]) })
	for _, k := range resized {
		if err := d.ResizePartition(k.Number, places[k.Number].start, places[k.Number].size); err != nil {
			return err
		}
	}
	for _, p := range want.Partitions {
		if w, isNew := missing[p.Number]; isNew {
			if err := d.AddPartition(p.Number, w.start, w.size); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitPartitions waits until the kernel and udev have exactly the wanted partitions.
func awaitPartitions(ctx context.Context, m *Machine, o op.WritePartitionTable) error {
	for _, number := range o.Deleted {
		gone := func() bool { p, err := partition(m, o.Node, number); return err == nil && p == nil }
		if err := m.Sys.Await(ctx, udevPatience, fmt.Sprintf("the end of partition %d of %s", number, o.Device), gone); err != nil {
			return err
		}
	}
	if o.Table == nil {
		return nil
	}
	places := extents(*o.Table)
	for _, p := range o.Table.Partitions {
		what := fmt.Sprintf("partition %d of %s", p.Number, o.Device)
		var now *sys.Block
		ready := func() bool {
			now, _ = partition(m, o.Node, p.Number)
			return now != nil && known(m, *now, p, places[p.Number])
		}
		if err := m.Sys.Await(ctx, udevPatience, what, ready); err != nil {
			return explainWait(m, err, o.Node, now, places[p.Number])
		}
	}
	return nil
}

// explainWait adds what the kernel knows of a partition to the error of a wait for it.
func explainWait(m *Machine, err error, disk string, now *sys.Block, want extent) error {
	whole, _ := m.Sys.Block(disk)
	switch {
	case now != nil && !placed(*now, want):
		return fmt.Errorf("%w: the kernel has it as %s at byte %d with %d bytes, wanted %d with %d",
			err, now.Node, now.Start, now.Size, want.start, want.size)
	case now == nil && whole.Mapping != "":
		return fmt.Errorf("%w: udev has kpartx make the partitions of a mapping: see that rules for this one (60-kpartx.rules has "+
			"those for multipath) are in the initramfs", err)
	}
	return err
}

// partition returns the kernel's view of a partition, or nil.
func partition(m *Machine, disk string, number int) (*sys.Block, error) {
	all, err := m.Sys.Partitions(disk)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(p sys.Block) bool { return p.Number == number }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil
}

// known reports whether a partition is in its place and udev, if it runs, has processed it. The kernel knows all partitions
// except those of a mapping, which are made after udev hears of the disk.
func known(m *Machine, now sys.Block, p gpt.Partition, want extent) bool {
	return placed(now, want) &&
		(!m.Sys.HasUdev() || strings.EqualFold(m.Sys.UdevProperty(now.Node, "ID_PART_ENTRY_UUID"), p.ID.String()))
}

func placed(now sys.Block, want extent) bool { return now.Start == want.start && now.Size == want.size }

// markDisk replaces the mark in the backup header.
func markDisk(ctx context.Context, m *Machine, o op.MarkDisk) error {
	return withTable(ctx, m, o.Node, []probe.Extent{o.Header}, func(d *guarded, _ sys.Block, found gpt.Found, err error) error {
		if err != nil {
			return err
		}
		w, err := found.EncodeMark(o.Mark)
		if err != nil {
			return err
		}
		if _, err := d.WriteAt(w.Data, w.Offset); err != nil {
			return err
		}
		return d.Sync()
	})
}

// ForgetMarks removes the marks that the disks stage left in case the boot was cut short. It is for sealed machines, and looks
// at all disks, because a sealed machine needs no config.
func ForgetMarks(ctx context.Context, m *Machine) error {
	nodes, err := m.Sys.Disks()
	if err != nil {
		return err
	}
	for _, node := range nodes {
		found, err := readMarked(m, node)
		if err != nil {
			m.Log.Debug("look for a note on " + node + ": " + err.Error())
			continue
		}
		if found.Mark == nil {
			continue
		}
		if err := markDisk(ctx, m, op.MarkDisk{Device: node, Node: node, Header: op.MarkHeader(found.Table)}); err != nil {
			return err
		}
	}
	return nil
}

// readMarked reads the partition table of a disk that may hold a mark. Most disks hold none; for those it reads one sector and returns
// nothing.
func readMarked(m *Machine, node string) (gpt.Found, error) {
	info, err := m.Sys.Block(node)
	if err != nil {
		return gpt.Found{}, err
	}
	file, err := m.Sys.OpenRead(node)
	if err != nil {
		return gpt.Found{}, err
	}
	defer file.Close()
	if marked, err := gpt.Marked(file, info.Size, info.SectorSize); err != nil || !marked {
		return gpt.Found{}, err
	}
	return gpt.Read(file, info.Size, info.SectorSize)
}
