// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

// Block is what is known of block devices. Devices are known by their nodes, such as /dev/vda1.
type Block struct {
	// Paths maps device paths to the nodes behind them. A path that leads to no device has no entry.
	Paths map[string]string `json:"paths,omitempty"`
	// Devices maps nodes to what is known of the devices.
	Devices map[string]Device `json:"devices,omitempty"`
	// Disks maps the nodes of the config's disks to their partition tables.
	Disks map[string]Disk `json:"disks,omitempty"`
	// Absent maps paths that lead to no device to a hint for people; the hint is empty if nobody waited for the device.
	Absent map[string]string `json:"absent,omitempty"`
	// Mounts maps mount points below the target root to the nodes mounted there; nil: not asked.
	Mounts map[string]string `json:"mounts,omitzero"`
}

// Device is one block device.
type Device struct {
	Size       int64             `json:"size"`       // bytes
	SectorSize int               `json:"sectorSize"` // bytes, logical
	Signatures []probe.Signature `json:"signatures,omitempty"`
	// Udev is what udev's database says of the contents, as NAME=VALUE, where the signatures say nothing.
	Udev []string `json:"udev,omitempty"`
	// MountedOn lists the places where the device is mounted.
	MountedOn []string `json:"mountedOn,omitempty"`
	// Holders are the nodes of the arrays and mappings that are built on the device. Members are the nodes that the device is
	// built on, if it is an array or mapping.
	Holders []string `json:"holders,omitempty"`
	Members []string `json:"members,omitempty"`
	// Slot is the partition that the device is; MemberSlots are those of the Members that are partitions.
	Slot        Slot   `json:"slot,omitzero"`
	MemberSlots []Slot `json:"memberSlots,omitempty"`
	// Unfinished says that a run was making the contents and did not finish: they must be recreated, whatever they look like.
	Unfinished bool `json:"unfinished,omitempty"`
	// Predicted says that the device does not exist yet. Closed says that its contents show only when it does. Blank says that
	// this boot will have made the filesystem on it, which is empty.
	Predicted bool `json:"predicted,omitempty"`
	Closed    bool `json:"closed,omitempty"`
	Blank     bool `json:"blank,omitempty"`
}

// A Slot is a place in a partition table.
type Slot struct {
	Disk   string `json:"disk"` // node
	Number int    `json:"number"`
}

// Doubt sets Unfinished of every device by the marks on the disks. It distrusts the contents of a partition that a run was
// making, and arrays and volumes all of whose members an interrupted run had been making already.
func (b *Block) Doubt() {
	for node, d := range b.Devices {
		switch {
		case d.Slot != Slot{}:
			d.Unfinished = b.marked(d.Slot, func(m *gpt.Mark) []int { return m.Content })
		case len(d.Members) > 0:
			d.Unfinished = len(d.MemberSlots) == len(d.Members) && !slices.ContainsFunc(d.MemberSlots, func(s Slot) bool {
				return !b.marked(s, func(m *gpt.Mark) []int { return m.Again })
			})
		}
		b.Devices[node] = d
	}
}

// marked reports whether the mark on a disk lists a partition.
func (b *Block) marked(s Slot, list func(*gpt.Mark) []int) bool {
	t := b.Disks[s.Disk].Table
	return t != nil && t.Mark != nil && slices.Contains(list(t.Mark), s.Number)
}

// Disk is what is known of a disk that the config partitions.
type Disk struct {
	// Table is the GUID partition table; nil: there is none.
	Table *gpt.Found `json:"table,omitempty"`
	// Other names a table that is not a GPT and has partitions.
	Other string `json:"other,omitempty"`
	// Regions maps places where partitions will be, by Region, to the signatures that are there now.
	Regions map[string][]probe.Signature `json:"regions,omitempty"`
	// Partitions maps the numbers of the partitions that the kernel has to their nodes.
	Partitions map[int]string `json:"partitions,omitempty"`
	// Mapping is the name of the disk if it is a device-mapper device: its partitions are mappings too.
	Mapping string `json:"mapping,omitempty"`
}

// Uses returns what keeps the device from being changed, or "".
func (d Device) Uses() string {
	var uses []string
	if len(d.MountedOn) > 0 {
		uses = append(uses, "mounted on "+strings.Join(d.MountedOn, ", "))
	}
	if len(d.Holders) > 0 {
		uses = append(uses, "part of "+strings.Join(d.Holders, ", "))
	}
	return strings.Join(uses, " and ")
}

// Region is the key of a place on a disk.
func Region(p gpt.Partition) string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// Partition returns the node of a partition of a disk: the one that the kernel has, or the one that it will have. For a
// partition of a mapping the node cannot be predicted; until it exists, Partition returns a name that no device has.
func (b *Block) Partition(disk string, number int) string {
	if node, ok := b.Disks[disk].Partitions[number]; ok {
		return node
	}
	return PartitionNode(disk, number)
}

// PartitionNode returns how the kernel names a partition of a disk: as the disk, p if that ends in a digit, the number.
func PartitionNode(disk string, number int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return fmt.Sprint(disk, number)
}

// Prepare makes the maps that observing fills.
func (b *Block) Prepare() {
	if b.Paths == nil {
		b.Paths = map[string]string{}
	}
	if b.Devices == nil {
		b.Devices = map[string]Device{}
	}
	if b.Disks == nil {
		b.Disks = map[string]Disk{}
	}
	if b.Absent == nil {
		b.Absent = map[string]string{}
	}
}

// Known reports whether a path was looked up, with or without a device behind it.
func (b *Block) Known(path string) bool {
	if b == nil {
		return false
	}
	_, found := b.Paths[path]
	_, absent := b.Absent[path]
	return found || absent
}

// Lookup returns the node and the device behind a path.
func (b *Block) Lookup(path string) (string, Device, bool) {
	if b == nil {
		return "", Device{}, false
	}
	node, ok := b.Paths[path]
	return node, b.Devices[node], ok
}

// Add makes a device known under its node and under paths.
func (b *Block) Add(node string, d Device, paths ...string) {
	if b.Paths == nil {
		b.Paths = map[string]string{}
	}
	for _, p := range append(paths, node) {
		delete(b.Absent, p)
	}
	if b.Devices == nil {
		b.Devices = map[string]Device{}
	}
	b.Devices[node] = d
	for _, p := range append(paths, node) {
		b.Paths[p] = node
	}
}

// Remove makes a device absent, under its node and all its paths.
func (b *Block) Remove(node string) {
	delete(b.Devices, node)
	for p, n := range b.Paths {
		if n != node {
			continue
		}
		delete(b.Paths, p)
		if b.Absent == nil {
			b.Absent = map[string]string{}
		}
		b.Absent[p] = ""
	}
}

// EncodeLabel writes a label as udev does in the names of its links. ASCII letters, digits, #+-.:=@_ and valid UTF-8 stay; any
// other byte becomes \x and two hex digits (systemd, encode_devnode_name).
func EncodeLabel(label string) string {
	var b strings.Builder
	for i := 0; i < len(label); {
		r, size := utf8.DecodeRuneInString(label[i:])
		plain := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("#+-.:=@_", r)
		if plain || size > 1 {
			b.WriteString(label[i : i+size])
		} else {
			fmt.Fprintf(&b, "\\x%02x", label[i])
		}
		i += size
	}
	return b.String()
}
