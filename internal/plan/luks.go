// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// LUKS makes or opens all encrypted volumes.
func LUKS(b *builder) {
	named := b.nameDevices(LUKSPaths(b.c))
	for i, l := range b.c.Storage.Luks {
		path := at("storage", "luks", i)
		node, d, ok := b.lookup(l.Device)
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
			b.fail(path, fmt.Sprintf("%s cannot be used for %s: it is %s", l.Device, l.Name, d.Uses()), freeIt)
		case v == renew:
			o := op.MakeVolume{
				Name: l.Name, Device: l.Device, Node: node, Paths: paths[1:], Destroy: losing(d), Key: b.volumeKeySource(l),
				Format: formatArgs(l), Open: openArgs(l), Secure: types.True(l.Cex.Enabled),
			}
			if usesClevis(l) {
				o.Bind = b.binding(path+".clevis", l.Clevis)
				o.DropKey = o.Key.Generated
			}
			b.add(path, o, reason, named...)
		default:
			b.add(path, op.OpenVolume{
				Name: l.Name, Device: l.Device, Node: node, Paths: paths[1:], Key: b.volumeKeySource(l), Open: openArgs(l),
			}, reason, named...)
		}
	}
}

// judgeVolume decides on an entry. Whether the key fits shows only when it is tried.
func judgeVolume(l types.Luks, d facts.Device) (verdict, string) {
	found, _, ok := probe.Content(d.Signatures)
	switch {
	case types.True(l.WipeVolume):
		return renew, "wipeVolume is set"
	case foreign(d) != "":
		return refuse, foreign(d)
	case !ok:
		return renew, "it is empty"
	case d.Unfinished && d.Predicted:
		return renew, "it is new"
	case d.Unfinished:
		return renew, "an earlier run did not finish it"
	case found.Type != "crypto_LUKS":
		return refuse, "it holds " + found.String()
	case found.Version != "2":
		return refuse, "it holds LUKS of version " + found.Version
	case usesClevis(l):
		return refuse, "it holds a LUKS volume, and one with clevis is never reused"
	case types.Text(l.KeyFile.Source) == "":
		return refuse, "it holds a LUKS volume, and without keyFile.source nobody has its key"
	case l.Label != nil && *l.Label != found.Label:
		return refuse, fmt.Sprintf("it holds a LUKS volume labeled %q, wanted %q", found.Label, *l.Label)
	case l.UUID != nil && *l.UUID != found.UUID:
		return refuse, fmt.Sprintf("it holds LUKS volume %s, wanted %s", found.UUID, *l.UUID)
	case slices.Contains(found.Flags, "allow-discards") != types.True(l.Discard):
		return refuse, fmt.Sprintf("it holds a LUKS volume with discard %v, wanted %v", !types.True(l.Discard), types.True(l.Discard))
	}
	return leave, "it matches the config"
}

// checkKeys tries the keys of the volumes that will be reused, as far as they exist already, and returns the steps: a wrong key
// must show before anything is written.
func (b *builder) checkKeys(ahead *facts.Block, before []int) []int {
	type check struct {
		entry int
		op.CheckVolume
	}
	var checks []check
	var paths []string
	for i, l := range b.c.Storage.Luks {
		node, d, ok := ahead.Lookup(l.Device)
		now, today, there := b.lookup(l.Device)
		if !ok || !there || node != now || contentID(d) != contentID(today) {
			continue
		}
		v, _ := judgeVolume(l, d)
		vToday, _ := judgeVolume(l, today)
		if v == leave && vToday == leave {
			checks = append(checks, check{i, op.CheckVolume{Name: l.Name, Device: l.Device, Node: node, Key: b.volumeKeySource(l)}})
			paths = append(paths, l.Device)
		}
	}
	named := append(b.nameDevices(paths), before...)
	var steps []int
	for _, c := range checks {
		steps = append(steps, b.add(at("storage", "luks", c.entry), c.CheckVolume, "", named...))
	}
	return steps
}

// fetchKeys gets the keys that come from the network, and returns the steps: a key that cannot be fetched must show before
// anything is written.
func (b *builder) fetchKeys() []int {
	var steps []int
	for i, l := range b.c.Storage.Luks {
		if c, ok := b.content(l.KeyFile); ok && c.Remote {
			steps = append(steps, b.add(at("storage", "luks", i, "keyFile"), op.FetchKey{Name: l.Name, Content: c}, ""))
		}
	}
	return steps
}

// contentID returns the UUID of the contents of a device.
func contentID(d facts.Device) string {
	s, _, _ := probe.Content(d.Signatures)
	return s.UUID
}

// usesClevis reports whether clevis(1) unlocks a volume.
func usesClevis(l types.Luks) bool {
	c := l.Clevis
	return types.Text(c.Custom.Pin) != "" || len(c.Tang) > 0 || types.True(c.TPM2)
}
