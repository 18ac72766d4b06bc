// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
)

// Programs returns the helper programs that the disk parts of a config may need, by the path of the first entry that
// needs each.
func Programs(c *types.Config) map[string]string {
	needs := map[string]string{}
	need := func(path string, programs ...string) {
		for _, p := range programs {
			if needs[p] == "" {
				needs[p] = path
			}
		}
	}
	for i := range c.Storage.Raid {
		need(at("storage", "raid", i), "mdadm")
	}
	for i, l := range c.Storage.Luks {
		path := at("storage", "luks", i)
		need(path, "cryptsetup")
		if usesClevis(l) {
			need(path, "clevis")
		}
		if types.True(l.Cex.Enabled) {
			need(path, "zkey", "zkey-cryptsetup")
		}
	}
	for i, f := range c.Storage.Filesystems {
		path := at("storage", "filesystems", i)
		if row, ok := filesystem.Find(types.Text(f.Format)); ok {
			need(path, row.Program)
		}
		if types.Text(f.Path) != "" && filesystem.Mounts(types.Text(f.Format)) {
			need(path, "mount")
		}
	}
	return needs
}

// Kpartx is the program with which udev makes the partitions of a device-mapper disk. Whether it is needed is known once the
// disks are.
const Kpartx = "kpartx"

// checkPrograms reports the helper programs that are missing, all at once.
func (b *builder) checkPrograms() {
	needs := Programs(b.c)
	for i, d := range b.c.Storage.Disks {
		node, _, _ := b.lookup(d.Device)
		if b.facts.Block.Disks[node].Mapping != "" && len(d.Partitions) > 0 && needs[Kpartx] == "" {
			needs[Kpartx] = at("storage", "disks", i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		if there, known := b.facts.Programs[name]; known && !there {
			b.fail(needs[name], "the program "+name+" is needed and is not in the initramfs",
				"add it to the initramfs, for example with dracut --install "+name)
		}
	}
}
