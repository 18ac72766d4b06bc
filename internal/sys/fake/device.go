// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// device is one block device of the kernel. Exactly one of the pointers is set, and gives its kind. The values that they
// point to never change.
type device struct {
	node   string
	size   int64
	sector int
	image  *image     // a disk
	part   *partition // a partition of a disk
	array  *array     // an array of md
	volume *volume    // an open LUKS volume
}

// partition is a partition as the kernel knows it.
type partition struct {
	disk   string
	number int
	start  int64
}

func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// members returns the nodes that a device is built on. A partition is not built on its disk.
func (d *device) members() []string {
	switch {
	case d.array != nil:
		return slices.Sorted(slices.Values(d.array.nodes()))
	case d.volume != nil:
		return []string{d.volume.below}
	}
	return nil
}

// holders returns the nodes of the devices that are built on a node. The lock must be held, as for all unexported functions
// below.
func (m *Machine) holders(node string) []string {
	var all []string
	for n, d := range m.devices {
		if slices.Contains(d.members(), node) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// uses returns the reason why a device cannot be opened exclusively, or "".
func (m *Machine) uses(node string) string {
	if h := m.holders(node); len(h) > 0 {
		return "part of " + h[0]
	}
	for _, mount := range m.mounts {
		if mount.Source == node {
			return "mounted on " + mount.Point
		}
	}
	for _, p := range m.partitionsOf(node) {
		if uses := m.uses(p.node); uses != "" {
			return uses
		}
	}
	return ""
}

// partitionsOf returns the partitions that the kernel has of a disk, by number.
func (m *Machine) partitionsOf(disk string) []*device {
	var all []*device
	for _, d := range m.devices {
		if d.part != nil && d.part.disk == disk {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *device) int { return a.part.number - b.part.number })
	return all
}

// find returns the device with a node or a path that leads to one.
func (m *Machine) find(name string) (*device, error) {
	node := path.Clean(name)
	if n, ok := m.aliases[node]; ok {
		node = n
	}
	if n, ok := m.udev.follow(m, node); ok {
		node = n
	}
	if d := m.devices[node]; d != nil {
		return d, nil
	}
	return nil, notExist("lstat", name)
}

// images returns the images of the disks below a device.
func (m *Machine) images(d *device) []*image {
	if d.image != nil {
		return []*image{d.image}
	}
	var all []*image
	below := d.members()
	if d.part != nil {
		below = []string{d.part.disk}
	}
	for _, node := range below {
		all = append(all, m.images(m.devices[node])...)
	}
	return all
}

// read fills p with the contents at an offset of a device.
func (m *Machine) read(d *device, p []byte, offset int64) {
	switch {
	case d.image != nil:
		d.image.read(p, offset)
	case d.part != nil:
		m.read(m.devices[d.part.disk], p, d.part.start+offset)
	case d.array != nil:
		d.array.read(m, p, offset)
	case d.volume != nil:
		m.read(m.devices[d.volume.below], p, d.volume.offset+offset)
		d.volume.crypt(p, offset)
	}
}

// write writes through the device with the node by.
func (m *Machine) write(d *device, p []byte, offset int64, by string) {
	switch {
	case d.image != nil:
		d.image.write(p, offset, by)
	case d.part != nil:
		m.write(m.devices[d.part.disk], p, d.part.start+offset, by)
	case d.array != nil:
		d.array.write(m, p, offset, by)
	case d.volume != nil:
		p = slices.Clone(p)
		d.volume.crypt(p, offset)
		m.write(m.devices[d.volume.below], p, d.volume.offset+offset, by)
	}
}

func (m *Machine) sync(d *device) {
	for _, i := range m.images(d) {
		i.sync(d.node)
	}
}

// view is a device as an io.ReaderAt. The caller must hold the lock.
type view struct {
	m *Machine
	d *device
}

func (v view) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset >= v.d.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), v.d.size-offset)
	v.m.read(v.d, p[:n], offset)
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// Resolve implements sys.Names.
func (m *Machine) Resolve(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return "", err
	}
	return d.node, nil
}

// MakeAlias implements sys.Names.
func (m *Machine) MakeAlias(name, node string) error {
	if err := m.effect("alias %s", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.aliases[sys.Alias(name)] = node
	return nil
}

// Block implements sys.Devices.
func (m *Machine) Block(node string) (sys.Block, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(node)
	if err != nil {
		return sys.Block{}, fmt.Errorf("look at %s: %w", node, err)
	}
	b := m.block(d)
	b.Holders, b.Members = m.holders(d.node), d.members()
	return b, nil
}

func (m *Machine) block(d *device) sys.Block {
	b := sys.Block{Node: d.node, Name: strings.TrimPrefix(d.node, "/dev/"), Size: d.size, SectorSize: d.sector}
	if d.part != nil {
		b.Disk, b.Number, b.Start = d.part.disk, d.part.number, d.part.start
	}
	if d.volume != nil {
		b.Mapping = d.volume.name
	}
	return b
}

// Partitions implements sys.Devices.
func (m *Machine) Partitions(disk string) ([]sys.Block, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(disk)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", disk, err)
	}
	var all []sys.Block
	for _, p := range m.partitionsOf(d.node) {
		all = append(all, m.block(p))
	}
	return all, nil
}

// Disks implements sys.Devices.
func (m *Machine) Disks() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, node := range slices.Sorted(maps.Keys(m.devices)) {
		if d := m.devices[node]; d.image != nil || d.volume != nil {
			all = append(all, node)
		}
	}
	return all, nil
}

// RemoveMapping implements sys.Mapper.
func (m *Machine) RemoveMapping(_ context.Context, name string) error {
	if err := m.effect("remove mapping %s", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for node, d := range m.devices {
		if d.volume == nil || d.volume.name != name {
			continue
		}
		if m.uses(node) != "" {
			return fmt.Errorf("remove the mapping %s: %w", name, errBusy)
		}
		m.drop(node)
	}
	return nil
}

// drop removes a device from the kernel, which tells udev.
func (m *Machine) drop(node string) {
	delete(m.devices, node)
	m.udev.queue("remove", node)
}
