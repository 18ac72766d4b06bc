// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

// A State describes a machine such that two machines can be compared. Disks and partitions have their nodes as names; arrays
// are "array NAME" and volumes "volume NAME".
type State struct {
	Disks   map[string]Table
	Devices map[string]Contents
}

// A Table is the partition table of a disk.
type Table struct {
	GPT        bool
	Damage     []string // findings of package gpt
	Note       string   // the text of an earlier run's mark
	ID         string
	Partitions []Partition
	InKernel   bool // the kernel has exactly the partitions of the table
}

// A Partition is one entry of a table.
type Partition struct {
	Number            int
	First, Last       uint64
	Label, Type, GUID string
}

// Contents describes the data on a device.
type Contents struct {
	Size       int64
	Type       string
	Label      string
	UUID       string
	Ambiguous  bool // there are several signatures
	Whole      bool // the program that made it has finished
	Flags      []string
	Unlockers  []string // what opens the volume
	Unreliable string   // what is wrong
	MountedOn  []string
}

// invented stands for an identifier that a program or the engine made up.
const invented = "invented"

// State describes the machine. It replaces identifiers that keep refuses by a constant: invented ones differ between two
// machines that are otherwise the same.
func (m *Machine) State(keep func(id string) bool) State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{Disks: map[string]Table{}, Devices: map[string]Contents{}}
	name := func(id string) string {
		if id == "" || keep(strings.ToLower(id)) {
			return strings.ToLower(id)
		}
		return invented
	}
	for _, node := range slices.Sorted(maps.Keys(m.devices)) {
		d := m.devices[node]
		if d.image != nil {
			s.Disks[node] = m.table(d, name)
		}
		c := m.contents(d)
		c.UUID = name(c.UUID)
		switch {
		case d.array != nil && d.array.active:
			node = "array " + d.array.name
		case d.array != nil:
			node = "incomplete array " + d.array.name
		case d.volume != nil:
			node = "volume " + d.volume.name
		}
		s.Devices[node] = c
	}
	return s
}

// table describes the partition table of a disk.
func (m *Machine) table(d *device, name func(string) string) Table {
	found, err := gpt.Read(view{m, d}, d.size, d.sector)
	if err != nil {
		return Table{}
	}
	t := Table{GPT: true, ID: name(found.Table.ID.String()), InKernel: true}
	for _, f := range found.Findings {
		t.Damage = append(t.Damage, f.String())
	}
	if found.Mark != nil {
		note := *found.Mark
		note.Entry = [32]byte{}
		t.Note = noteText(note)
	}
	known := m.partitionsOf(d.node)
	t.InKernel = len(known) == len(found.Table.Partitions)
	for i, p := range found.Table.Partitions {
		t.Partitions = append(t.Partitions, Partition{
			p.Number, uint64(p.First), uint64(p.Last), p.Label, strings.ToLower(p.Type.String()), name(p.ID.String()),
		})
		sector := int64(d.sector)
		t.InKernel = t.InKernel && known[i].part.number == p.Number && known[i].part.start == int64(p.First)*sector &&
			known[i].size == int64(p.Size())*sector
	}
	return t
}

func noteText(k gpt.Mark) string {
	text := "unfinished"
	if k.Finished {
		text = "finished"
	}
	for _, set := range []struct {
		name    string
		numbers []int
	}{{"created", k.Created}, {"content", k.Content}, {"again", k.Again}, {"numbers", k.Numbers}} {
		if len(set.numbers) > 0 {
			text += fmt.Sprintf(", %s %v", set.name, set.numbers)
		}
	}
	return text
}

// contents describes the data on a device. The lock must be held.
func (m *Machine) contents(d *device) Contents {
	c := Contents{Size: d.size, Whole: true}
	for _, mount := range m.mounts {
		if mount.Source == d.node {
			c.MountedOn = append(c.MountedOn, mount.Point)
		}
	}
	found, err := probe.Probe(view{m, d}, d.size, d.sector)
	if err != nil {
		c.Unreliable = err.Error()
		return c
	}
	s, ambiguous, ok := probe.Content(found)
	if !ok {
		return c
	}
	c.Type, c.Label, c.UUID, c.Ambiguous, c.Flags = s.Type, s.Label, s.UUID, ambiguous, s.Flags
	switch {
	case s.Type == "crypto_LUKS":
		h, ok := m.readHeader(d)
		if c.Whole = ok; ok {
			c.Unlockers = m.unlockers(d, h)
		}
	case s.Unfinished:
		c.Whole = false
	case s.Type == "ext4" || s.Type == "xfs" || s.Type == "btrfs":
		c.Whole = m.hasBody(d, s.Type)
	case s.Type == "linux_raid_member":
		b, ok := m.readMember(d)
		c.Whole, c.Label, c.UUID = ok, b.level+" "+b.name, ""
	}
	return c
}

// hasBody reports whether a filesystem is complete and was made by one run.
func (m *Machine) hasBody(d *device, format string) bool {
	run, page := make([]byte, 16), make([]byte, pageSize)
	m.read(d, run, runPlaces()[format])
	for _, offset := range bodyPlaces() {
		if offset+pageSize > d.size {
			continue
		}
		if m.read(d, page, offset); !bytes.Equal(page, bodyPage(run, offset)) {
			return false
		}
	}
	return true
}
