// SPDX-License-Identifier: Apache-2.0

package diag

import "strings"

// Distance returns how many letters must be added, removed, replaced or swapped with their neighbor to turn one name
// into the other, ignoring case. Names longer than 64 bytes are far from all others.
func Distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	a, b = strings.ToLower(a), strings.ToLower(b)
	var row [3][longest + 1]int // the row before the last, the last, this one
	for j := range len(b) + 1 {
		row[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[2][0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[2][j] = min(row[1][j]+1, row[2][j-1]+1, row[1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[2][j] = min(row[2][j], row[0][j-2]+1)
			}
		}
		row[0], row[1] = row[1], row[2]
	}
	return row[1][len(b)]
}

// tolerance is how many letters of a name may be wrong: a third, but at least one and at most three.
func tolerance(name string) int { return max(1, min(3, len(name)/3)) }

// Similar reports whether a name may be a misspelling of another.
func Similar(name, other string) bool { return name != "" && Distance(name, other) <= tolerance(name) }

// Closest returns the candidate that a name was probably meant to be, the first of those that are equally close. It
// returns false if none is similar.
func Closest(name string, candidates []string) (string, bool) {
	best, distance := "", tolerance(name)+1
	for _, c := range candidates {
		if d := Distance(name, c); d < distance && name != "" {
			best, distance = c, d
		}
	}
	return best, distance <= tolerance(name)
}
