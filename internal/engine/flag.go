// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// flagParams are the kernel parameters that are a first-boot flag.
var flagParams = []string{"ignition.firstboot", "flatcar.first_boot", "coreos.first_boot"}

// An identity is what a seal records of a boot: where its flag comes from, and the machine.
type identity struct {
	flag    seal.Flag
	machine seal.Machine
}

// identify looks at the flag and the machine as they are now.
func (r *run) identify(ctx context.Context) identity { return identity{r.flag(ctx), r.machine(ctx)} }

// identifyAhead does the work of identify while the stage goes on, on a processor that would be idle. The function that it returns waits
// for the result.
func (r *run) identifyAhead(ctx context.Context) func() identity {
	var found identity
	var looking sync.WaitGroup
	looking.Go(func() { found = r.identify(ctx) })
	return func() identity {
		looking.Wait()
		return found
	}
}

// flag returns where the first-boot flag of this boot comes from. Sources that cannot be read are left out.
func (r *run) flag(ctx context.Context) seal.Flag {
	f := seal.Flag{Files: map[string]string{}}
	var words []string
	for _, w := range r.cmdline {
		if name, _, _ := strings.Cut(w, "="); slices.Contains(flagParams, name) {
			words = append(words, w)
		}
	}
	f.Words = strings.Join(words, " ")
	for _, file := range r.distro.FlagFiles {
		id, err := r.flagFile(ctx, file)
		if err != nil {
			r.log.Debug("no flag file " + file.Name() + ": " + err.Error())
			continue
		}
		f.Files[file.Name()] = id
	}
	return f
}

var errNoFlagFile = errors.New("this machine does not have it")

// flagFile returns what identifies a flag file if it sets the flag, and "" if it does not.
func (r *run) flagFile(ctx context.Context, file seal.FlagFile) (id string, err error) {
	read := func(dir string) error {
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		id, err = readFlagFile(root, file)
		return err
	}
	device, format, options := r.rootDevice()
	switch {
	case file.Device != "":
		device, format, options = sys.DevicePath(file.Device), "auto", ""
	case device == "" && r.stage.onRoot && file.Options == "":
		return id, read(r.o.Root)
	}
	if !sys.IsBlockDevice(device) {
		return "", errNoFlagFile
	}
	if file.Options != "" {
		if kind, err := r.filesystem(device); err != nil || kind != "btrfs" {
			return "", errors.Join(errNoFlagFile, err)
		}
		options = file.Options
	}
	return id, r.within(ctx, device, format, options, read)
}

// readFlagFile reads a flag file below the filesystem that holds it.
func readFlagFile(root *rootfs.Root, file seal.FlagFile) (string, error) {
	place, err := root.Follow(file.Path)
	if err != nil || !file.Missing {
		return fingerprint(root, place, err)
	}
	dir, err := root.Lstat(path.Dir(place))
	if err == nil && dir.Type != rootfs.Directory {
		err = errNoFlagFile
	}
	info, found := root.Lstat(place)
	if err := errors.Join(err, found); err != nil || info.Type != rootfs.None {
		return "", err
	}
	return seal.Absent, nil
}

func fingerprint(root *rootfs.Root, place string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return root.Fingerprint(place)
}

// machine returns the identity of this machine.
func (r *run) machine(ctx context.Context) seal.Machine {
	device, format, options := r.rootDevice()
	var disks []string
	if node, err := r.host.Resolve(device); err == nil {
		disks = r.disksOf(node, 0)
	}
	m := seal.ReadMachine(r.host.ReadFile, disks)
	identify := func(dir string) error {
		root, err := rootfs.Open(dir)
		if err != nil {
			return err
		}
		m.Root, err = root.Identity("/")
		return errors.Join(err, root.Close())
	}
	var err error
	if sys.IsBlockDevice(device) {
		err = r.within(ctx, device, format, options, identify)
	} else if r.stage.onRoot {
		err = identify(r.o.Root)
	}
	if err != nil {
		r.log.Debug("identify the root filesystem: " + err.Error())
	}
	return m
}

// disksOf returns the kernel names of the disks that a device is built on. The depth is bounded, although devices never form a
// loop.
func (r *run) disksOf(node string, depth int) []string {
	b, err := r.host.Block(node)
	if err != nil || depth > 8 {
		return nil
	}
	below := b.Members
	if b.Disk != "" {
		below = append(below, b.Disk)
	}
	if len(below) == 0 {
		return []string{b.Name}
	}
	var names []string
	for _, n := range below {
		names = append(names, r.disksOf(n, depth+1)...)
	}
	return names
}

// within calls f with a directory on which a device is mounted whole, or with the options that select a part of it. It uses an
// existing mount, or mounts the device read-only during the call.
func (r *run) within(ctx context.Context, device, format, options string, f func(dir string) error) error {
	node, err := r.host.Resolve(device)
	if err != nil {
		return err
	}
	mounts, err := r.host.Mounts()
	if err != nil {
		return err
	}
	options = selecting(options)
	for _, m := range mounts {
		if m.Source == node && options == "" && m.Root == "/" {
			return f(m.Point)
		}
	}
	return sys.Peek(ctx, r.host, device, format, options, f)
}

// selecting returns the mount options that decide what is visible, or whether mounting works at all.
func selecting(options string) string {
	var list []string
	for o := range strings.SplitSeq(options, ",") {
		if name, _, _ := strings.Cut(o, "="); slices.Contains([]string{"subvol", "subvolid", "degraded"}, name) {
			list = append(list, o)
		}
	}
	return strings.Join(list, ",")
}

// runtimeUnits is the directory of units that last until power-off; they survive switch root.
const runtimeUnits = "/run/systemd/system"

// leaveWatch installs units that record when a flag is removed whose removal leaves no trace.
func (r *run) leaveWatch(flag seal.Flag) error {
	if r.elsewhere() {
		return nil
	}
	var files []seal.FlagFile
	for _, f := range r.distro.FlagFiles {
		if flag.Files[f.Name()] == seal.Absent {
			files = append(files, f)
		}
	}
	for name, text := range seal.WatchUnits(files) {
		if err := handover.WriteFile(path.Join(runtimeUnits, name), []byte(text), 0o644, 0o755); err != nil {
			return err
		}
		if path.Ext(name) != ".path" {
			continue
		}
		if err := handover.Link("../"+name, path.Join(runtimeUnits, "basic.target.wants", name)); err != nil {
			return err
		}
	}
	return nil
}
