// SPDX-License-Identifier: Apache-2.0

// Package guest opens what a hypervisor or cloud attaches to a machine: config drives and the guest's ends of channels.
//
// It moves bytes without interpreting them; package platform has the protocols. It leaves nothing behind: every mount is
// undone before a call returns.
package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// Drives gives access to the block devices of the machine.
type Drives struct {
	// Run runs a helper program.
	Run func(ctx context.Context, name string, args ...string) ([]byte, error)
}

// byLabel is where udev makes a link for each filesystem label.
const byLabel = "/dev/disk/by-label"

// Labeled returns the device with a filesystem label, if it exists now.
func (Drives) Labeled(label string) (device string, ok bool) {
	device = filepath.Join(byLabel, facts.EncodeLabel(label))
	info, err := os.Stat(device)
	return device, err == nil && info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

// The ioctl that asks a drive for its disc, and the answer "there is one, and it can be read" (Linux include/uapi/linux/cdrom.h).
const (
	cdromDriveStatus = 0x5326
	cdromDiscOK      = 4
)

// Discs returns the optical drives that have a disc.
func (Drives) Discs(context.Context) ([]string, error) {
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		device := "/dev/" + strings.ReplaceAll(e.Name(), "!", "/")
		if discOK(device) {
			list = append(list, device)
		}
	}
	return list, nil
}

func discOK(device string) bool {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	status, err := unix.IoctlRetInt(fd, cdromDriveStatus)
	return err == nil && status == cdromDiscOK
}

// Look mounts a device read-only on a private directory, calls f with its files, and unmounts it again. Links in the
// filesystem cannot lead out of it.
func (d Drives) Look(ctx context.Context, device, format string, f func(fs.FS) error) error {
	dir, err := os.MkdirTemp("/run", "firstlight-drive-")
	if err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	if _, err := d.Run(ctx, "mount", "-o", "ro", "-t", format, device, dir); err != nil {
		return errors.Join(fmt.Errorf("mount %s: %w", device, err), os.Remove(dir))
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		err = errors.Join(f(root.FS()), root.Close())
	}
	if unmounted := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW); unmounted != nil {
		return errors.Join(err, fmt.Errorf("unmount %s: %w", device, unmounted))
	}
	return errors.Join(err, os.Remove(dir))
}
