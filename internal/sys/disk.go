// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hostDisk is a block device that is open for reading and writing without udev's notice.
//
// It is opened through a private node, which is removed before the first byte is written. udev watches the usual node: when
// that is closed after writing, udev has the kernel read the partition table again, and all partitions vanish for a moment.
// That would be needless, as the kernel and udev are told exactly what changed.
type hostDisk struct {
	host *Host
	file *os.File
	held *os.File // the usual node, for reading: the lock belongs to the node
	node string
}

// OpenDisk implements Opener. udev ignores a locked device (systemd, BLOCK_DEVICE_LOCKING); OpenDisk waits until udev is
// done with the device.
func (h *Host) OpenDisk(ctx context.Context, node string) (Disk, error) {
	held, err := openRead(node)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", node, err)
	}
	if err := lock(ctx, held); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", node, err), held.Close())
	}
	if err := outdate(udevData, outdatedDir, recordName(node)); err != nil { // at worst, a conflict names the record
		h.Log.Debug("note that udev's record of " + node + " becomes outdated: " + err.Error())
	}
	file, err := openPrivate(node, os.O_RDWR)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", node, err), held.Close())
	}
	return &hostDisk{h, file, held, node}, nil
}

func openPrivate(node string, flags int) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Stat(node, &st); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/dev", ".firstlight-")
	if err != nil {
		return nil, err
	}
	private := dir + "/disk"
	if err := unix.Mknod(private, unix.S_IFBLK|0o600, int(st.Rdev)); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	file, err := os.OpenFile(private, flags|unix.O_CLOEXEC, 0)
	return file, errors.Join(err, os.Remove(private), os.Remove(dir))
}

// lockPatience bounds the wait for udev to be done with a device.
const lockPatience = 30 * time.Second

// lock takes the lock that udev respects. There is no event for its release, so lock polls.
func lock(ctx context.Context, file *os.File) error {
	for end := time.Now().Add(lockPatience); ; {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return errors.Join(fmt.Errorf("another program holds it: %w", err), ctx.Err())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ReadAt sees writes through other nodes: all nodes of a device share one cache.
func (d *hostDisk) ReadAt(p []byte, offset int64) (int, error) { return d.file.ReadAt(p, offset) }

// WriteAt implements Disk.
func (d *hostDisk) WriteAt(p []byte, offset int64) (int, error) {
	if err := d.host.effect(fmt.Sprintf("write %d bytes at %d of %s", len(p), offset, d.node)); err != nil {
		return 0, err
	}
	n, err := d.file.WriteAt(p, offset)
	if err != nil {
		return n, fmt.Errorf("write %d bytes at %d of %s: %w", len(p), offset, d.node, err)
	}
	return n, nil
}

// Zero implements Disk.
func (d *hostDisk) Zero(offset, length int64) error {
	_, err := d.WriteAt(make([]byte, length), offset)
	return err
}

// Sync implements Disk.
func (d *hostDisk) Sync() error {
	if err := d.host.effect("sync " + d.node); err != nil {
		return err
	}
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("make %s durable: %w", d.node, err)
	}
	return nil
}

// Close implements Disk.
func (d *hostDisk) Close() error { return errors.Join(d.file.Close(), d.held.Close()) }

// OpenRead implements Opener.
func (*Host) OpenRead(node string) (ReadDisk, error) { return openRead(node) }

func openRead(node string) (*os.File, error) {
	return os.OpenFile(node, os.O_RDONLY|unix.O_CLOEXEC, 0)
}

// The kernel's interface for partitions (linux/blkpg.h).
const (
	blkpg       = 0x1269
	blkpgAdd    = 1
	blkpgDelete = 2
	blkpgResize = 3
)

type blkpgPartition struct {
	start, length int64 // bytes
	number        int32
	names         [128]byte
}

type blkpgArg struct {
	op, flags, length int32
	data              unsafe.Pointer
}

// AddPartition implements PartitionTeller.
func (d *hostDisk) AddPartition(number int, start, length int64) error {
	return d.partition(blkpgAdd, "add", number, start, length)
}

// DeletePartition implements PartitionTeller.
func (d *hostDisk) DeletePartition(ctx context.Context, number int) error {
	return whileBusy(ctx, func() error { return d.partition(blkpgDelete, "delete", number, 0, 0) })
}

// whileBusy repeats an operation while it fails because something is open. There is no event for the end of that.
func whileBusy(ctx context.Context, do func() error) error {
	for end := time.Now().Add(lockPatience); ; {
		err := do()
		if !errors.Is(err, unix.EBUSY) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ResizePartition implements PartitionTeller. It also works on partitions in use.
func (d *hostDisk) ResizePartition(number int, start, length int64) error {
	return d.partition(blkpgResize, "resize", number, start, length)
}

func (d *hostDisk) partition(op int32, verb string, number int, start, length int64) error {
	if err := d.host.effect(fmt.Sprintf("%s partition %d of %s in the kernel", verb, number, d.node)); err != nil {
		return err
	}
	p := blkpgPartition{start: start, length: length, number: int32(number)}
	arg := blkpgArg{op: op, length: int32(unsafe.Sizeof(p)), data: unsafe.Pointer(&p)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.file.Fd(), blkpg, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return fmt.Errorf("%s partition %d of %s in the kernel: %w", verb, number, d.node, errno)
	}
	return nil
}

// Announce implements Udev.
func (h *Host) Announce(node string) error {
	b, err := blockInfo(node)
	if err != nil {
		return fmt.Errorf("announce %s: %w", node, err)
	}
	if err := h.effect("announce " + node); err != nil {
		return err
	}
	if err := os.WriteFile("/sys/class/block/"+b.Name+"/uevent", []byte("change"), 0); err != nil {
		return fmt.Errorf("announce %s: %w", node, err)
	}
	return nil
}
