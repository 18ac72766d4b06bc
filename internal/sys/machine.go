// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"io"
	"time"
)

// A Machine is the running machine outside the target root. Host is the real one; package fake has a model of one that can
// stop before any effect. Callers that need less take the smaller interfaces.
type Machine interface {
	Programs
	Devices
	Names
	Udev
	Opener
	Mounter
	Waiter
	Mapper
	Cards
}

// Programs runs helper programs.
type Programs interface {
	// Missing returns the programs that are not in the search path.
	Missing(names ...string) []string
	// Run runs a program and returns its standard output. It is an effect.
	Run(context.Context, Command) ([]byte, error)
}

// Devices is the kernel's view of block devices.
type Devices interface {
	// Block returns the kernel's view of the device with a node.
	Block(node string) (Block, error)
	// Partitions returns the kernel's partitions of a disk.
	Partitions(disk string) ([]Block, error)
	// Disks returns the nodes of all devices that may hold a partition table.
	Disks() ([]string, error)
}

// Names resolves the device paths of a config to nodes.
type Names interface {
	// Resolve returns the node behind a device path, following links. The error wraps fs.ErrNotExist if there is none.
	Resolve(path string) (string, error)
	// AwaitDevices waits until all paths lead to block devices and returns their nodes. absent has each path that did not
	// appear, with a hint for people: similar devices, and how long the wait was.
	AwaitDevices(ctx context.Context, paths []string) (nodes, absent map[string]string, err error)
	// MakeAlias makes or replaces the link Alias(path), which leads to node. It is an effect.
	MakeAlias(path, node string) error
}

// Udev is udev's database of devices.
type Udev interface {
	// HasUdev reports whether udev is running.
	HasUdev() bool
	// UdevProperty returns a property of a device from udev's database, or "". udev makes the links of a device before it
	// writes the database: a new value means that the links exist.
	UdevProperty(node, name string) string
	// UdevContents returns the contents of a device according to udev's database, as NAME=VALUE of ID_FS_TYPE,
	// ID_FS_AMBIVALENT and ID_PART_TABLE_TYPE if set. It ignores a record that is older than firstlight's last opening of
	// the device for writing.
	UdevContents(ctx context.Context, node string) []string
	// Announce has the kernel send a change event for a device, so that udev examines it again. It is an effect.
	Announce(node string) error
}

// Opener opens block devices.
type Opener interface {
	// OpenRead opens a device for reading. Closing it causes no event.
	OpenRead(node string) (ReadDisk, error)
	// OpenDisk opens a device for reading and writing, and keeps udev away from it until it is closed.
	OpenDisk(ctx context.Context, node string) (Disk, error)
}

// A ReadDisk is a block device that is open for reading.
type ReadDisk interface {
	io.ReaderAt
	io.Closer
}

// A Disk is a block device that is open for reading and writing. All methods but ReadAt and Close are effects.
type Disk interface {
	ReadDisk
	// WriteAt writes to the device. The data is durable after Sync.
	io.WriterAt
	// Zero overwrites a range with zeros. Offset and length are in bytes.
	Zero(offset, length int64) error
	// Sync makes all writes durable.
	Sync() error
	PartitionTeller
}

// PartitionTeller tells the kernel which partitions a disk has. The kernel rejects overlaps, even temporary ones. Offsets
// and lengths are in bytes.
type PartitionTeller interface {
	AddPartition(number int, start, length int64) error
	ResizePartition(number int, start, length int64) error
	// DeletePartition waits while another program, such as udev, briefly has the partition open.
	DeletePartition(ctx context.Context, number int) error
}

// Mounter mounts filesystems.
type Mounter interface {
	// Mounts returns the mounted filesystems in the order of mounting.
	Mounts() ([]Mount, error)
	// Mount mounts a device, with options as mount(8) takes them. It is an effect.
	Mount(ctx context.Context, device, target, format, options string) error
	// Unmount unmounts target, without following a link. It is an effect.
	Unmount(target string) error
}

// A Mount is one mounted filesystem.
type Mount struct {
	Point  string
	Source string // the node of a device, or the source as it was given
	Root   string // the mounted directory of the filesystem; "/" for all of it
	Type   string // of the filesystem: "ext4"
}

// Waiter waits for other programs.
type Waiter interface {
	// Await waits until ready returns true. After limit it returns an error that wraps ErrTimeout. what names the awaited
	// thing for people.
	Await(ctx context.Context, limit time.Duration, what string, ready func() bool) error
}

// Mapper changes device-mapper devices.
type Mapper interface {
	// RemoveMapping removes a mapping. A missing mapping is not an error. It is an effect.
	RemoveMapping(ctx context.Context, name string) error
}

// Cards lists the machine's crypto cards (s390x).
type Cards interface {
	// CryptoCards returns the queues of crypto cards in CCA mode, such as 03.0039.
	CryptoCards() ([]string, error)
	// ReadFile reads a small file of the running system.
	ReadFile(name string) ([]byte, error)
}
