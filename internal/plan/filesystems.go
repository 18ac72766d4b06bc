// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// A verdict is what to do with the contents of a device.
type verdict int

const (
	leave verdict = iota // nothing is wanted, or the contents match
	renew                // make it, in place of any contents
	erase                // leave nothing
	refuse
)

// Filesystems makes filesystems, and then notes on the disks that the work is finished.
func Filesystems(b *builder) {
	named := b.nameDevices(FilesystemPaths(b.c))
	for i, f := range b.c.Storage.Filesystems {
		path := at("storage", "filesystems", i)
		if !hasDevice(f) {
			continue
		}
		node, d, ok := b.lookup(f.Device)
		if !ok {
			b.failMissing(path+".device", f.Device)
			continue
		}
		if d.Closed && !types.True(f.WipeFilesystem) {
			b.postpone("whether %s is formatted as %s: its contents show when the volume is open", f.Device, *f.Format)
			continue
		}
		b.planFilesystem(path, f, node, d, named)
	}
	b.finishDisks()
}

func (b *builder) planFilesystem(path string, f types.Filesystem, node string, d facts.Device, named []int) {
	v, reason := judgeFilesystem(f, d)
	if v == leave {
		b.warnOthers(path, f.Device, d.Signatures)
	}
	destroy := ""
	if v != leave {
		destroy = losing(d)
	}
	switch {
	case v == refuse:
		b.fail(path, fmt.Sprintf("%s (%s) cannot be used: %s", f.Device, sizeText(d.Size), reason),
			"set wipeFilesystem to have it destroyed")
	case v != leave && d.Uses() != "":
		b.fail(path, fmt.Sprintf("%s cannot be changed: it is %s", f.Device, d.Uses()), freeIt)
	case v == renew:
		row, _ := filesystem.Find(*f.Format)
		b.add(path, op.MakeFilesystem{Device: f.Device, Node: node, Format: *f.Format, Label: f.Label, UUID: f.UUID,
			Program: row.Program, Args: row.Args(f.Options, f.Label, f.UUID), Destroy: destroy}, reason, named...)
	case v == erase:
		b.add(path, op.EraseSignatures{Device: f.Device, Node: node, Destroy: destroy}, reason, named...)
	}
}

// warnOthers warns about signatures besides that of the filesystem that is kept. Keeping them loses nothing, but libblkid, and
// so udev, does not identify such a device.
func (b *builder) warnOthers(path, device string, found []probe.Signature) {
	kept, ambiguous, _ := probe.Content(found)
	if !ambiguous {
		return
	}
	others, types := "", ""
	for _, s := range found {
		if s.Usage != probe.PartTable && s.Type != kept.Type {
			others, types = others+", "+s.String(), types+","+s.Type
		}
	}
	b.warn(path, fmt.Sprintf("%s is kept: it holds %s, which matches the config, but also %s", device, kept, others[2:]),
		"the leftovers keep udev from naming the device by label or UUID; remove them with \"wipefs --all --types "+types[1:]+" "+device+"\"")
}

// hasDevice reports whether an entry is about a block device and asks for something.
func hasDevice(f types.Filesystem) bool {
	return f.Format != nil && *f.Format != filesystem.VirtioFS
}

// judgeFilesystem decides on an entry.
func judgeFilesystem(f types.Filesystem, d facts.Device) (verdict, string) {
	found, _, ok := probe.Content(d.Signatures)
	wipe, other := types.True(f.WipeFilesystem), foreign(d)
	format, real := filesystem.Find(types.Text(f.Format))
	switch {
	case !real && wipe:
		return erase, "wipeFilesystem is set"
	case other != "" && !wipe:
		return refuse, other
	case !real && (!ok || d.Unfinished):
		return leave, ""
	case !real:
		return refuse, "it holds " + found.String() + ", wanted nothing"
	case wipe:
		return renew, "wipeFilesystem is set"
	case !ok:
		return renew, "it is empty"
	case d.Unfinished && d.Predicted:
		return renew, "it is new"
	case d.Unfinished, found.Unfinished:
		return renew, "an earlier run did not finish it"
	case found.Type != format.Name:
		return refuse, fmt.Sprintf("it holds %s, wanted %s", found, format.Name)
	case f.Label != nil && *f.Label != found.Label:
		return refuse, fmt.Sprintf("it holds %s, wanted label %q", found, *f.Label)
	case f.UUID != nil && filesystem.NormalUUID(format.Name, *f.UUID) != filesystem.NormalUUID(format.Name, found.UUID):
		return refuse, fmt.Sprintf("it holds %s, wanted UUID %s", found, *f.UUID)
	}
	return leave, ""
}

// foreign returns why a device without a filesystem or container is not empty: it has partitions, or contents that only udev's
// database knows. It returns "" if the device is empty, or an earlier run was making the contents.
func foreign(d facts.Device) string {
	if _, _, ok := probe.Content(d.Signatures); ok || d.Unfinished {
		return ""
	}
	if table, ok := probe.Table(d.Signatures); ok {
		return "it has a partition table of type " + table.Type
	}
	return recorded(d)
}

// recorded returns what udev's database says about a device's contents.
func recorded(d facts.Device) string {
	if len(d.Udev) == 0 {
		return ""
	}
	text := strconv.QuoteToGraphic(strings.Join(d.Udev, " "))
	return "it is not empty according to udev's database: " + text[1:min(len(text)-1, 200)]
}

// losing describes, for people, the data on a device that will be lost, or is empty.
func losing(d facts.Device) string {
	if len(d.Signatures)+len(d.Udev) == 0 {
		return ""
	}
	return describe(d) + ", " + sizeText(d.Size)
}

// finishDisks notes on every disk, as the last step, that the work on it is finished. Until the machine is sealed, the note
// keeps what the rest of the boot may need: the numbers of partitions that the config does not number, and what a boot after a
// power cut cannot resume and must recreate.
func (b *builder) finishDisks() {
	all := make([]int, len(b.steps))
	for i := range all {
		all[i] = i
	}
	lost := b.notResumable()
	done := map[string]bool{}
	for i, d := range b.c.Storage.Disks {
		node, _, ok := b.lookup(d.Device)
		table := b.facts.Block.Disks[node].Table
		if !ok || done[node] || table == nil || table.Mark == nil || table.Mark.Finished {
			continue
		}
		done[node] = true
		mark := &gpt.Mark{Finished: true, Entry: table.Mark.Entry}
		if n := table.Mark.Numbers; len(n) > 0 && slices.Max(n) <= gpt.MaxMarked {
			mark.Numbers = n
		}
		for _, p := range table.Table.Partitions {
			if lost[b.facts.Block.Partition(node, p.Number)] {
				mark.Content = append(mark.Content, p.Number)
			}
		}
		if len(mark.Numbers)+len(mark.Content) == 0 {
			mark = nil
		}
		b.add(at("storage", "disks", i), op.MarkDisk{Device: d.Device, Node: node, Mark: mark, Header: op.MarkHeader(table.Table)}, "", all...)
	}
}

// notResumable returns the nodes that a later boot would refuse: array members, which are never reused, and volumes
// whose key exists only in this boot's memory.
func (b *builder) notResumable() map[string]bool {
	lost := map[string]bool{}
	for _, r := range b.c.Storage.Raid {
		for _, d := range r.Devices {
			if node, _, ok := b.lookup(d); ok {
				lost[node] = true
			}
		}
	}
	for _, l := range b.c.Storage.Luks {
		if node, _, ok := b.lookup(l.Device); ok && (usesClevis(l) || types.Text(l.KeyFile.Source) == "") {
			lost[node] = true
		}
	}
	return lost
}
