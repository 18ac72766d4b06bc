// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"fmt"
	"slices"
	"strings"
)

// Wanted is one partition as a config asks for it.
type Wanted struct {
	Number            int     // 0: the lowest free one
	Label             *string // nil: not wanted
	Type, ID          GUID    // zero: not wanted
	StartMiB, SizeMiB *int    // nil: as it is, or as 0 if new; 0: fill the largest free block
	Absent            bool    // the slot must be empty
	Wipe              bool    // a partition that differs may be replaced
	Resize            bool    // a partition that differs only in size may be resized
}

// A Verb is the kind of change of one partition.
type Verb string

// The verbs. Replace deletes a partition and makes another one in its slot; Resize changes only the size.
const (
	Keep    Verb = "keep"
	Create  Verb = "create"
	Delete  Verb = "delete"
	Replace Verb = "replace"
	Resize  Verb = "resize"
)

// A Change is the planned change for one wanted entry. Old is the existing partition, unless the verb is Create; New is the
// future one, unless the verb is Delete.
type Change struct {
	Entry    int // index of the wanted entry
	Verb     Verb
	Old, New Partition
}

// Number returns the slot of the changed partition.
func (c Change) Number() int { return max(c.Old.Number, c.New.Number) }

// A Conflict is a wanted entry that cannot be satisfied.
type Conflict struct {
	Entry  int        // index of the wanted entry
	Number int        // its slot
	Old    *Partition // the partition in the slot; nil: none
	Reason string
	Hint   string
}

// Choices are the inputs of a plan that come from neither the table nor the config.
type Choices struct {
	// NewID returns the GUID of a new partition without a wanted GUID.
	NewID func(number int) GUID
	// Numbers lists the numbers that an earlier run gave to the entries without number, in order. Plan gives them again.
	// Without them, such an entry always takes a free slot.
	Numbers []int
}

// Plan decides how a table must change to have the wanted partitions, and returns the resulting table. Entries without
// number come last. It returns all conflicts, not only the first. If there is any, the table must not be written.
func (t Table) Plan(wanted []Wanted, c Choices) (Table, []Change, []Conflict) {
	p := &planner{old: t, wanted: slices.Clone(wanted), choices: c, align: t.alignment()}
	p.number()
	p.place()
	p.decide()
	result := p.build()
	return result, p.changes, p.conflicts
}

type planner struct {
	old       Table
	wanted    []Wanted // numbers filled in by number
	choices   Choices
	align     Sectors
	order     []int         // indexes of wanted, those without number last
	taken     map[int]bool  // slots that were given to entries without number
	places    map[int]Block // entry -> its future place
	changes   []Change
	conflicts []Conflict
}

func (p *planner) conflict(entry int, reason, hint string) {
	c := Conflict{Entry: entry, Number: p.wanted[entry].Number, Reason: reason, Hint: hint}
	if old, ok := p.old.Find(c.Number); ok {
		c.Old = &old
	}
	p.conflicts = append(p.conflicts, c)
}

// number fixes the order of the entries and gives numbers to those without.
func (p *planner) number() {
	used := map[int]bool{}
	for _, o := range p.old.Partitions {
		used[o.Number] = true
	}
	var unnumbered []int
	for i, w := range p.wanted {
		if w.Number == 0 {
			unnumbered = append(unnumbered, i)
			continue
		}
		p.order = append(p.order, i)
		used[w.Number] = !w.Absent
	}
	p.order = append(p.order, unnumbered...)
	p.taken = map[int]bool{}
	next := 1
	for i, entry := range unnumbered {
		var n int
		if i < len(p.choices.Numbers) {
			n = p.choices.Numbers[i]
		} else {
			for used[next] {
				next++
			}
			n = next
		}
		used[n], p.taken[n] = true, true
		p.wanted[entry].Number = n
	}
}

// place finds the place of every entry that is to exist. It makes all of them on a copy of the table without the partitions
// that the config names.
func (p *planner) place() {
	p.places = map[int]Block{}
	trial := p.old
	for _, i := range p.order {
		trial = trial.without(p.wanted[i].Number)
	}
	for _, i := range p.order {
		w := p.wanted[i]
		if w.Absent {
			continue
		}
		block, err := p.locate(trial, w)
		if err == nil {
			var made Table
			if made, err = trial.with(Partition{Number: w.Number, First: block.First, Last: block.Last}); err == nil {
				trial, p.places[i] = made, block
				continue
			}
		}
		p.conflict(i, "there is no room for it: "+err.Error(), p.room(trial))
	}
}

// room describes the free space of a table for people.
func (p *planner) room(t Table) string {
	var blocks []string
	for _, b := range t.Free() {
		if mib := uint64(b.size()) * uint64(t.SectorSize) >> 20; mib > 0 {
			blocks = append(blocks, fmt.Sprintf("%d MiB from %d MiB", mib, uint64(b.First)*uint64(t.SectorSize)>>20))
		}
	}
	if len(blocks) == 0 {
		return "no space is free on the disk"
	}
	return "free on the disk: " + strings.Join(blocks, ", ")
}

// locate returns the place of an entry on a table.
func (p *planner) locate(t Table, w Wanted) (Block, error) {
	start, err := p.sectors(w.StartMiB)
	if err != nil {
		return Block{}, fmt.Errorf("startMiB %w", err)
	}
	size, err := p.sectors(w.SizeMiB)
	if err != nil {
		return Block{}, fmt.Errorf("sizeMiB %w", err)
	}
	if old, ok := p.old.Find(w.Number); ok && !w.Wipe {
		if w.StartMiB == nil {
			start = old.First
		}
		if w.SizeMiB == nil {
			size = old.Size()
		}
	}
	if start != 0 && size != 0 {
		return Block{start, start + size - 1}, nil
	}
	free, ok := t.largest()
	if !ok {
		return Block{}, fmt.Errorf("no space is free")
	}
	if start == 0 {
		if start = free.start(p.align); size > free.Last-start+1 {
			return Block{}, fmt.Errorf("the largest free block, sectors %d to %d, is too small for %d sectors from %d on",
				free.First, free.Last, size, start)
		}
	}
	if size != 0 {
		return Block{start, start + size - 1}, nil
	}
	if start < free.First || start > free.Last {
		return Block{}, fmt.Errorf("sector %d is outside the largest free block, sectors %d to %d, whose end the partition "+
			"must reach", start, free.First, free.Last)
	}
	return Block{start, free.Last}, nil
}

// sectors converts a number of MiB; nil is 0.
func (p *planner) sectors(mib *int) (Sectors, error) {
	if mib == nil {
		return 0, nil
	}
	perMiB := (1 << 20) / p.old.SectorSize
	if *mib < 0 || uint64(*mib) > 1<<43 { // an int has 32 bits on some machines
		return 0, fmt.Errorf("%d is not the size of anything on a disk", *mib)
	}
	return Sectors(*mib) * Sectors(perMiB), nil
}

// decide chooses the verb for every entry.
func (p *planner) decide() {
	for _, i := range p.order {
		w := p.wanted[i]
		old, exists := p.old.Find(w.Number)
		switch {
		case w.Absent && (!exists || p.taken[w.Number]):
		case w.Absent && !w.Wipe:
			p.conflict(i, "it exists, but must not", "set wipePartitionEntry to have it deleted")
		case w.Absent:
			p.changes = append(p.changes, Change{Entry: i, Verb: Delete, Old: old})
		default:
			if place, ok := p.places[i]; ok {
				p.decidePresent(i, w, old, exists, p.partition(w, place))
			}
		}
	}
}

// partition returns the new partition for an entry.
func (p *planner) partition(w Wanted, place Block) Partition {
	n := Partition{Number: w.Number, Type: w.Type, ID: w.ID, First: place.First, Last: place.Last}
	if n.Type.IsZero() {
		n.Type = LinuxData
	}
	if n.ID.IsZero() {
		n.ID = p.choices.NewID(w.Number)
	}
	if w.Label != nil {
		n.Label = *w.Label
	}
	return n
}

// decidePresent chooses the verb for an entry that is to exist.
func (p *planner) decidePresent(i int, w Wanted, old Partition, exists bool, made Partition) {
	c := Change{Entry: i, Verb: Create, Old: old, New: made}
	if exists {
		differs := w.differences(old, made)
		switch {
		case len(differs) == 0:
			c.Verb, c.New = Keep, old
		case w.Wipe:
			c.Verb = Replace
		case w.Resize && len(differs) == 1 && old.First == made.First && old.Size() != made.Size():
			c.Verb, c.New = Resize, old
			c.New.Last = made.Last
		default:
			hint := "set wipePartitionEntry to have it replaced"
			if len(differs) == 1 && old.First == made.First && old.Size() != made.Size() {
				hint = "set resize to have its size changed, or wipePartitionEntry to have it replaced"
			}
			p.conflict(i, "it exists and differs: "+strings.Join(differs, ", "), hint)
			return
		}
	}
	p.changes = append(p.changes, c)
}

// differences lists the wanted properties that a partition does not have. The size is one of them.
func (w Wanted) differences(old, made Partition) []string {
	var d []string
	note := func(what string, is, wanted any) { d = append(d, fmt.Sprintf("%s is %v, wanted %v", what, is, wanted)) }
	if old.First != made.First {
		note("its first sector", old.First, made.First)
	}
	if old.Size() != made.Size() {
		note("its size in sectors", old.Size(), made.Size())
	}
	if !w.Type.IsZero() && old.Type != w.Type {
		note("its type", old.Type, w.Type)
	}
	if !w.ID.IsZero() && old.ID != w.ID {
		note("its GUID", old.ID, w.ID)
	}
	if w.Label != nil && old.Label != *w.Label {
		note("its label", fmt.Sprintf("%q", old.Label), fmt.Sprintf("%q", *w.Label))
	}
	return d
}

// build applies the changes to the table: first the deletions, then the additions, in the order of the entries.
func (p *planner) build() Table {
	t := p.old
	for _, c := range p.changes {
		if c.Verb != Keep && c.Verb != Create {
			t = t.without(c.Old.Number)
		}
	}
	for _, c := range p.changes {
		if c.Verb == Keep || c.Verb == Delete {
			continue
		}
		made, err := t.with(c.New)
		if err != nil {
			p.conflict(c.Entry, "it cannot be made: "+err.Error(), p.room(t))
			continue
		}
		t = made
	}
	return t
}
