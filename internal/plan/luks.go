// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// planLUKS makes or opens all encrypted volumes.
func planLUKS(b *builder) {
	named := b.nameDevices(luksPaths(b.c))
	for i, l := range b.c.Storage.Luks {
		path := at("storage", "luks", i)
		node, d, ok := b.facts.Block.Lookup(l.Device)
		if !ok {
			b.failMissing(path+".device", l.Device)
			continue
		}
		v, reason := judgeVolume(l, d)
		paths := volumePaths(l.Name)
		switch {
		case v == refuse:
			b.fail(path, fmt.Sprintf("%s (%s) cannot be used for %s: %s", l.Device, sizeText(d.Size), l.Name, reason),
				"set wipeVolume to have it destroyed")
		case d.Uses() != "":
			b.fail(path, fmt.Sprintf("%s cannot be used for %s: it is %s", l.Device, l.Name, d.Uses()), "")
		case v == renew:
			destroy := ""
			if len(d.Signatures) > 0 {
				destroy = describe(d) + ", " + sizeText(d.Size)
			}
			b.add(path, op.MakeVolume{Index: i, Name: l.Name, Device: l.Device, Node: node, Paths: paths[1:], Destroy: destroy}, reason, named...)
		default:
			b.add(path, op.OpenVolume{Index: i, Name: l.Name, Device: l.Device, Node: node, Paths: paths[1:]}, reason, named...)
		}
	}
}

// judgeVolume decides on an entry. That the key fits, and what the volume's own flags are, shows when it is opened.
func judgeVolume(l types.Luks, d facts.Device) (verdict, string) {
	found, _, ok := probe.Content(d.Signatures)
	switch {
	case isTrue(l.WipeVolume):
		return renew, "wipeVolume is set"
	case d.Unfinished:
		return renew, "an earlier run did not finish it"
	case !ok:
		return renew, "it is empty"
	case found.Type != "crypto_LUKS":
		return refuse, "it holds " + found.String()
	case found.Version != "2":
		return refuse, "it holds LUKS of version " + found.Version
	case usesClevis(l):
		return refuse, "it holds a LUKS volume, and one with clevis is never reused"
	case text(l.KeyFile.Source) == "":
		return refuse, "it holds a LUKS volume, and without keyFile.source nobody has its key"
	case l.Label != nil && *l.Label != found.Label:
		return refuse, fmt.Sprintf("it holds a LUKS volume labelled %q, wanted %q", found.Label, *l.Label)
	case l.UUID != nil && *l.UUID != found.UUID:
		return refuse, fmt.Sprintf("it holds LUKS volume %s, wanted %s", found.UUID, *l.UUID)
	}
	return leave, "it is the one that is wanted"
}
