// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"testing"
	"unsafe"
)

func TestPartitionUUID(t *testing.T) {
	for uuid, want := range map[string]struct {
		number int
		disk   string
	}{
		"part1-mpath-3600140":    {1, "mpath-3600140"},
		"part12-LVM-x-y":         {12, "LVM-x-y"},
		"part0-mpath-x":          {},
		"part1-":                 {},
		"part-mpath-x":           {},
		"part70000-mpath-x":      {},
		"part1":                  {},
		"partx-mpath-x":          {},
		"mpath-3600140":          {},
		"CRYPT-LUKS2-part1-x":    {},
		"":                       {},
		"part18446744073709551-": {},
	} {
		number, disk, ok := partitionUUID(uuid)
		if ok != (want.number > 0) || ok && (number != want.number || disk != want.disk) {
			t.Errorf("%q: %d of %q, %v; want %d of %q", uuid, number, disk, ok, want.number, want.disk)
		}
	}
}

func TestLinearTable(t *testing.T) {
	if at := unsafe.Offsetof(dmTable{}.sector); at != 312 {
		t.Errorf("the header has %d bytes, but that of the kernel 312", at)
	}
	for _, c := range []struct {
		targets          uint32
		kind, parameters string
		want             int64
		fails            bool
	}{
		{1, "linear", "253:0 2048", 2048 * 512, false},
		{1, "linear", "253:0", 0, true},
		{1, "linear", "253:0 x", 0, true},
		{2, "linear", "253:0 2048", 0, true},
		{1, "multipath", "2 0 1 1", 0, true},
		{0, "", "", 0, true},
	} {
		table := dmTable{targets: c.targets}
		copy(table.kind[:], c.kind)
		copy(table.parameters[:], c.parameters)
		if got, err := table.start(); got != c.want || (err != nil) != c.fails {
			t.Errorf("%d of %s %q: %d, %v; want %d", c.targets, c.kind, c.parameters, got, err, c.want)
		}
	}
}
