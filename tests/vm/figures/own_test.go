// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// The ranks are those of tables of the sign test.
func TestMedianWithin(t *testing.T) {
	for n, rank := range map[int]int{6: 1, 8: 1, 9: 2, 12: 3, 20: 6, 30: 10, 50: 18} {
		var sorted []time.Duration
		for i := range n {
			sorted = append(sorted, time.Duration(i+1))
		}
		low, high := medianWithin(sorted)
		if int(low) != rank || int(high) != n+1-rank {
			t.Errorf("of %d values: from the one of rank %d to that of rank %d, want %d and %d", n, low, high, rank, n+1-rank)
		}
	}
}
