// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// image is a disk in memory.
type image []byte

func (m image) reader() *bytes.Reader { return bytes.NewReader(m) }

func (m image) apply(groups [][]Write) {
	for _, w := range slices.Concat(groups...) {
		copy(m[w.Offset:], w.Data)
	}
}

func (m image) read(t *testing.T, sectorSize int) Found {
	t.Helper()
	f, err := Read(m.reader(), int64(len(m)), sectorSize)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func guid(n int) GUID { return GUID{0: byte(n), 1: byte(n >> 8), 15: 0x42} }

func newTable(t *testing.T, sectorSize, mib int) Table {
	t.Helper()
	table, err := New(sectorSize, Sectors(mib<<20/sectorSize), guid(999))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// randomTable fills a table with partitions at random places, in random slots.
func randomTable(t *testing.T, rnd *rand.Rand, sectorSize int) Table {
	table := newTable(t, sectorSize, 2+rnd.IntN(6))
	for range rnd.IntN(12) {
		free := table.Free()
		if len(free) == 0 {
			break
		}
		b := free[rnd.IntN(len(free))]
		first := b.First + Sectors(rnd.Uint64N(uint64(b.size())))
		p := Partition{
			Number: 1 + rnd.IntN(table.Slots), Type: LinuxData, ID: guid(rnd.IntN(1 << 16)),
			First: first, Last: first + Sectors(rnd.Uint64N(uint64(b.Last-first+1))),
			Label: []string{"", "root", "übermäßig", "日本語 💾"}[rnd.IntN(4)], Attributes: rnd.Uint64(),
		}
		if with, err := table.with(p); err == nil {
			table = with
		}
	}
	return table
}

func encode(t *testing.T, table Table, old Found, m *Mark) [][]Write {
	t.Helper()
	groups, err := table.Encode(old, m)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestEncodeIsReadBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		table := randomTable(t, rnd, []int{512, 4096}[i%2])
		disk := make(image, int(table.Sectors)*table.SectorSize)
		disk.apply(encode(t, table, Found{}, nil))
		got := disk.read(t, table.SectorSize)
		table.Protected = true
		if d := cmp.Diff(Found{Table: table}, got, cmp.FilterPath(hidden, cmp.Ignore())); d != "" {
			t.Fatalf("table %d (-wrote +read):\n%s", i, d)
		}
	}
}

func hidden(p cmp.Path) bool { return p.Last().String() == ".entries" }

// After any subset of the writes that a power cut may leave, the disk has the old table or the new one, also for readers
// that look only for a table visible to the kernel. The same holds for the writes after a first power cut.
func TestEveryPowerCutLeavesOldOrNew(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 12 {
		sectorSize := []int{512, 4096}[i%2]
		before := randomTable(t, rnd, sectorSize)
		disk := make(image, int(before.Sectors)*sectorSize)
		disk.apply(encode(t, before, Found{}, nil))
		old := disk.read(t, sectorSize)
		after := old.Table
		if len(after.Partitions) > 0 {
			after = after.without(after.Partitions[0].Number)
		}
		later := after // the next boot invents other identifiers
		later.Partitions = slices.Clone(after.Partitions)
		for j := range later.Partitions {
			later.Partitions[j].ID = guid(20000 + j)
		}
		check := func(cut image, marked bool) {
			got := cut.read(t, sectorSize)
			isOld := slices.Equal(got.Table.Partitions, before.Partitions)
			isNew := slices.Equal(got.Table.Partitions, after.Partitions) || slices.Equal(got.Table.Partitions, later.Partitions)
			if !isOld && !isNew {
				t.Fatalf("a third table: %+v", got.Table.Partitions)
			}
			if hidden, is := got.Hidden(); is && (got.Mark == nil || !isNew) {
				t.Fatalf("%s, and nothing says that it is our own doing", hidden)
			}
			if marked && got.Mark == nil {
				t.Fatal("the mark is lost")
			}
		}
		mark := &Mark{Created: []int{7}}
		disk.cuts(rnd, sectorSize, encode(t, after, old, mark), func(cut image) {
			check(cut, false)
			again := cut.read(t, sectorSize)
			cut.cuts(rnd, sectorSize, encode(t, later, again, mark), func(twice image) { check(twice, again.Mark != nil) })
		})
	}
}

// cuts calls do with the disk's contents after power cuts: between groups, and within each, with some of the group's
// sectors.
func (m image) cuts(rnd *rand.Rand, sectorSize int, groups [][]Write, do func(image)) {
	done := image(bytes.Clone(m))
	for _, g := range groups {
		partial := image(bytes.Clone(done))
		for _, w := range g {
			for at := 0; at < len(w.Data); at += sectorSize {
				if rnd.IntN(2) == 0 {
					copy(partial[w.Offset+int64(at):], w.Data[at:min(len(w.Data), at+sectorSize)])
				}
			}
		}
		do(partial)
		done.apply([][]Write{g})
		do(image(bytes.Clone(done)))
	}
}

func TestFreshDiskShowsNoTableBeforeItIsWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	table, err := newTable(t, 512, 16).with(Partition{Number: 9, Type: LinuxData, ID: guid(3), First: 2048, Last: 4095})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		disk := make(image, 16<<20)
		n := 0
		groups := encode(t, table, Found{}, &Mark{})
		disk.cuts(rnd, 512, groups, func(cut image) {
			n++
			got, err := Read(cut.reader(), int64(len(cut)), 512)
			if err != nil && !errors.Is(err, ErrNone) {
				t.Fatalf("cut %d: %v", n, err)
			}
			if _, hides := got.Hidden(); err == nil && !hides && n < 2*len(groups)-1 {
				t.Fatalf("cut %d: the kernel sees a table", n)
			}
		})
	}
}

func TestDamageIsNamed(t *testing.T) {
	whole := make(image, 16<<20)
	table, err := newTable(t, 512, 16).with(Partition{Number: 3, Type: LinuxData, ID: guid(3), First: 2048, Last: 4095})
	if err != nil {
		t.Fatal(err)
	}
	whole.apply(encode(t, table, Found{}, nil))
	end := len(whole)
	cases := []struct {
		name   string
		damage func(image) image
		want   []Problem
	}{
		{"none", func(m image) image { return m }, nil},
		{"primary header", func(m image) image { m[512+40]++; return m }, []Problem{PrimaryDamaged}},
		{"primary header gone", func(m image) image { clear(m[512:1024]); return m }, []Problem{PrimaryDamaged}},
		// As a signed number of 32 bits, these lengths are negative.
		{"length of the primary header", func(m image) image { m[512+15] = 0x80; return m }, []Problem{PrimaryDamaged}},
		{"length of the backup header", func(m image) image { m[end-512+15] = 0xff; return m }, []Problem{BackupDamaged}},
		{"primary entry", func(m image) image { m[1024+2*128+40]++; return m }, []Problem{PrimaryDamaged}},
		{"backup header", func(m image) image { m[end-512+90]++; return m }, []Problem{BackupDamaged}},
		{"backup entry", func(m image) image { m[end-33*512]++; return m }, []Problem{BackupDamaged}},
		{"protective MBR", func(m image) image { m[510] = 0; return m }, []Problem{NoProtectiveMBR}},
		{"disk has grown", func(m image) image { return append(m, make(image, 1<<20)...) }, []Problem{BackupMisplaced}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.damage(bytes.Clone(whole)).read(t, 512)
			var problems []Problem
			for _, f := range got.Findings {
				problems = append(problems, f.Problem)
			}
			if !slices.Equal(problems, c.want) {
				t.Errorf("found %v, want %v", got.Findings, c.want)
			}
			if !cmp.Equal(got.Table.Partitions, table.Partitions) {
				t.Errorf("partitions are %+v", got.Table.Partitions)
			}
		})
	}
}

func TestNoTable(t *testing.T) {
	for _, size := range []int{0, 100, 2048, 1 << 20} {
		if _, err := Read(make(image, size).reader(), int64(size), 512); !errors.Is(err, ErrNone) {
			t.Errorf("%d bytes of zero: %v", size, err)
		}
	}
}

func TestBothCopiesDamagedIsAnError(t *testing.T) {
	disk := make(image, 16<<20)
	disk.apply(encode(t, newTable(t, 512, 16), Found{}, nil))
	disk[600]++
	disk[512+24]++
	disk[len(disk)-512+24]++
	if _, err := Read(disk.reader(), int64(len(disk)), 512); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("error is %v", err)
	}
}

func TestUntouchedEntriesKeepAllBytes(t *testing.T) {
	disk := make(image, 16<<20)
	table, _ := newTable(t, 512, 16).with(Partition{Number: 1, Type: LinuxData, ID: guid(1), First: 2048, Last: 4095})
	disk.apply(encode(t, table, Found{}, nil))
	old := disk.read(t, 512)
	copy(old.entries[56:], []byte{0x00, 0xD8, 'x', 0}) // half of a surrogate pair
	old.Table.Partitions[0].Label = "\uFFFDx"
	more, err := old.Table.with(Partition{Number: 2, Type: LinuxData, ID: guid(2), First: 8192, Last: 9000})
	if err != nil {
		t.Fatal(err)
	}
	disk.apply(encode(t, more, old, nil))
	if got := disk[1024+56:][:4]; !bytes.Equal(got, []byte{0x00, 0xD8, 'x', 0}) {
		t.Errorf("the label's bytes became % x", got)
	}
}

func TestMark(t *testing.T) {
	table := newTable(t, 512, 16)
	disk := make(image, 16<<20)
	want := &Mark{Entry: [32]byte{1, 2}, Created: []int{1, 8, 9, 256}, Content: []int{128}, Again: []int{127}, Numbers: []int{9, 1}}
	disk.apply(encode(t, table, Found{}, want))
	got := disk.read(t, 512)
	if marked, err := Marked(bytes.NewReader(disk), int64(len(disk)), 512); err != nil || !marked {
		t.Errorf("the disk may hold a mark: %v, %v", marked, err)
	}
	if d := cmp.Diff(want, got.Mark); d != "" {
		t.Errorf("(-wrote +read):\n%s", d)
	}
	for _, next := range []*Mark{{Finished: true, Numbers: []int{4}}, nil} {
		w, err := got.EncodeMark(next)
		if err != nil {
			t.Fatal(err)
		}
		disk.apply([][]Write{{w}})
		if again := disk.read(t, 512); !cmp.Equal(again.Mark, next) || len(again.Findings) > 0 {
			t.Errorf("mark is %+v, findings %v", again.Mark, again.Findings)
		}
		if marked, err := Marked(bytes.NewReader(disk), int64(len(disk)), 512); err != nil || marked != (next != nil) {
			t.Errorf("with mark %+v the disk may hold one: %v, %v", next, marked, err)
		}
	}
}

func TestGUID(t *testing.T) {
	const text = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	if got := fmt.Sprintf("%x", LinuxData[:8]); got != "af3dc60f83847247" {
		t.Errorf("on disk: %s", got)
	}
	if LinuxData.String() != text {
		t.Errorf("as text: %s", LinuxData)
	}
	for _, bad := range []string{"", "x", text[1:], "0FC63DAF-8483-4772-8E79-3D69D8477DEG", "0FC63DAF84834772-8E79-3D69D8477DE4----"} {
		if _, err := ParseGUID(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// resum corrects the checksums of a header, as far as its fields allow.
func resum(disk image, at int) {
	if at < 0 || len(disk) < at+512 {
		return
	}
	h, le := disk[at:at+512], binary.LittleEndian
	array, length := le.Uint64(h[72:])*512, uint64(le.Uint32(h[80:]))*uint64(le.Uint32(h[84:]))
	if array < uint64(len(disk)) && length < uint64(len(disk))-array {
		le.PutUint32(h[88:], crc32.ChecksumIEEE(disk[array:][:length]))
	}
	clear(h[16:20])
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:headerSize]))
}

// For any contents of a disk, Read returns an error, or a table that Plan accepts.
func FuzzRead(f *testing.F) {
	const size = 80 * 512
	disk := make(image, size)
	table, err := New(512, 80, guid(1))
	if err != nil {
		f.Fatal(err)
	}
	table, _ = table.with(Partition{Number: 2, Type: LinuxData, ID: guid(2), Label: "a", First: 36, Last: 39})
	groups, err := table.Encode(Found{}, &Mark{Created: []int{2}})
	if err != nil {
		f.Fatal(err)
	}
	disk.apply(groups)
	f.Add([]byte(disk), uint8(0))
	f.Add([]byte(disk), uint8(4))
	f.Add(make([]byte, 4096), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, kind uint8) {
		if kind >= 4 {
			raw = bytes.Clone(raw)
			resum(raw, 512)
			resum(raw, len(raw)/512*512-512)
		}
		found, err := Read(bytes.NewReader(raw), int64(len(raw)), []int{512, 4096, 1536}[kind%3])
		if err != nil {
			return
		}
		result, _, _ := found.Table.Plan([]Wanted{{}, {Number: 2, Wipe: true}}, Choices{NewID: guid})
		// Encode refuses a table that cannot be written, and does not panic.
		_, _ = result.Encode(found, found.Mark)
	})
}
