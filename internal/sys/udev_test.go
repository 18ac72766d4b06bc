// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Records of udev's database: a partition inherits its disk's properties.
func TestOwnContents(t *testing.T) {
	const disk = "S:disk/by-id/x\nI:123\nE:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=iso9660\n"
	for record, want := range map[string][]string{
		"": nil,
		"E:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=iso9660\nE:ID_PART_ENTRY_NUMBER=1\n": nil,
		"E:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=new\n":                               {"ID_FS_TYPE=new"},
		"E:ID_PART_TABLE_TYPE=dos\n":                                                 {"ID_PART_TABLE_TYPE=dos"},
		"E:ID_FS_AMBIVALENT=filesystem:a:1 filesystem:b:\nE:ID_FS_TYPE=\n":           {"ID_FS_AMBIVALENT=filesystem:a:1 filesystem:b:"},
		"E:XID_FS_TYPE=new\nG:ID_FS_TYPE=new\nE:ID_FS_TYPE_X=new":                    nil,
	} {
		if got := ownContents(record, disk); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", record, got, want)
		}
	}
}

// A record that is older than a write to the device is outdated until udev replaces it. No other record is.
func TestOutdatedRecords(t *testing.T) {
	data, notes := t.TempDir(), filepath.Join(t.TempDir(), "notes")
	write := func(name, text string) { // as udev does
		t.Helper()
		temp := filepath.Join(data, ".#"+name)
		if err := os.WriteFile(temp, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("b1:1", "old")
	write("b1:2", "old")
	for _, name := range []string{"b1:1", "b1:1", "b1:3"} { // b1:3 has no record
		if err := outdate(data, notes, name); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, name string, want bool) {
		t.Helper()
		if got := outdated(data, notes, name); got != want {
			t.Errorf("%s: %s is outdated: %v", when, name, got)
		}
	}
	check("written", "b1:1", true)
	check("written", "b1:2", false)
	write("b1:1", "new")
	write("b1:3", "new")
	check("looked at again", "b1:1", false)
	check("looked at again", "b1:3", false)
	if err := outdate(data, notes, "b1:1"); err != nil {
		t.Fatal(err)
	}
	check("written again", "b1:1", true)
}
