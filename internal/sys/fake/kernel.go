// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// The kernel's errors, with the texts of EBUSY, EWOULDBLOCK, ENXIO and EINVAL.
var (
	errBusy     = errors.New("device or resource busy")
	errLocked   = errors.New("resource temporarily unavailable")
	errNoDevice = errors.New("no such device or address")
	errInvalid  = errors.New("invalid argument")
)

// handle is an open device.
type handle struct {
	m        *Machine
	node     string
	writable bool
}

// OpenRead implements sys.Opener.
func (m *Machine) OpenRead(node string) (sys.ReadDisk, error) { return m.open(node, false) }

// OpenDisk implements sys.Opener. It fails at once if the same device is open already: nothing would end the wait.
func (m *Machine) OpenDisk(ctx context.Context, node string) (sys.Disk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.open(node, true)
}

func (m *Machine) open(name string, writable bool) (*handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if writable {
		if m.locked[d.node] {
			return nil, fmt.Errorf("lock %s: another program holds it: %w", d.node, errLocked)
		}
		m.locked[d.node], m.udev.outdated[d.node] = true, true
	}
	return &handle{m, d.node, writable}, nil
}

// device returns the open device. The lock must be held.
func (h *handle) device() (*device, error) {
	if d := h.m.devices[h.node]; d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("%s: %w", h.node, errNoDevice)
}

func (h *handle) ReadAt(p []byte, offset int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	d, err := h.device()
	if err != nil {
		return 0, err
	}
	return view{h.m, d}.ReadAt(p, offset)
}

func (h *handle) WriteAt(p []byte, offset int64) (int, error) {
	if err := h.m.effect("write %d bytes at %d of %s", len(p), offset, h.node); err != nil {
		return 0, err
	}
	if err := h.m.writeTo(h.node, p, offset); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writeTo writes to a device, within its bounds.
func (m *Machine) writeTo(node string, p []byte, offset int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(node)
	if err != nil {
		return err
	}
	if offset < 0 || offset+int64(len(p)) > d.size {
		return fmt.Errorf("write %d bytes at %d of %s, which has %d: %w", len(p), offset, node, d.size, io.ErrShortWrite)
	}
	m.write(d, p, offset, d.node)
	return nil
}

func (h *handle) Zero(offset, length int64) error {
	_, err := h.WriteAt(make([]byte, length), offset)
	return err
}

func (h *handle) Sync() error {
	if err := h.m.effect("sync %s", h.node); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	d, err := h.device()
	if err != nil {
		return err
	}
	h.m.sync(d)
	return nil
}

// Close causes no event, because the real one uses a node that udev does not watch.
func (h *handle) Close() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.writable {
		delete(h.m.locked, h.node)
		h.m.closed(h.node)
	}
	return nil
}

// closed writes back the page cache of a device. The lock must be held.
func (m *Machine) closed(node string) {
	if d := m.devices[node]; d != nil {
		for _, i := range m.images(d) {
			i.closed(node)
		}
	}
}

// AddPartition implements sys.PartitionTeller.
func (h *handle) AddPartition(number int, start, length int64) error {
	return h.partition("add", number, func(disk *device) error {
		if start < 0 || length <= 0 || start+length > disk.size {
			return errInvalid
		}
		if h.m.devices[partitionNode(disk.node, number)] != nil || h.m.overlaps(disk.node, number, start, length) {
			return errBusy
		}
		h.m.addPartition(disk, number, start, length)
		return nil
	})
}

// ResizePartition implements sys.PartitionTeller.
func (h *handle) ResizePartition(number int, start, length int64) error {
	return h.partition("resize", number, func(disk *device) error {
		node := partitionNode(disk.node, number)
		p := h.m.devices[node]
		switch {
		case p == nil:
			return errNoDevice
		case p.part.start != start || length <= 0 || start+length > disk.size:
			return errInvalid
		case h.m.overlaps(disk.node, number, start, length):
			return errBusy
		}
		resized := *p
		resized.size = length
		h.m.devices[node] = &resized
		h.m.udev.queue("change", node)
		return nil
	})
}

// DeletePartition implements sys.PartitionTeller.
func (h *handle) DeletePartition(ctx context.Context, number int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.partition("delete", number, func(disk *device) error {
		node := partitionNode(disk.node, number)
		switch {
		case h.m.devices[node] == nil:
			return errNoDevice
		case h.m.uses(node) != "" || h.m.locked[node]:
			return errBusy
		}
		h.m.drop(node)
		return nil
	})
}

func (h *handle) partition(verb string, number int, do func(disk *device) error) error {
	what := fmt.Sprintf("%s partition %d of %s in the kernel", verb, number, h.node)
	if err := h.m.effect("%s", what); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	disk, err := h.device()
	if err == nil {
		err = do(disk)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// overlaps reports whether a range touches a partition other than the one with the given number. The lock must be held.
func (m *Machine) overlaps(disk string, number int, start, length int64) bool {
	for _, p := range m.partitionsOf(disk) {
		if p.part.number != number && start < p.part.start+p.size && p.part.start < start+length {
			return true
		}
	}
	return false
}

func (m *Machine) addPartition(disk *device, number int, start, length int64) {
	node := partitionNode(disk.node, number)
	m.devices[node] = &device{node: node, size: length, sector: disk.sector, part: &partition{disk.node, number, start}}
	m.udev.queue("add", node)
}

// partitionNode returns the kernel's name of a partition: the disk's name, "p" if that ends in a digit, and the number.
func partitionNode(disk string, number int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return fmt.Sprint(disk, number)
}

// readTable has the kernel read the partition table of a disk, as it does when the disk appears and on BLKRRPART. The kernel looks
// for a GUID partition table only behind a protective MBR and reads the backup copy only if the primary one is whole (gpt on the
// kernel command line, which nobody sets, changes both: kernel-parameters.txt). It refuses if a partition is in use. The lock must be
// held.
func (m *Machine) readTable(disk *device) error {
	old := m.partitionsOf(disk.node)
	for _, p := range old {
		if m.uses(p.node) != "" || m.locked[p.node] {
			return errBusy
		}
	}
	found, err := gpt.Read(view{m, disk}, disk.size, disk.sector)
	if _, hidden := found.Hidden(); err != nil || hidden {
		found = gpt.Found{}
	}
	for _, p := range old {
		m.drop(p.node)
	}
	for _, p := range found.Table.Partitions {
		m.addPartition(disk, p.Number, int64(p.First)*int64(disk.sector), int64(p.Size())*int64(disk.sector))
	}
	return nil
}
