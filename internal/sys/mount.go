// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Mounts implements Mounter.
func (h *Host) Mounts() ([]Mount, error) {
	infos, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	var all []Mount
	for _, i := range infos {
		m := Mount{Point: i.Mountpoint, Source: i.Source, Root: i.Root, Type: i.FSType}
		if strings.HasPrefix(i.Source, "/") { // a path, not a word such as tmpfs
			if node, err := h.Resolve(i.Source); err == nil {
				m.Source = node
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// Mount implements Mounter with mount(8), which handles the options that the kernel does not know.
func (h *Host) Mount(ctx context.Context, device, target, format, options string) error {
	_, err := h.Run(ctx, Command{Name: "mount", Args: []string{"-o", options, "-t", format, device, target}})
	return err
}

// Unmount implements Mounter.
func (h *Host) Unmount(target string) error {
	if err := h.effect("unmount " + target); err != nil {
		return err
	}
	if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

// Peek mounts a device read-only on a private directory, calls f with the directory, and unmounts it again. Mounting may
// replay the filesystem's journal, which the mount of the root would do anyway.
func Peek(ctx context.Context, m ReadMounter, device, format, options string, f func(dir string) error) error {
	dir, err := os.MkdirTemp("/run", "firstlight-peek-")
	if err != nil {
		return fmt.Errorf("look into %s: %w", device, err)
	}
	if err := m.MountToRead(ctx, device, dir, format, options); err != nil {
		return errors.Join(fmt.Errorf("look into %s: %w", device, err), os.Remove(dir))
	}
	seen := f(dir)
	if err := m.Unmount(dir); err != nil {
		return errors.Join(seen, err)
	}
	return errors.Join(seen, os.Remove(dir))
}

// A ReadMounter mounts for a look.
type ReadMounter interface {
	// MountToRead mounts a device read-only, with options that the kernel knows.
	MountToRead(ctx context.Context, device, target, format, options string) error
	Unmount(target string) error
}

// MountToRead implements ReadMounter. It needs mount(8) only if the format is not known, or if the kernel does not mount it under
// that name: every first boot looks into its root, and starting a program takes longer than mounting.
func (h *Host) MountToRead(ctx context.Context, device, target, format, options string) error {
	if format != "" && format != "auto" {
		if err := h.effect("mount " + target); err != nil {
			return err
		}
		err := unix.Mount(device, target, format, unix.MS_RDONLY, options)
		if err == nil {
			h.Log.Debug("mounted " + device + " (" + format + ") read-only to look into it")
			return nil
		}
		h.Log.Debug("mount " + device + " as " + format + ": " + err.Error())
	}
	return h.Mount(ctx, device, target, "auto", strings.TrimSuffix("ro,"+options, ","))
}
