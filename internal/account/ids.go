// SPDX-License-Identifier: Apache-2.0

package account

import (
	"container/heap"
	"fmt"
)

// ids are the ids in use, and the ways to choose new ones.
type ids struct {
	used    map[int]int // how many accounts have each
	pickers map[ladder]*picker
}

// ladder is a range of ids and the way through it: up, or down for system accounts.
type ladder struct {
	low, high int
	down      bool
}

func newIDs(tables ...*table) *ids {
	s := &ids{used: map[int]int{}, pickers: map[ladder]*picker{}}
	for _, t := range tables {
		for _, l := range t.understood() {
			s.used[l.id(2)]++
		}
	}
	return s
}

func (s *ids) take(id int) {
	if s.used[id]++; s.used[id] == 1 {
		for _, p := range s.pickers {
			p.taken(id)
		}
	}
}

func (s *ids) free(id int) {
	if s.used[id]--; s.used[id] == 0 {
		for _, p := range s.pickers {
			p.freed(id)
		}
	}
}

// choose returns a free id as the shadow suite does: system ids count down from below the lowest one in use, others up from
// above the highest. Only when no id is left that way does it fill holes.
func (s *ids) choose(l ladder) (int, bool) {
	p := s.pickers[l]
	if p == nil {
		p = &picker{ladder: l, used: s.used}
		p.hole = p.step(l.low)
		if l.down {
			p.hole = p.step(l.high)
		}
		for id, n := range s.used {
			if n > 0 {
				p.taken(id)
			}
		}
		s.pickers[l] = p
	}
	return p.choose()
}

// picker chooses ids of one ladder. It counts in steps, which go up on every ladder.
type picker struct {
	ladder
	used  map[int]int
	ahead steps // minus the steps that are or were in use: the farthest is on top
	holes steps // steps before hole that were freed; the nearest is on top
	hole  int   // all steps before it are in use or in holes
}

func (p *picker) step(id int) int {
	if p.down {
		return -id
	}
	return id
}

// id is the inverse of step, which is its own.
func (p *picker) id(step int) int { return p.step(step) }

func (p *picker) inside(id int) bool { return p.low <= id && id <= p.high }

func (p *picker) taken(id int) {
	if p.inside(id) {
		heap.Push(&p.ahead, -p.step(id))
	}
}

func (p *picker) freed(id int) {
	if p.inside(id) && p.step(id) < p.hole {
		heap.Push(&p.holes, p.step(id))
	}
}

func (p *picker) choose() (int, bool) {
	for len(p.ahead) > 0 && p.used[p.id(-p.ahead[0])] == 0 {
		heap.Pop(&p.ahead)
	}
	if p.low > p.high {
		return 0, false
	}
	if len(p.ahead) == 0 {
		if p.down {
			return p.high, true
		}
		return p.low, true
	}
	if next := p.id(-p.ahead[0] + 1); p.inside(next) {
		return next, true
	}
	for len(p.holes) > 0 && p.used[p.id(p.holes[0])] > 0 {
		heap.Pop(&p.holes)
	}
	if len(p.holes) > 0 {
		return p.id(p.holes[0]), true
	}
	for p.inside(p.id(p.hole)) && p.used[p.id(p.hole)] > 0 {
		p.hole++
	}
	return p.id(p.hole), p.inside(p.id(p.hole))
}

// steps is a heap with the lowest on top.
type steps []int

func (s steps) Len() int           { return len(s) }
func (s steps) Less(i, j int) bool { return s[i] < s[j] }
func (s steps) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *steps) Push(x any)        { *s = append(*s, x.(int)) }
func (s *steps) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// newUID chooses the id of a new user.
func (db *DB) newUID(system bool) (int, error) {
	low, high := db.defs.ids("UID", system)
	id, ok := db.userIDs.choose(ladder{low, high, system})
	if !ok {
		return 0, fmt.Errorf("no user id from %d to %d is free (login.defs)", low, high)
	}
	return id, nil
}

// newGID chooses the id of a new group; the preferred one, if it is in the range and free.
func (db *DB) newGID(system bool, preferred int) (int, error) {
	low, high := db.defs.ids("GID", system)
	if preferred >= low && preferred <= high && db.groupIDs.used[preferred] == 0 {
		return preferred, nil
	}
	id, ok := db.groupIDs.choose(ladder{low, high, system})
	if !ok {
		return 0, fmt.Errorf("no group id from %d to %d is free (login.defs)", low, high)
	}
	return id, nil
}
