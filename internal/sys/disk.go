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

// A Disk is a block device that is open for reading and writing without anybody being told.
//
// It is opened through a node of its own, which is gone again before the first byte is written. udev watches the
// node that everybody uses, and answers its being closed after writing by having the kernel read the partition
// table again, for which all partitions vanish for a moment. Those who have been told of exactly what changed
// do not need that.
type Disk struct {
	file *os.File
	held *os.File // the usual node, for reading: it carries the lock, which belongs to the node
	node string
}

// OpenDisk opens a device. While it is open udev keeps its hands off the device (systemd, BLOCK_DEVICE_LOCKING);
// what udev is busy with is waited for.
func OpenDisk(ctx context.Context, node string) (*Disk, error) {
	held, err := OpenRead(node)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", node, err)
	}
	if err := lock(ctx, held); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", node, err), held.Close())
	}
	file, err := openPrivate(node, os.O_RDWR)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", node, err), held.Close())
	}
	return &Disk{file, held, node}, nil
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

// lockPatience bounds the wait for what udev is doing with a device.
const lockPatience = 30 * time.Second

// lock takes the lock that udev respects. There is no event for its release, so it is asked for again and again.
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

// ReadAt reads from the device itself, not from what a cache may still hold of an earlier write through another node:
// all nodes of a device share one cache.
func (d *Disk) ReadAt(p []byte, offset int64) (int, error) { return d.file.ReadAt(p, offset) }

// WriteAt writes to the device. What is written is durable after Sync.
func (d *Disk) WriteAt(p []byte, offset int64) (int, error) {
	n, err := d.file.WriteAt(p, offset)
	if err != nil {
		return n, fmt.Errorf("write %d bytes at %d of %s: %w", len(p), offset, d.node, err)
	}
	return n, nil
}

// Zero overwrites a place with zeros.
func (d *Disk) Zero(offset, length int64) error {
	_, err := d.WriteAt(make([]byte, length), offset)
	return err
}

// Sync makes everything that was written durable.
func (d *Disk) Sync() error {
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("make %s durable: %w", d.node, err)
	}
	return nil
}

// Close gives the device back.
func (d *Disk) Close() error { return errors.Join(d.file.Close(), d.held.Close()) }

// OpenRead opens a device for reading. Closing it causes no event.
func OpenRead(node string) (*os.File, error) {
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

// AddPartition tells the kernel of a partition that is new, in bytes.
func (d *Disk) AddPartition(number int, start, length int64) error {
	return d.partition(blkpgAdd, "add", number, start, length)
}

// DeletePartition tells the kernel of a partition that is gone. A partition that somebody, such as udev, has open for
// a moment is waited for.
func (d *Disk) DeletePartition(ctx context.Context, number int) error {
	return whileBusy(ctx, func() error { return d.partition(blkpgDelete, "delete", number, 0, 0) })
}

// whileBusy does again what fails because something is open. There is no event for when it is not any more.
func whileBusy(ctx context.Context, do func() error) error {
	for end := time.Now().Add(lockPatience); ; {
		err := do()
		if !errors.Is(err, unix.EBUSY) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ResizePartition tells the kernel of a partition that has another size now, in use or not.
func (d *Disk) ResizePartition(number int, start, length int64) error {
	return d.partition(blkpgResize, "resize", number, start, length)
}

func (d *Disk) partition(op int32, verb string, number int, start, length int64) error {
	p := blkpgPartition{start: start, length: length, number: int32(number)}
	arg := blkpgArg{op: op, length: int32(unsafe.Sizeof(p)), data: unsafe.Pointer(&p)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.file.Fd(), blkpg, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return fmt.Errorf("%s partition %d of %s in the kernel: %w", verb, number, d.node, errno)
	}
	return nil
}

// Announce has the kernel send an event for a device, as if it had changed: udev then looks at it anew.
func Announce(node string) error {
	b, err := BlockInfo(node)
	if err != nil {
		return err
	}
	if err := os.WriteFile("/sys/class/block/"+b.Name+"/uevent", []byte("change"), 0); err != nil {
		return fmt.Errorf("announce %s: %w", node, err)
	}
	return nil
}
