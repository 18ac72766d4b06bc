// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

func ref[T any](v T) *T { return &v }

// Decisions over a disk of 64 MiB, on which partition 1 "a" takes 1 to 10 MiB, partition 3 "c" 20 to 30 MiB.
func TestPlan(t *testing.T) {
	base := newTable(t, 512, 64)
	for _, p := range []Partition{
		{Number: 1, Label: "a", Type: LinuxData, ID: guid(1), First: 2048, Last: 20479, Attributes: 4},
		{Number: 3, Label: "c", Type: LinuxData, ID: guid(3), First: 40960, Last: 61439, Attributes: 1 << 63},
	} {
		var err error
		if base, err = base.with(p); err != nil {
			t.Fatal(err)
		}
	}
	// A 64-bit int can hold numbers that are too large for a count of sectors; a 32-bit int cannot.
	largest := "conflict 2: is not the size of anything"
	if strconv.IntSize == 32 {
		largest = "conflict 2: too small for"
	}
	cases := []struct {
		name    string
		wanted  []Wanted
		numbers []int
		want    string // verb number first+size ..., or the conflict
	}{
		{"nothing", nil, nil, ""},
		{"kept", []Wanted{{Number: 1, Label: ref("a")}}, nil, "keep 1 2048+18432"},
		{"kept whatever it is", []Wanted{{Number: 3}}, nil, "keep 3 40960+20480"},
		{"new one in the largest block", []Wanted{{Number: 2}}, nil, "create 2 61440+69599"},
		{"lowest free numbers", []Wanted{{Label: ref("x"), SizeMiB: ref(1)}, {Label: ref("y"), SizeMiB: ref(1)}}, nil,
			"create 2 61440+2048, create 4 63488+2048"},
		{"numbers of an earlier run", []Wanted{{Label: ref("a")}}, []int{1}, "keep 1 2048+18432"},
		{"numbered first, unnumbered last", []Wanted{{Label: ref("x"), SizeMiB: ref(2)}, {Number: 2, SizeMiB: ref(1)}}, nil,
			"create 2 61440+2048, create 4 63488+4096"},
		{"explicit place", []Wanted{{Number: 2, StartMiB: ref(12), SizeMiB: ref(3)}}, nil, "create 2 24576+6144"},
		{"explicit place is taken", []Wanted{{Number: 2, StartMiB: ref(5), SizeMiB: ref(3)}}, nil, "conflict 2: no room: overlap"},
		{"rest of a block that is not the largest", []Wanted{{Number: 2, StartMiB: ref(12)}}, nil,
			"conflict 2: outside the largest free block"},
		{"label differs", []Wanted{{Number: 1, Label: ref("b")}}, nil, `conflict 1: its label is "a", wanted "b"`},
		{"replaced", []Wanted{{Number: 1, Label: ref("b"), Wipe: true, SizeMiB: ref(1)}}, nil, "replace 1 61440+2048"},
		{"size differs", []Wanted{{Number: 1, SizeMiB: ref(5)}}, nil, "conflict 1: set resize"},
		{"resized", []Wanted{{Number: 1, SizeMiB: ref(5), Resize: true}}, nil, "resize 1 2048+10240"},
		{"grown into what follows", []Wanted{{Number: 1, SizeMiB: ref(40), Resize: true}}, nil, "conflict 1: overlap"},
		{"resize does not move", []Wanted{{Number: 1, StartMiB: ref(40), SizeMiB: ref(5), Resize: true}}, nil, "conflict 1: differs"},
		{"grown to the end", []Wanted{{Number: 3, SizeMiB: ref(0), Resize: true}}, nil, "resize 3 40960+90079"},
		{"absent is absent", []Wanted{{Number: 2, Absent: true}}, nil, ""},
		{"deletion not allowed", []Wanted{{Number: 1, Absent: true}}, nil, "conflict 1: set wipePartitionEntry"},
		{"deleted", []Wanted{{Number: 1, Absent: true, Wipe: true}}, nil, "delete 1 2048+18432"},
		{"slot freed and given away", []Wanted{{Number: 1, Absent: true, Wipe: true}, {Label: ref("n"), Wipe: true}}, nil,
			"replace 1 61440+69599"},
		{"slot freed, given away and not allowed", []Wanted{{Number: 1, Absent: true, Wipe: true}, {Label: ref("n")}}, nil,
			`conflict 1: wanted "n"`},
		{"slot out of range", []Wanted{{Number: 129}}, nil, "conflict 129: slots 1 to 128"},
		{"negative slot", []Wanted{{Number: -1}}, nil, "conflict -1: slots 1 to 128"},
		{"negative size", []Wanted{{Number: 2, SizeMiB: ref(-1)}}, nil, "conflict 2: sizeMiB -1"},
		{"too large", []Wanted{{Number: 2, SizeMiB: ref(math.MaxInt32)}}, nil, "conflict 2: too small for"},
		{"the largest number", []Wanted{{Number: 2, SizeMiB: ref(math.MaxInt)}}, nil, largest},
		{"type differs", []Wanted{{Number: 1, Type: guid(5)}}, nil, "conflict 1: its type is"},
		{"guid differs", []Wanted{{Number: 1, ID: guid(5)}}, nil, "conflict 1: its GUID is"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, changes, conflicts := base.Plan(c.wanted, Choices{NewID: guid, Numbers: c.numbers})
			if number, reason, ok := strings.Cut(strings.TrimPrefix(c.want, "conflict "), ": "); ok {
				if len(conflicts) != 1 || fmt.Sprint(conflicts[0].Number) != number ||
					!strings.Contains(conflicts[0].Reason+conflicts[0].Hint, strings.TrimPrefix(reason, "no room: ")) {
					t.Errorf("conflicts are %+v, want %s", conflicts, c.want)
				}
				return
			}
			var got []string
			for _, ch := range changes {
				p := ch.New
				if ch.Verb == Delete {
					p = ch.Old
				}
				got = append(got, fmt.Sprintf("%s %d %d+%d", ch.Verb, p.Number, p.First, p.Size()))
			}
			if s := strings.Join(got, ", "); s != c.want || len(conflicts) > 0 {
				t.Errorf("plan is %s\nwant    %s\n%+v", s, c.want, conflicts)
			}
		})
	}
}

// Planning again on the result changes nothing.
func TestPlanConverges(t *testing.T) {
	table := newTable(t, 4096, 128)
	wanted := []Wanted{
		{Number: 1, Label: ref("boot"), SizeMiB: ref(16)}, {Number: 2, SizeMiB: ref(7), StartMiB: ref(30)}, {Number: 4, SizeMiB: ref(0)},
	}
	made, changes, conflicts := table.Plan(wanted, Choices{NewID: guid})
	if len(changes) != 3 || len(conflicts) != 0 {
		t.Fatal(changes, conflicts)
	}
	_, changes, conflicts = made.Plan(wanted, Choices{NewID: guid})
	for _, c := range changes {
		if c.Verb != Keep {
			t.Errorf("%+v", c)
		}
	}
	if len(conflicts) > 0 {
		t.Error(conflicts)
	}
}

func TestResizeKeepsTheRest(t *testing.T) {
	table, err := newTable(t, 512, 64).with(Partition{
		Number: 1, Label: "a", Type: guid(9), ID: guid(1), First: 2048, Last: 4095, Attributes: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	made, _, conflicts := table.Plan([]Wanted{{Number: 1, SizeMiB: ref(9), Resize: true}}, Choices{NewID: guid})
	want := Partition{Number: 1, Label: "a", Type: guid(9), ID: guid(1), First: 2048, Last: 20479, Attributes: 5}
	if len(conflicts) > 0 || made.Partitions[0] != want {
		t.Errorf("%+v %v", made.Partitions, conflicts)
	}
}
