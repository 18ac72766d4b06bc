// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Where files of encrypted volumes are in the target (crypttab(5)).
const (
	crypttab   = "/etc/crypttab"
	luksKeyDir = "/etc/luks"
)

// planLuksFiles writes what the machine needs to open its encrypted volumes at later boots: crypttab, keys, and
// the secure keys of crypto cards.
func planLuksFiles(b *builder) {
	var lines []string
	for i, l := range b.c.Storage.Luks {
		p := at("storage", "luks", i)
		uuid := b.facts.Volumes[l.Name]
		if uuid == "" {
			b.fail(p, fmt.Sprintf("%s has no LUKS header", l.Device), "the disks stage has to run in the same boot")
			continue
		}
		key := "none"
		if !usesClevis(l) {
			key = path.Join(luksKeyDir, l.Name)
			b.volumeKey(p, l, key)
		}
		options := "luks,x-initrd.attach"
		if needsNetwork(l) {
			options = "luks,_netdev,x-initrd.attach"
		}
		lines = append(lines, fmt.Sprintf("%s UUID=%s %s %s", l.Name, uuid, key, options))
	}
	if len(lines) > 0 {
		place := b.facts.Tree.Place(crypttab)
		b.addNode(at("storage", "luks"), place, op.AddCrypttab{Place: op.Place{Path: place}, Lines: lines}, "")
	}
	for _, name := range slices.Sorted(slices.Values(b.in.VolumeKeyFiles)) {
		place := b.facts.Tree.Place(name)
		b.addNode(at("storage", "luks"), place, op.WriteStateFile{
			Place: op.Place{Path: place, Replace: true}, Key: name, Mode: 0o600,
		}, "")
	}
}

func (b *builder) volumeKey(p string, l types.Luks, name string) {
	place := b.facts.Tree.Place(name)
	switch {
	case !slices.Contains(b.in.LuksKeys, l.Name):
		b.fail(p, fmt.Sprintf("the key of encrypted volume %s is not known any more", l.Name),
			"the disks stage has to run in the same boot")
	case b.facts.Tree.Nodes[place].Type != "":
		b.fail(p, fmt.Sprintf("the key of encrypted volume %s cannot be written: %s exists already", l.Name, name),
			"a key is never overwritten: remove the file from the target")
	default:
		b.addNode(p, place, op.WriteVolumeKey{Place: op.Place{Path: place}, Name: l.Name}, "")
	}
}

func needsNetwork(l types.Luks) bool {
	return len(l.Clevis.Tang) > 0 || isTrue(l.Clevis.Custom.NeedsNetwork)
}

// planPlatformFiles writes the files that a platform wants in the target.
func planPlatformFiles(b *builder) {
	for i, name := range b.in.PlatformFiles {
		place := b.facts.Tree.Place(name)
		b.addNode(at(), place, op.WriteStateFile{Place: op.Place{Path: place, Replace: true}, File: i, Mode: 0o644},
			"the platform asks for it")
	}
}

// planRelabel sets the labels of all that was written, at the end.
func planRelabel(b *builder) {
	if b.in.Policy == "" {
		return
	}
	paths := map[string]bool{}
	for _, place := range b.labels {
		paths[place] = true
	}
	if len(b.c.Passwd.Users)+len(b.c.Passwd.Groups) > 0 {
		for _, name := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
			paths["/etc/"+name], paths["/etc/"+name+"-"] = true, true
		}
		paths["/etc/.pwd.lock"] = true
		for _, u := range b.c.Passwd.Users {
			if have, ok := b.database().User(u.Name); ok && !isTrue(u.NoCreateHome) && have.Home != "/" {
				paths[have.Home] = true
			}
		}
	}
	if len(paths) == 0 {
		return
	}
	b.barrier(0, len(b.steps))
	b.add(at(), op.Relabel{Policy: b.in.Policy, Paths: slices.Sorted(maps.Keys(paths))}, "", b.barriers...)
	b.barriers = nil
}
