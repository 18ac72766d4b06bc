// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// A verdict is what is to be done with what a device holds.
type verdict int

const (
	leave verdict = iota // nothing is wanted, or what is wanted is there
	renew                // make it, in place of whatever is there
	erase                // leave nothing
	refuse
)

// planFilesystems makes filesystems, and then notes on the disks that the work is finished.
func planFilesystems(b *builder) {
	named := b.nameDevices(filesystemPaths(b.c))
	for i, f := range b.c.Storage.Filesystems {
		path := at("storage", "filesystems", i)
		if !hasDevice(f) {
			continue
		}
		node, d, ok := b.facts.Block.Lookup(f.Device)
		if !ok {
			b.failMissing(path+".device", f.Device)
			continue
		}
		b.planFilesystem(path, f, node, d, named)
	}
	b.finishDisks()
}

func (b *builder) planFilesystem(path string, f types.Filesystem, node string, d facts.Device, named []int) {
	v, reason := judgeFilesystem(f, d)
	if _, ambiguous, _ := probe.Content(d.Signatures); ambiguous && v == leave {
		b.warn(path, fmt.Sprintf("%s has several signatures at once; the first counts: %v", f.Device, d.Signatures), "")
	}
	destroy := ""
	if v != leave && len(d.Signatures) > 0 {
		destroy = describe(d) + ", " + sizeText(d.Size)
	}
	switch {
	case v == refuse:
		b.fail(path, fmt.Sprintf("%s (%s) cannot be used: %s", f.Device, sizeText(d.Size), reason),
			"set wipeFilesystem to have it destroyed")
	case v != leave && d.Uses() != "":
		b.fail(path, fmt.Sprintf("%s cannot be changed: it is %s", f.Device, d.Uses()), "")
	case v == renew:
		b.add(path, op.MakeFilesystem{Device: f.Device, Node: node, Format: *f.Format, Label: f.Label, UUID: f.UUID,
			Options: f.Options, Destroy: destroy}, reason, named...)
	case v == erase:
		b.add(path, op.EraseSignatures{Device: f.Device, Node: node, Destroy: destroy}, reason, named...)
	}
}

// hasDevice tells whether an entry is about a block device and asks for something.
func hasDevice(f types.Filesystem) bool {
	return f.Format != nil && *f.Format != filesystem.VirtioFS
}

// judgeFilesystem decides on an entry.
func judgeFilesystem(f types.Filesystem, d facts.Device) (verdict, string) {
	found, _, ok := probe.Content(d.Signatures)
	wipe := isTrue(f.WipeFilesystem)
	format, real := filesystem.Find(text(f.Format))
	switch {
	case !real && wipe:
		return erase, "wipeFilesystem is set"
	case !real && (!ok || d.Unfinished):
		return leave, ""
	case !real:
		return refuse, "it holds " + found.String() + " and shall hold nothing"
	case wipe:
		return renew, "wipeFilesystem is set"
	case d.Unfinished, ok && found.Unfinished:
		return renew, "an earlier run did not finish it"
	case !ok:
		return renew, "it is empty"
	case found.Type != format.Name:
		return refuse, fmt.Sprintf("it holds %s, wanted %s", found, format.Name)
	case f.Label != nil && *f.Label != found.Label:
		return refuse, fmt.Sprintf("it holds %s, wanted label %q", found, *f.Label)
	case f.UUID != nil && filesystem.NormalUUID(format.Name, *f.UUID) != filesystem.NormalUUID(format.Name, found.UUID):
		return refuse, fmt.Sprintf("it holds %s, wanted UUID %s", found, *f.UUID)
	}
	return leave, ""
}

// finishDisks notes on every disk, once all else is done, that the work on it is finished. Only a disk that has
// partitions without number in the config keeps the note: a later run for the same entry gives the same numbers.
func (b *builder) finishDisks() {
	all := make([]int, len(b.steps))
	for i := range all {
		all[i] = i
	}
	done := map[string]bool{}
	for i, d := range b.c.Storage.Disks {
		node, _, ok := b.facts.Block.Lookup(d.Device)
		table := b.facts.Block.Disks[node].Table
		if !ok || done[node] || table == nil || table.Mark == nil || table.Mark.Finished {
			continue
		}
		done[node] = true
		var mark *gpt.Mark
		if len(table.Mark.Numbers) > 0 && slices.Max(table.Mark.Numbers) <= gpt.MaxMarked {
			mark = &gpt.Mark{Finished: true, Entry: table.Mark.Entry, Numbers: table.Mark.Numbers}
		}
		b.add(at("storage", "disks", i), op.MarkDisk{Device: d.Device, Node: node, Mark: mark}, "", all...)
	}
}
