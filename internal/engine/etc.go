// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// An fstabLine is a mount of fstab(5).
type fstabLine struct{ device, point, format, options string }

// option returns the value of a mount option and reports whether it is given.
func (l fstabLine) option(name string) (value string, ok bool) {
	for o := range strings.SplitSeq(l.options, ",") {
		if n, v, _ := strings.Cut(o, "="); n == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// mostFstab bounds the size of an fstab, in bytes.
const mostFstab = 1 << 20

// readFstab returns the mounts of a root's fstab.
func readFstab(root *rootfs.Root) ([]fstabLine, error) {
	place, err := root.Follow("/etc/fstab")
	if err != nil {
		return nil, err
	}
	text, err := root.ReadFile(place, mostFstab)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []fstabLine
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 4 && !strings.HasPrefix(f[0], "#") {
			all = append(all, fstabLine{f[0], path.Clean(f[1]), f[2], f[3]})
		}
	}
	return all, err
}

// seekEtc reads the seal in an /etc that the initramfs mounts because of an fstab line with x-initrd.mount (systemd.mount(5)): a
// subvolume, or an overlay whose upper directory is elsewhere. root is the root filesystem without its mounts.
func (r *run) seekEtc(ctx context.Context, root *rootfs.Root) (*seal.Seal, error) {
	lines, err := readFstab(root)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if _, early := l.option("x-initrd.mount"); l.point != "/etc" || !early {
			continue
		}
		if l.format != "overlay" {
			return r.seekMount(ctx, l, path.Base(seal.Dir))
		}
		upper, _ := l.option("upperdir")
		upper = path.Clean("/" + strings.TrimPrefix(upper, "/sysroot"))
		on := fstabLine{point: "/"}
		for _, m := range lines {
			if strings.HasPrefix(upper, m.point+"/") && len(m.point) > len(on.point) {
				on = m
			}
		}
		place := path.Join(strings.TrimPrefix(upper, on.point), path.Base(seal.Dir))
		if on.device == "" {
			return seal.ReadAt(root, place)
		}
		return r.seekMount(ctx, on, place)
	}
	return nil, nil
}

// seekMount reads the seal at a path on a filesystem that fstab names.
func (r *run) seekMount(ctx context.Context, l fstabLine, place string) (found *seal.Seal, err error) {
	device := sys.DevicePath(l.device)
	if !sys.IsBlockDevice(device) {
		return nil, fmt.Errorf("%s, the filesystem of %s, does not exist yet", l.device, l.point)
	}
	err = r.within(ctx, device, l.format, l.options, func(dir string) error {
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		found, err = seal.ReadAt(root, "/"+place)
		return errors.Join(err, root.Close())
	})
	return found, err
}

// persist makes sure that the directory of seal and journals is on persistent storage, where the next boot looks. If /etc is
// lost at power-off, it mounts a directory of the root filesystem there: one below the filesystem's own /etc or, for a
// deployment of OSTree, one in the /var of its operating system. The root device of the kernel command line belongs to the root
// of the boot: the seal of a run on another root, which mostly is in memory, stays there.
func (r *run) persist(ctx context.Context) error {
	if r.progress.Root == "" || r.elsewhere() {
		return nil
	}
	volatile, err := sys.Volatile(filepath.Join(r.o.Root, "etc"))
	if err != nil || !volatile {
		return err
	}
	device, format, options := r.rootDevice()
	if !sys.IsBlockDevice(device) {
		return nil // a live system, for example: nothing of it lasts
	}
	wrap := func(err error) error {
		return fmt.Errorf("keep the seal on the root filesystem, since /etc is not on it: %w", err)
	}
	place, err := r.sealPoint()
	if err != nil {
		return wrap(err)
	}
	mounts, err := r.host.Mounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if m.Point == place {
			return nil
		}
	}
	dir, err := os.MkdirTemp("/run", "firstlight-root-")
	if err != nil {
		return wrap(err)
	}
	if err := r.host.Mount(ctx, device, dir, format, strings.TrimSuffix("rw,"+selecting(options), ",")); err != nil {
		return errors.Join(wrap(err), os.Remove(dir))
	}
	err = r.bindKept(ctx, dir, place)
	if err := errors.Join(err, r.host.Unmount(dir), os.Remove(dir)); err != nil {
		return wrap(err)
	}
	return nil
}

// sealPoint returns the path of the directory of seal and journals in the mounted root, making it if it is missing.
func (r *run) sealPoint() (string, error) {
	root, err := rootfs.Open(r.o.Root)
	if err != nil {
		return "", err
	}
	defer root.Close()
	dir, err := seal.Open(root)
	if err != nil {
		return "", err
	}
	place, err := root.Follow(seal.Dir)
	return filepath.Join(r.o.Root, place), errors.Join(err, dir.Close())
}

// bindKept mounts the directory that keeps seal and journals on place. The root filesystem, which holds it, is mounted on dir.
func (r *run) bindKept(ctx context.Context, dir, place string) error {
	top, err := rootfs.Open(dir)
	if err != nil {
		return err
	}
	defer top.Close()
	kept, err := top.Follow(seal.Dir)
	if deployment, ok := r.cmdline.Last("ostree"); ok && err == nil {
		if kept, err = top.Follow(deployment); err == nil {
			kept, err = top.Follow(stateroot(kept))
		}
	}
	if err != nil {
		return err
	}
	opened, err := top.Directory(kept)
	if err != nil {
		return err
	}
	return errors.Join(opened.Close(), r.host.Mount(ctx, filepath.Join(dir, kept), place, "none", "bind"))
}
