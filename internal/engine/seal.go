// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// sealed returns the seal of this machine if an earlier boot provisioned it. Stages before the root is mounted look at the root's
// device; once the answer is known it is kept for the stages that follow.
func (r *run) sealed(ctx context.Context) (*handover.Sealed, error) {
	if r.progress.Sealed != nil {
		return r.progress.Sealed, nil
	}
	if r.progress.Unsealed {
		return nil, nil
	}
	found, known, err := r.lookForSeal(ctx)
	if err != nil || !known {
		return nil, err
	}
	if found != nil {
		r.progress.Sealed = &handover.Sealed{Provisioned: found.Provisioned, BootID: found.BootID}
	}
	r.progress.Unsealed = found == nil
	return r.progress.Sealed, r.progress.Save(r.progressFile())
}

// lookForSeal reads the seal from wherever the root can be reached now.
func (r *run) lookForSeal(ctx context.Context) (found *seal.Seal, known bool, err error) {
	flag, _ := r.cmdline.Last("ignition.firstboot")
	liftable := flag != "auto" // with auto nothing ever removes the flag, and only the seal decides
	read := func(dir string) error {
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		found, err = seal.Read(root, liftable)
		return errors.Join(err, root.Close())
	}
	if r.stage.onRoot {
		err = read(r.o.Root)
		return found, true, err
	}
	device, format, _ := r.rootDevice()
	if device == "" {
		return nil, false, nil
	}
	if r.stage.first {
		// The root of an image comes with the other disks; one that the config is going to make never comes.
		r.host.AwaitUdev(ctx, udevPatience, func() bool { return sys.IsBlockDevice(device) })
	}
	if !sys.IsBlockDevice(device) {
		r.log.Debug("the root device " + device + " is not there (yet): cannot look for a seal")
		return nil, false, nil
	}
	if readable, err := r.mountable(device); err != nil || !readable {
		return nil, false, err
	}
	if err := sys.Peek(ctx, r.host, device, format, "", read); err != nil {
		return nil, false, fmt.Errorf("find out whether this machine was provisioned before: %w", err)
	}
	return found, true, nil
}

// mountable reports whether a device has a filesystem that can be looked into. A blank one was never provisioned, and one
// that is still encrypted cannot tell.
func (r *run) mountable(device string) (bool, error) {
	node, err := r.host.Resolve(device)
	if err != nil {
		return false, fmt.Errorf("find the root device: %w", err)
	}
	info, err := r.host.Block(node)
	if err != nil {
		return false, fmt.Errorf("look at the root device: %w", err)
	}
	f, err := r.host.OpenRead(node)
	if err != nil {
		return false, fmt.Errorf("look at the root device: %w", err)
	}
	found, err := probe.Probe(f, info.Size, info.SectorSize)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("look at the root device %s: %w", device, err)
	}
	content, _, ok := probe.Content(found)
	if !ok || !content.Mountable() {
		r.log.Info("no seal can be read from the root device " + device + ", which holds " + describe(content, ok))
		return false, nil
	}
	return true, nil
}

func describe(s probe.Signature, ok bool) string {
	if !ok {
		return "nothing"
	}
	return s.String()
}

// udevPatience bounds the wait for udev to have seen the disks that are there.
const udevPatience = 10 * time.Second

// unitDirs is where systemd's generators and the initramfs keep sysroot.mount, in systemd's order (systemd.unit(5)).
var unitDirs = []string{
	"/etc/systemd/system", "/run/systemd/generator.early", "/run/systemd/system",
	"/run/systemd/generator", "/usr/lib/systemd/system", "/run/systemd/generator.late",
}

// rootDevice returns the device that will be mounted as the target root, its filesystem type and mount options, from
// sysroot.mount or, where there is none, the kernel command line.
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

// peek gives access to the root filesystem before it is mounted, for planning. It is no use where the tree that will be the target
// root is another one than that of the filesystem, or only a part of it is there yet.
func (r *run) peek(ctx context.Context, use func(*rootfs.Root) error) (device, unknown string, err error) {
	device, format, options := r.rootDevice()
	switch {
	case device == "":
		return "", "the kernel command line names no device for it", nil
	case r.given("ostree"):
		return device, "it is a deployment of OSTree, which is mounted later", nil
	case strings.Contains(options, "subvol"):
		return device, "it is a subvolume, which is mounted later", nil
	case r.given("mount.usr"):
		return device, "its /usr is another filesystem, which is mounted later", nil
	case !sys.IsBlockDevice(device):
		return device, device + " does not exist yet", nil
	}
	if readable, err := r.mountable(device); err != nil || !readable {
		return device, device + " holds no filesystem", err
	}
	var failed error
	err = sys.Peek(ctx, r.host, device, format, "", func(dir string) error {
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

// whole says why a tree is not the one that a first boot starts from; empty: it is.
func whole(root *rootfs.Root) (why string, err error) {
	for _, p := range provision.Parts() {
		if p.Journal != provision.OnRoot {
			continue
		}
		begun, err := exists(root, seal.Dir+"/"+seal.JournalName(p.Name))
		if err != nil || begun {
			return "an earlier boot was cut short after it had begun to change it", err
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
