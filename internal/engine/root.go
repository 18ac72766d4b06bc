// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// unitDirs is where systemd's generators and the initramfs keep sysroot.mount, in systemd's order (systemd.unit(5)).
var unitDirs = []string{
	"/etc/systemd/system", "/run/systemd/generator.early", "/run/systemd/system",
	"/run/systemd/generator", "/usr/lib/systemd/system", "/run/systemd/generator.late",
}

// rootDevice returns the device that will be mounted as the target root, with its filesystem type and mount options. They come
// from sysroot.mount or, without one, from the kernel command line.
func (r *run) rootDevice() (device, format, options string) {
	for _, dir := range unitDirs {
		text, err := os.ReadFile(filepath.Join(dir, "sysroot.mount"))
		if err != nil {
			continue
		}
		format = "auto"
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case key == "What":
				device = sys.DevicePath(value)
			case key == "Type" && value != "":
				format = value
			case key == "Options":
				options = value
			}
		}
		return device, format, options
	}
	if spec, ok := r.cmdline.Last("root"); ok {
		options, _ = r.cmdline.Last("rootflags")
		return sys.DevicePath(spec), "auto", options
	}
	return "", "", ""
}

// peek gives planning access to the root filesystem before it is mounted. It is of no use if the target root will be another
// tree than that of the filesystem, or if only part of the tree exists yet.
func (r *run) peek(ctx context.Context, use func(*rootfs.Root) error) (device, unknown string, err error) {
	device, format, options := r.rootDevice()
	switch {
	case device == "":
		return "", "the kernel command line names no device for it", nil
	case r.given("ostree"):
		return device, "it is a deployment of OSTree, which is mounted later", nil
	case r.given("mount.usr"):
		return device, "its /usr is another filesystem, which is mounted later", nil
	case !sys.IsBlockDevice(device):
		return device, device + " does not exist yet", nil
	}
	found, err := r.mountable(device)
	if err != nil || found == "" {
		return device, device + " holds no filesystem", err
	}
	if format == "auto" {
		format = found
	}
	var failed error
	err = sys.Peek(ctx, r.host, device, format, selecting(options), func(dir string) error {
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		if unknown, failed = whole(root); failed == nil && unknown == "" {
			failed = use(root)
		}
		return root.Close()
	})
	if failed != nil {
		return device, "", failed
	}
	if err != nil {
		return device, "it cannot be mounted: " + err.Error(), nil
	}
	return device, unknown, nil
}

// given reports whether a parameter is on the kernel command line.
func (r *run) given(name string) bool {
	_, ok := r.cmdline.Last(name)
	return ok
}

// whole returns why a tree differs from the one that a first boot starts from; empty: it is the same.
func whole(root *rootfs.Root) (why string, err error) {
	for _, p := range provision.Parts() {
		if p.Journal != provision.OnRoot {
			continue
		}
		begun, err := exists(root, seal.Dir+"/"+seal.JournalName(p.Name))
		if err != nil || begun {
			return "an earlier boot was interrupted after it began to change this root", err
		}
	}
	for _, name := range []string{"/etc", "/usr/bin"} {
		if ok, err := exists(root, name); err != nil || !ok {
			return "it has no " + name + " yet", err
		}
	}
	return "", nil
}

func exists(root *rootfs.Root, name string) (bool, error) {
	place, err := root.Follow(name)
	if err != nil {
		return false, err
	}
	info, err := root.Lstat(place)
	return err == nil && info.Type != rootfs.None, err
}

// mountable returns the format of a device's filesystem, or "" if the device has none that can be read. A blank device was never
// provisioned, and an encrypted one cannot be read yet.
func (r *run) mountable(device string) (format string, err error) {
	content, err := r.content(device)
	if err != nil {
		return "", err
	}
	if !content.Mountable() {
		holds := "nothing"
		if content.Type != "" {
			holds = content.String()
		}
		r.log.Info("no seal can be read from the root device " + device + ", which holds " + holds)
		return "", nil
	}
	return content.Type, nil
}

// filesystem returns the type of a device's filesystem, or "" if it has none. It probes only devices that are not mounted: of the others
// the kernel knows the type.
func (r *run) filesystem(device string) (string, error) {
	node, err := r.host.Resolve(device)
	if err != nil {
		return "", fmt.Errorf("look at the device %s: %w", device, err)
	}
	mounts, err := r.host.Mounts()
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if m.Source == node {
			return m.Type, nil
		}
	}
	content, err := r.content(device)
	return content.Type, err
}

// content returns what a device holds; an empty type means that it holds nothing.
func (r *run) content(device string) (probe.Signature, error) {
	wrap := func(err error) error { return fmt.Errorf("look at the device %s: %w", device, err) }
	node, err := r.host.Resolve(device)
	if err != nil {
		return probe.Signature{}, wrap(err)
	}
	info, err := r.host.Block(node)
	if err != nil {
		return probe.Signature{}, wrap(err)
	}
	f, err := r.host.OpenRead(node)
	if err != nil {
		return probe.Signature{}, wrap(err)
	}
	found, err := probe.Probe(f, info.Size, info.SectorSize)
	if err := errors.Join(err, f.Close()); err != nil {
		return probe.Signature{}, wrap(err)
	}
	content, _, _ := probe.Content(found)
	return content, nil
}
