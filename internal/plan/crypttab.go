// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Where files of encrypted volumes are in the target (crypttab(5)).
const (
	Crypttab = "/etc/crypttab"
	KeyDir   = "/etc/luks"
)

// planCrypttab writes what the machine needs to open its encrypted volumes in later boots: crypttab, keys, and the secure keys
// of crypto cards.
func planCrypttab(b *builder) {
	lines := b.crypttab()
	for i, l := range b.c.Storage.Luks {
		if !usesClevis(l) && b.volumeUUID(l) != "" {
			b.volumeKey(at("storage", "luks", i), l, path.Join(KeyDir, l.Name))
		}
	}
	if place := b.facts.Tree.Place(Crypttab); len(lines) > 0 && b.regular(at("storage", "luks"), place) {
		b.addNode(at("storage", "luks"), place, op.AddCrypttab{Place: op.Place{Path: place}, Lines: lines}, "")
	}
	for _, name := range slices.Sorted(slices.Values(b.facts.Handover.VolumeKeyFiles)) {
		b.leftFile(at("storage", "luks"), name, 0o600, "")
	}
}

// crypttab returns the lines for all volumes.
func (b *builder) crypttab() []string {
	var lines []string
	for i, l := range b.c.Storage.Luks {
		uuid := b.volumeUUID(l)
		if uuid == "" {
			b.fail(at("storage", "luks", i), fmt.Sprintf("%s has no LUKS header", l.Device), "run the disks stage in the same boot")
			continue
		}
		key := "none"
		if !usesClevis(l) {
			key = path.Join(KeyDir, l.Name)
		}
		options := "luks,x-initrd.attach"
		if needsNetwork(l) {
			options = "luks,_netdev,x-initrd.attach"
		}
		lines = append(lines, fmt.Sprintf("%s UUID=%s %s %s", l.Name, uuid, key, options))
	}
	return lines
}

// NamesVolumes reports whether a plan names encrypted volumes by the UUIDs in their headers.
func NamesVolumes(p op.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s op.Step) bool { return s.Op.Kind() == op.AddCrypttab{}.Kind() })
}

// Renew returns the plan of an interrupted run with the UUIDs that its volumes have now: the disks stage of a later boot may have
// made them again. A step that changes has another id, so no record says that it is done.
func Renew(p op.Plan, doc config.Document, f facts.Facts) Result {
	return Build(p.Part, func(b *builder) {
		lines := b.crypttab()
		for _, s := range p.Steps {
			if o, is := s.Op.(op.AddCrypttab); is && !slices.Equal(o.Lines, lines) {
				o.Lines = lines
				id, err := op.ID(o, 0)
				if err != nil {
					b.fail(s.Path, err.Error(), "")
				}
				s.ID, s.Op = id, o
			}
			b.steps = append(b.steps, s)
		}
	}, doc, f, Inputs{})
}

// volumeUUID returns the UUID in the header of a volume, or "".
func (b *builder) volumeUUID(l types.Luks) string {
	_, d, _ := b.lookup(l.Device)
	for _, s := range d.Signatures {
		if s.Type == "crypto_LUKS" {
			return s.UUID
		}
	}
	return ""
}

func (b *builder) volumeKey(p string, l types.Luks, name string) {
	place := b.facts.Tree.Place(name)
	switch {
	case !slices.Contains(b.facts.Handover.Keys, l.Name):
		b.fail(p, fmt.Sprintf("the key of encrypted volume %s was not left by the disks stage", l.Name),
			"run the disks stage in the same boot")
	case b.facts.Tree.Nodes[place].Type != "":
		b.fail(p, fmt.Sprintf("the key of encrypted volume %s cannot be written: %s exists already", l.Name, name),
			"a key is never overwritten: remove the file from the target")
	default:
		b.addNode(p, place, op.WriteVolumeKey{Place: op.Place{Path: place}, Name: l.Name, Key: op.VolumeKey(l.Name)}, "")
	}
}

// needsNetwork reports whether a volume can only be unlocked with the network.
func needsNetwork(l types.Luks) bool {
	return len(l.Clevis.Tang) > 0 || types.True(l.Clevis.Custom.NeedsNetwork)
}
