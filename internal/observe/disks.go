// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// disks observes what a part of the disks stage is planned on. The first part looks at everything that any of them
// uses, since all of them are planned before the first disk is written to.
func disks(p plan.Part) observer {
	return func(ctx context.Context, env Env, doc config.Document, f *facts.Facts) error {
		l := looker{env: env, c: &doc.Config, probes: map[string]probed{}, open: &devices{files: map[string]func() (*os.File, error){}}, block: &facts.Block{
			Paths: map[string]string{}, Devices: map[string]facts.Device{}, Disks: map[string]facts.Disk{}, Absent: map[string]string{},
		}}
		f.Block = l.block
		if len(plan.DevicePaths(p, l.c)) == 0 && p != plan.Partitions {
			return nil
		}
		defer l.open.close()
		if err := l.look(ctx, p); err != nil {
			return fmt.Errorf("look at the disks: %w", err)
		}
		return nil
	}
}

// looker fills in the facts of block devices.
type looker struct {
	env    Env
	c      *types.Config
	block  *facts.Block
	mounts map[string]string
	probes map[string]probed // by node
	open   *devices
}

func (l looker) look(ctx context.Context, p plan.Part) error {
	var err error
	if l.mounts, err = sys.Mounts(); err != nil {
		return err
	}
	if p == plan.Partitions {
		programs := slices.Sorted(maps.Keys(plan.Programs(l.c)))
		l.block.Missing = l.env.Sys.Missing(append(programs, plan.Kpartx)...)
	}
	if p != plan.Partitions {
		if err := l.marks(); err != nil {
			return err
		}
		return l.await(ctx, plan.DevicePaths(p, l.c))
	}
	if err := l.await(ctx, plan.DevicePaths(plan.Partitions, l.c)); err != nil {
		return err
	}
	if err := l.disks(); err != nil {
		return err
	}
	if err := l.others(ctx); err != nil {
		return err
	}
	return l.regions()
}

// await waits for devices and adds them.
func (l looker) await(ctx context.Context, paths []string) error {
	nodes, absent, err := l.env.Sys.AwaitDevices(ctx, paths)
	if err != nil {
		return err
	}
	maps.Copy(l.block.Absent, absent)
	l.probe(slices.Collect(maps.Values(nodes)))
	for path, node := range nodes {
		if err := l.device(node); err != nil {
			return err
		}
		l.block.Paths[path] = node
	}
	return nil
}

// device adds a device, with what is on it and what uses it.
func (l looker) device(node string) error {
	if _, known := l.block.Devices[node]; known {
		return nil
	}
	info, err := sys.BlockInfo(node)
	if err != nil {
		return err
	}
	d := facts.Device{Size: info.Size, SectorSize: info.SectorSize}
	for point, source := range l.mounts {
		if source == node {
			d.MountedOn = append(d.MountedOn, point)
		}
	}
	slices.Sort(d.MountedOn)
	if d.Holders, err = sys.Holders(node); err != nil {
		return err
	}
	if d.Members, err = sys.Members(node); err != nil {
		return err
	}
	for _, array := range d.Holders {
		if err := l.device(array); err != nil {
			return err
		}
	}
	if d.Signatures, err = l.contents(node); err != nil {
		return err
	}
	d.Unfinished = l.unfinished(info, d.Members)
	l.block.Add(node, d)
	return nil
}

// probed is what probing a device found.
type probed struct {
	found []probe.Signature
	err   error
}

// probe looks at many devices at the same time, for contents to find: disks that have to start up do so together.
func (l looker) probe(nodes []string) {
	slices.Sort(nodes)
	nodes = slices.DeleteFunc(slices.Compact(nodes), func(n string) bool { _, known := l.probes[n]; return known })
	results := make([]probed, len(nodes))
	sideBySide(len(nodes), func(i int) { results[i].found, results[i].err = l.probeWhole(nodes[i]) })
	for i, node := range nodes {
		l.probes[node] = results[i]
	}
}

func (l looker) probeWhole(node string) ([]probe.Signature, error) {
	info, err := sys.BlockInfo(node)
	if err != nil {
		return nil, err
	}
	return l.signatures(node, 0, info.Size, info.SectorSize)
}

// contents returns the signatures of a device.
func (l looker) contents(node string) ([]probe.Signature, error) {
	l.probe([]string{node})
	return l.probes[node].found, l.probes[node].err
}

// signatures probes a place of a device.
func (l looker) signatures(node string, offset, size int64, sectorSize int) ([]probe.Signature, error) {
	file, err := l.open.file(node)
	if err != nil {
		return nil, err
	}
	found, err := probe.Probe(io.NewSectionReader(file, offset, size), size, sectorSize)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", node, err)
	}
	return found, nil
}

// unfinished tells whether the marks on the disks say that the contents of a device cannot be trusted.
func (l looker) unfinished(info sys.Block, members []string) bool {
	if info.Disk != "" {
		mark := l.mark(info.Disk)
		return mark != nil && slices.Contains(mark.Content, info.Number)
	}
	return len(members) > 0 && !slices.ContainsFunc(members, func(m string) bool {
		member, err := sys.BlockInfo(m)
		if err != nil || member.Disk == "" {
			return true
		}
		mark := l.mark(member.Disk)
		return mark == nil || !slices.Contains(mark.Again, member.Number)
	})
}

// mark returns what a run that was not sealed noted on a disk, or nil.
func (l looker) mark(disk string) *gpt.Mark {
	if t := l.block.Disks[disk].Table; t != nil {
		return t.Mark
	}
	return nil
}

// marks reads the tables of the config's disks once they are written, for the notes on them.
func (l looker) marks() error {
	for _, path := range plan.DevicePaths(plan.Partitions, l.c) {
		node, err := sys.Resolve(path)
		if err != nil {
			return fmt.Errorf("find %s again: %w", path, err)
		}
		l.block.Paths[path] = node
	}
	return l.tables()
}

// disks reads the partition tables of the config's disks, all of them before it adds the first partition: whether
// an array can be trusted depends on the marks on several.
func (l looker) disks() error {
	if err := l.tables(); err != nil {
		return err
	}
	var nodes []string
	for _, disk := range slices.Sorted(maps.Keys(l.block.Disks)) {
		nodes = slices.AppendSeq(nodes, maps.Values(l.block.Disks[disk].Partitions))
	}
	l.probe(nodes)
	for _, n := range nodes {
		if err := l.device(n); err != nil {
			return err
		}
	}
	return nil
}

// tables reads the partition tables of the config's disks.
func (l looker) tables() error {
	var nodes []string
	for _, path := range plan.DevicePaths(plan.Partitions, l.c) {
		if node, ok := l.block.Paths[path]; ok {
			nodes = append(nodes, node)
		}
	}
	found, errs := make([]facts.Disk, len(nodes)), make([]error, len(nodes))
	sideBySide(len(nodes), func(i int) { found[i], errs[i] = l.table(nodes[i]) })
	for i, node := range nodes {
		l.block.Disks[node] = found[i]
	}
	return errors.Join(errs...)
}

// table reads the partition table of a disk.
func (l looker) table(node string) (facts.Disk, error) {
	info, err := sys.BlockInfo(node)
	if err != nil {
		return facts.Disk{}, err
	}
	d := facts.Disk{Mapping: info.Mapping, Partitions: map[int]string{}}
	partitions, err := sys.Partitions(node)
	if err != nil {
		return facts.Disk{}, err
	}
	for _, p := range partitions {
		d.Partitions[p.Number] = p.Node
	}
	file, err := l.open.file(node)
	if err != nil {
		return facts.Disk{}, err
	}
	found, err := gpt.Read(file, info.Size, info.SectorSize)
	switch {
	case err == nil:
		d.Table = &found
	case !errors.Is(err, gpt.ErrNone):
		d.Other = "gpt, but damaged beyond use (" + err.Error() + ")"
	default:
		d.Other = otherTable(l.block.Devices[node].Signatures)
	}
	return d, nil
}

// otherTable names a partition table that is neither GPT nor empty.
func otherTable(found []probe.Signature) string {
	for _, s := range found {
		if s.Usage == probe.PartTable && s.Type != "gpt" && s.Type != "PMBR" && s.Version != probe.EmptyTable {
			return s.Type
		}
	}
	return ""
}

// diskLink returns udev's name for the disk of a partition that udev names after it: NAME-partNUMBER.
func diskLink(path string) (disk string, ok bool) {
	at := strings.LastIndex(path, "-part")
	if at < 0 || !strings.HasPrefix(path, "/dev/disk/by-") {
		return "", false
	}
	_, err := strconv.ParseUint(path[at+len("-part"):], 10, 16)
	return path[:at], err == nil
}

// others adds the devices of the later parts: those that the config makes as far as they are there already, all
// others once they have been waited for.
func (l looker) others(ctx context.Context) error {
	var all, wait []string
	for _, p := range []plan.Part{plan.RAID, plan.LUKS, plan.Filesystems} {
		all = append(all, plan.DevicePaths(p, l.c)...)
	}
	for _, path := range all {
		if disk, ok := diskLink(path); ok {
			if node, err := sys.Resolve(disk); err == nil && l.isDisk(node) {
				l.block.Paths[disk] = node
			}
		}
	}
	made := plan.Produced(l.c, l.block, "")
	for _, path := range all {
		if !made[path] {
			wait = append(wait, path)
			continue
		}
		if node, err := sys.Resolve(path); err == nil {
			if err := l.device(node); err != nil {
				return err
			}
			l.block.Paths[path] = node
		}
	}
	return l.await(ctx, wait)
}

func (l looker) isDisk(node string) bool { _, ok := l.block.Disks[node]; return ok }

// regions probes the places where partitions are going to be: what is there will be what they hold.
func (l looker) regions() error {
	type region struct {
		disk      string
		partition gpt.Partition
		sector    int
	}
	var all []region
	for _, d := range plan.Disks(*l.c, l.block, "") {
		for _, p := range d.New() {
			all = append(all, region{d.Node, p, d.Device.SectorSize})
		}
	}
	found, errs := make([][]probe.Signature, len(all)), make([]error, len(all))
	sideBySide(len(all), func(i int) {
		r, sector := all[i], int64(all[i].sector)
		found[i], errs[i] = l.signatures(r.disk, int64(r.partition.First)*sector, int64(r.partition.Size())*sector, r.sector)
	})
	for i, r := range all {
		disk := l.block.Disks[r.disk]
		if disk.Regions == nil {
			disk.Regions = map[string][]probe.Signature{}
		}
		disk.Regions[facts.Region(r.partition)] = found[i]
		l.block.Disks[r.disk] = disk
	}
	return errors.Join(errs...)
}

// mounts observes what is mounted, and where the devices of the filesystems that are mounted are.
func mounts(wait bool) observer {
	return func(ctx context.Context, env Env, doc config.Document, f *facts.Facts) error {
		f.Block = &facts.Block{Paths: map[string]string{}, Mounts: map[string]string{}}
		paths := plan.DevicePaths(plan.Mount, &doc.Config)
		if len(paths) == 0 {
			return nil
		}
		if wait {
			nodes, absent, err := env.Sys.AwaitDevices(ctx, paths)
			if err != nil {
				return err
			}
			f.Block.Paths, f.Block.Absent = nodes, absent
		}
		all, err := sys.Mounts()
		if err != nil {
			return err
		}
		for point, source := range all {
			if inside, ok := below(env.Root.Name(), point); ok {
				f.Block.Mounts[inside] = source
			}
		}
		return nil
	}
}

// below returns a path as seen from a root, if it is in it.
func below(root, path string) (string, bool) {
	root = strings.TrimSuffix(filepath.Clean(root), "/")
	rest, ok := strings.CutPrefix(path, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return filepath.Clean("/" + rest), true
}
