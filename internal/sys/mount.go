// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Mount mounts a device with mount(8), which knows the options that are not the kernel's.
func (h *Host) Mount(ctx context.Context, device, target, format, options string) error {
	_, err := h.Run(ctx, Command{Name: "mount", Args: []string{"-o", options, "-t", format, device, target}})
	return err
}

// Unmount unmounts what is mounted on target, without following a link.
func (h *Host) Unmount(target string) error {
	if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

// Peek mounts a device read-only on a directory of its own, lets f look at it, and unmounts it again.
// Mounting may replay the filesystem's journal, as the mount of the root itself would a moment later.
func (h *Host) Peek(ctx context.Context, device, format string, f func(dir string) error) error {
	dir, err := os.MkdirTemp("/run", "firstlight-peek-")
	if err != nil {
		return fmt.Errorf("look into %s: %w", device, err)
	}
	if err := h.Mount(ctx, device, dir, format, "ro"); err != nil {
		return errors.Join(fmt.Errorf("look into %s: %w", device, err), os.Remove(dir))
	}
	seen := f(dir)
	if err := h.Unmount(dir); err != nil {
		return errors.Join(seen, err)
	}
	return errors.Join(seen, os.Remove(dir))
}
