// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// DiskPaths returns the device paths of the config's disks, in its order.
func DiskPaths(c *types.Config) []string {
	var paths []string
	for _, d := range c.Storage.Disks {
		paths = append(paths, d.Device)
	}
	return paths
}

// RAIDPaths returns the device paths of the members of all arrays.
func RAIDPaths(c *types.Config) []string {
	var paths []string
	for _, r := range c.Storage.Raid {
		paths = append(paths, r.Devices...)
	}
	return paths
}

// LUKSPaths returns the device paths of the encrypted volumes.
func LUKSPaths(c *types.Config) []string {
	var paths []string
	for _, l := range c.Storage.Luks {
		paths = append(paths, l.Device)
	}
	return paths
}

// FilesystemPaths returns the device paths of the filesystems, shares of the host excepted.
func FilesystemPaths(c *types.Config) []string {
	var paths []string
	for _, f := range c.Storage.Filesystems {
		if f.Format == nil || *f.Format != filesystem.VirtioFS {
			paths = append(paths, f.Device)
		}
	}
	return paths
}

// MountPaths returns the device paths of the filesystems that are mounted, shares of the host excepted.
func MountPaths(c *types.Config) []string {
	var paths []string
	for _, f := range Mountables(c) {
		if *f.Format != filesystem.VirtioFS {
			paths = append(paths, f.Device)
		}
	}
	return paths
}

// arrayPaths returns the paths under which an array appears; the first is the one to wait for.
func arrayPaths(name string) []string {
	if strings.HasPrefix(name, "/dev") {
		return []string{name}
	}
	return []string{"/dev/md/" + name, "/dev/disk/by-id/md-name-any:" + name}
}

// volumePaths returns the paths under which an open LUKS volume appears.
func volumePaths(name string) []string {
	return []string{"/dev/mapper/" + name, "/dev/disk/by-id/dm-name-" + name}
}

// Produced returns the paths of the devices that the config itself makes: partitions of existing disks, arrays and volumes.
// Nothing waits for them before they are made.
func Produced(c *types.Config, b *facts.Block) map[string]bool {
	made := map[string]bool{}
	add := func(paths ...string) {
		for _, p := range paths {
			made[p] = true
		}
	}
	view := builder{facts: &facts.Facts{Block: b}}
	for _, d := range Disks(c, b, "") {
		// Entries in conflict too: only the conflict itself is a useful complaint.
		partitions := append(d.Result.Partitions[:len(d.Result.Partitions):len(d.Result.Partitions)], d.New()...)
		for _, w := range d.Disk.Partitions {
			partitions = append(partitions, gpt.Partition{Number: w.Number, Label: types.Text(w.Label)})
		}
		for _, p := range partitions {
			add(b.Partition(d.Node, p.Number))
			add(view.partitionPaths(d, p)...)
		}
	}
	for _, r := range c.Storage.Raid {
		add(arrayPaths(r.Name)...)
	}
	for _, l := range c.Storage.Luks {
		add(volumePaths(l.Name)...)
	}
	return made
}

// nameDevices adds the step that gives the devices of a part the names under which later steps use them, and returns it.
func (b *builder) nameDevices(paths []string) []int {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	if len(paths) == 0 {
		return nil
	}
	return []int{b.add("$.storage", op.NameDevices{Paths: paths}, "")}
}

// checkDevices reports every device that neither exists nor is made by the config. Later parts would notice too, but only after
// disks were written to.
func (b *builder) checkDevices() {
	made := Produced(b.c, b.facts.Block)
	check := func(path, device string) {
		if _, _, ok := b.lookup(device); !ok && !made[device] {
			b.failMissing(path, device)
		}
	}
	s := b.c.Storage
	for i, d := range s.Disks {
		check(at("storage", "disks", i, "device"), d.Device)
	}
	for i, r := range s.Raid {
		for j, d := range r.Devices {
			check(at("storage", "raid", i, "devices", j), d)
		}
	}
	for i, l := range s.Luks {
		check(at("storage", "luks", i, "device"), l.Device)
	}
	for i, f := range s.Filesystems {
		if f.Format == nil || *f.Format != filesystem.VirtioFS {
			check(at("storage", "filesystems", i, "device"), f.Device)
		}
	}
}

func (b *builder) failMissing(path, device string) {
	b.fail(path, fmt.Sprintf("%s does not exist, and nothing in the config makes it", device), b.facts.Block.Absent[device])
}

// lookAhead decides on all arrays, volumes and filesystems as far as possible before anything is made, and notes the nodes of
// the devices whose contents will be made.
func (b *builder) lookAhead(ahead *facts.Block, making map[string]bool) {
	for _, r := range b.c.Storage.Raid {
		for _, path := range r.Devices {
			if node, _, ok := ahead.Lookup(path); ok {
				making[node] = true
			}
		}
	}
	for _, l := range b.c.Storage.Luks {
		if node, d, ok := ahead.Lookup(l.Device); ok {
			if v, _ := judgeVolume(l, d); v == renew {
				making[node] = true
			}
		}
	}
	for _, f := range b.c.Storage.Filesystems {
		if node, d, ok := ahead.Lookup(f.Device); ok && hasDevice(f) {
			if v, _ := judgeFilesystem(f, d); v == renew {
				making[node] = true
			}
		}
	}
}
