// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// devices answers questions about block devices.
func (m Machine) devices(ctx context.Context, q *facts.Questions, f *facts.Facts) error {
	if len(q.Await)+len(q.Look)+len(q.Resolve)+len(q.Tables)+len(q.Regions) == 0 {
		return nil
	}
	if f.Block == nil {
		f.Block = &facts.Block{}
	}
	f.Block.Prepare()
	l := looker{
		system: m.System, block: f.Block, probes: map[string]probed{},
		udev: func(node string) []string { return m.System.UdevContents(ctx, node) },
		open: &openDevices{system: m.System, files: map[string]func() (sys.ReadDisk, error){}},
	}
	defer l.open.close()
	var err error
	if l.mounts, err = m.System.Mounts(); err != nil {
		return err
	}
	if err := l.tables(q.Tables); err != nil {
		return err
	}
	if err := l.await(ctx, q.Await); err != nil {
		return err
	}
	if err := l.look(q.Look, true); err != nil {
		return err
	}
	if err := l.look(q.Resolve, false); err != nil {
		return err
	}
	if err := l.regions(q.Regions); err != nil {
		return err
	}
	f.Block.Doubt()
	return nil
}

// looker fills in the facts of block devices.
type looker struct {
	system System
	block  *facts.Block
	mounts []sys.Mount
	udev   func(node string) []string // what udev's database says
	probes map[string]probed          // by node
	open   *openDevices
}

// await waits for devices and adds them.
func (l looker) await(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	nodes, absent, err := l.system.AwaitDevices(ctx, paths)
	if err != nil {
		return err
	}
	maps.Copy(l.block.Absent, absent)
	return l.add(nodes)
}

// look adds the devices that exist now, or only their nodes.
func (l looker) look(paths []string, whole bool) error {
	nodes := map[string]string{}
	for _, path := range paths {
		node, err := l.system.Resolve(path)
		switch {
		case err != nil:
			l.block.Absent[path] = ""
		case whole:
			nodes[path] = node
		default:
			l.block.Paths[path] = node
		}
	}
	return l.add(nodes)
}

// add adds the devices behind paths.
func (l looker) add(nodes map[string]string) error {
	l.probe(slices.Collect(maps.Values(nodes)))
	for _, path := range slices.Sorted(maps.Keys(nodes)) {
		if err := l.device(nodes[path]); err != nil {
			return err
		}
		l.block.Paths[path] = nodes[path]
		delete(l.block.Absent, path)
	}
	return nil
}

// device adds a device, with what it holds and what uses it.
func (l looker) device(node string) error {
	if _, known := l.block.Devices[node]; known {
		return nil
	}
	info, err := l.system.Block(node)
	if err != nil {
		return err
	}
	d := facts.Device{
		Size: info.Size, SectorSize: info.SectorSize, Holders: info.Holders, Members: info.Members,
		Slot: facts.Slot{Disk: info.Disk, Number: info.Number},
	}
	for _, m := range l.mounts {
		if m.Source == node && !slices.Contains(d.MountedOn, m.Point) {
			d.MountedOn = append(d.MountedOn, m.Point)
		}
	}
	slices.Sort(d.MountedOn)
	for _, member := range d.Members {
		below, err := l.system.Block(member)
		if err != nil {
			return err
		}
		if below.Disk != "" {
			d.MemberSlots = append(d.MemberSlots, facts.Slot{Disk: below.Disk, Number: below.Number})
		}
	}
	for _, holder := range d.Holders {
		if err := l.device(holder); err != nil {
			return err
		}
	}
	if d.Signatures, err = l.contents(node); err != nil {
		return err
	}
	d.Udev = l.secondOpinion(node, d.Signatures)
	l.block.Add(node, d)
	return nil
}

// secondOpinion returns what udev's database says about a device on which the probe found no contents: udev's libblkid may be
// newer.
func (l looker) secondOpinion(node string, found []probe.Signature) []string {
	if _, _, ok := probe.Content(found); ok {
		return nil
	}
	var all []string
	for _, p := range l.udev(node) {
		if len(found) == 0 || !strings.HasPrefix(p, "ID_PART_TABLE_TYPE=") { // otherwise the probe has seen a table, too
			all = append(all, p)
		}
	}
	return all
}

// probed is what probing a device found.
type probed struct {
	found []probe.Signature
	err   error
}

// probe looks for contents on many devices at the same time: disks that must spin up then do so together.
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
	info, err := l.system.Block(node)
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

// tables reads the partition tables of disks and adds their partitions.
func (l looker) tables(disks []string) error {
	found, errs := make([]facts.Disk, len(disks)), make([]error, len(disks))
	sideBySide(len(disks), func(i int) { found[i], errs[i] = l.table(disks[i]) })
	var nodes []string
	for i, disk := range disks {
		l.block.Disks[disk] = found[i]
		nodes = slices.AppendSeq(nodes, maps.Values(found[i].Partitions))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.probe(nodes)
	for _, n := range nodes {
		if err := l.device(n); err != nil {
			return err
		}
	}
	return nil
}

// table reads the partition table of a disk.
func (l looker) table(node string) (facts.Disk, error) {
	info, err := l.system.Block(node)
	if err != nil {
		return facts.Disk{}, err
	}
	d := facts.Disk{Mapping: info.Mapping, Partitions: map[int]string{}}
	partitions, err := l.system.Partitions(node)
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

// regions probes the places where partitions are going to be.
func (l looker) regions(places []facts.Place) error {
	found, errs := make([][]probe.Signature, len(places)), make([]error, len(places))
	sideBySide(len(places), func(i int) {
		p, sector := places[i], int64(places[i].SectorSize)
		found[i], errs[i] = l.signatures(p.Node, int64(p.Partition.First)*sector, int64(p.Partition.Size())*sector, p.SectorSize)
	})
	for i, p := range places {
		disk := l.block.Disks[p.Node]
		if disk.Regions == nil {
			disk.Regions = map[string][]probe.Signature{}
		}
		disk.Regions[facts.Region(p.Partition)] = found[i]
		l.block.Disks[p.Node] = disk
	}
	return errors.Join(errs...)
}
