// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// newID chooses an id as the shadow suite does: system ids go down from below the lowest one in use, others up
// from above the highest one in use; only if that way is exhausted, holes are used.
func newID(used map[int]int, low, high int, system bool) (int, bool) {
	free := func(id int) bool { return used[id] == 0 }
	lowest, highest := high, low
	for id, n := range used {
		if n > 0 && id >= low && id <= high {
			lowest, highest = min(lowest, id-1), max(highest, id+1)
		}
	}
	if system {
		for _, from := range []int{lowest, high} {
			for id := from; id >= low; id-- {
				if free(id) {
					return id, true
				}
			}
		}
		return 0, false
	}
	for _, from := range []int{highest, low} {
		for id := from; id <= high; id++ {
			if free(id) {
				return id, true
			}
		}
	}
	return 0, false
}

// newUID chooses the id of a new user.
func (db *DB) newUID(system bool) (int, error) {
	low, high := db.defs.ids("UID", system)
	id, ok := newID(db.userIDs, low, high, system)
	if !ok {
		return 0, fmt.Errorf("no user id from %d to %d is free (login.defs)", low, high)
	}
	return id, nil
}

// newGID chooses the id of a new group; the preferred one, if it is in the range and free.
func (db *DB) newGID(system bool, preferred int) (int, error) {
	low, high := db.defs.ids("GID", system)
	if preferred >= low && preferred <= high && db.groupIDs[preferred] == 0 {
		return preferred, nil
	}
	id, ok := newID(db.groupIDs, low, high, system)
	if !ok {
		return 0, fmt.Errorf("no group id from %d to %d is free (login.defs)", low, high)
	}
	return id, nil
}

// addSubordinates gives a user ranges of subordinate ids in both files.
func (db *DB) addSubordinates(user string) error {
	if err := db.addSubordinate(SubUID, "UID", user); err != nil {
		return err
	}
	return db.addSubordinate(SubGID, "GID", user)
}

// addSubordinate gives a user a range of subordinate ids (subuid(5)), in the first hole that is large enough.
// kind is "UID" or "GID". The file is sorted by it, as the shadow suite leaves it.
func (db *DB) addSubordinate(f File, kind, user string) error {
	t := db.files[f]
	count := db.defs.number("SUB_"+kind+"_COUNT", 65536)
	if !t.exists || count <= 0 {
		return nil
	}
	low := db.defs.number("SUB_"+kind+"_MIN", 100000)
	high := db.defs.number("SUB_"+kind+"_MAX", 600100000)
	slices.SortStableFunc(t.lines, func(a, b *line) int {
		if a.fields == nil || b.fields == nil { // what is not understood goes last
			return cmp.Compare(btoi(a.fields == nil), btoi(b.fields == nil))
		}
		startA, countA := subordinate(a)
		startB, countB := subordinate(b)
		return cmp.Or(cmp.Compare(startA, startB), cmp.Compare(countA, countB), cmp.Compare(a.fields[0], b.fields[0]))
	})
	for _, l := range t.lines {
		if l.fields == nil {
			continue
		}
		start, n := subordinate(l)
		if min(start, high+1)-low >= count {
			break
		}
		low = max(low, start+n)
	}
	if high-low+1 < count {
		return fmt.Errorf("no %d subordinate ids are free in %s", count, f)
	}
	t.add([]string{user, strconv.Itoa(low), strconv.Itoa(count)})
	return nil
}

func subordinate(l *line) (start, count int) {
	start, _ = strconv.Atoi(l.fields[1])
	count, _ = strconv.Atoi(l.fields[2])
	return start, count
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
