// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// addSubordinates gives a user ranges of subordinate ids in both files.
func (db *DB) addSubordinates(user string) error {
	if err := db.addSubordinate(SubUID, "UID", user); err != nil {
		return err
	}
	return db.addSubordinate(SubGID, "GID", user)
}

// addSubordinate gives a user a range of subordinate ids (subuid(5)), in the first hole that is large enough.
// kind is "UID" or "GID".
func (db *DB) addSubordinate(f File, kind, user string) error {
	t := db.files[f]
	count := db.defs.number("SUB_"+kind+"_COUNT", 65536)
	if !t.exists || count <= 0 {
		return nil
	}
	if t.ranges == nil {
		t.ranges = newRanges(t, db.defs.number("SUB_"+kind+"_MIN", 100000), db.defs.number("SUB_"+kind+"_MAX", 600100000))
	}
	low, ok := t.ranges.hole(count)
	if !ok {
		return fmt.Errorf("no %d subordinate ids are free in %s", count, f)
	}
	t.ranges.added = t.add([]string{user, strconv.Itoa(low), strconv.Itoa(count)})
	return nil
}

// ranges are the lines of a file of subordinate ids, sorted as the shadow suite sorts them whenever it adds one; the new
// one stays at the end until then.
type ranges struct {
	min, max int
	sorted   []*line
	others   []*line // that are not understood
	added    *line   // after the last sort
	next     int     // in sorted: the ranges before it leave no hole
	low      int     // after those
	removed  bool    // a range was
}

func newRanges(t *table, min, max int) *ranges {
	r := &ranges{min: min, max: max, low: min}
	for _, l := range t.head {
		if l.fields == nil {
			r.others = append(r.others, l)
		}
	}
	r.sorted = t.understood()
	t.tail = slices.DeleteFunc(t.tail, func(l *line) bool { return l.fields != nil })
	sort.SliceStable(r.sorted, func(i, j int) bool { return byStart(r.sorted[i], r.sorted[j]) < 0 })
	return r
}

func byStart(a, b *line) int {
	return cmp.Or(cmp.Compare(a.id(1), b.id(1)), cmp.Compare(a.id(2), b.id(2)), cmp.Compare(a.fields[0], b.fields[0]))
}

// lines returns the lines in the order of the file.
func (r *ranges) lines() []*line {
	all := slices.Concat(r.sorted, r.others)
	if r.added != nil {
		all = append(all, r.added)
	}
	return all
}

// hole returns where the first hole of count ids begins. It goes on where the last one was found: all holes have the
// same size, and only removing a range makes one before it.
func (r *ranges) hole(count int) (int, bool) {
	if r.added != nil {
		at, _ := slices.BinarySearchFunc(r.sorted, r.added, byStart)
		r.sorted = slices.Insert(r.sorted, at, r.added)
		r.added = nil
	}
	if r.removed {
		r.sorted = slices.DeleteFunc(r.sorted, func(l *line) bool { return l.gone })
		r.next, r.low, r.removed = 0, r.min, false
	}
	for ; r.next < len(r.sorted); r.next++ {
		l := r.sorted[r.next]
		if min(l.id(1), r.max+1)-r.low >= count {
			return r.low, true
		}
		r.low = max(r.low, l.id(1)+l.id(2))
	}
	return r.low, r.max-r.low+1 >= count
}
