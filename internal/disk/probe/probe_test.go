// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

func TestContent(t *testing.T) {
	sig := func(kind string, u Usage) Signature { return Signature{Type: kind, Usage: u} }
	ext4, xfs, gpt := sig("ext4", Filesystem), sig("xfs", Filesystem), sig("gpt", PartTable)
	cases := []struct {
		name      string
		found     []Signature
		want      string
		ambiguous bool
	}{
		{"nothing", nil, "", false},
		{"only a table", []Signature{gpt}, "", false},
		{"one", []Signature{ext4, gpt}, "ext4", false},
		{"two", []Signature{xfs, ext4}, "xfs", true},
		{"a member hides the rest", []Signature{sig("linux_raid_member", RAID), ext4, xfs}, "linux_raid_member", false},
		{"swap beside a filesystem", []Signature{sig("swap", Other), ext4}, "swap", true},
		{"optical media", []Signature{sig("udf", Filesystem), sig("iso9660", Filesystem)}, "udf", false},
	}
	for _, c := range cases {
		s, ambiguous, ok := Content(c.found)
		if s.Type != c.want || ambiguous != c.ambiguous || ok != (c.want != "") {
			t.Errorf("%s: %q, ambiguous %v, found %v", c.name, s.Type, ambiguous, ok)
		}
	}
}

func TestUnfinishedXFS(t *testing.T) {
	image := make([]byte, 64<<10)
	copy(image, "XFSB\x00\x00\x10\x00")
	image[91], image[126] = 1, 1
	found, err := Probe(bytes.NewReader(image), int64(len(image)), 512)
	if err != nil || len(found) != 1 || !found[0].Unfinished {
		t.Errorf("%+v, %v", found, err)
	}
}

// Copies are erased together with the superblock. Without it, as after wipefs(8), they do not count as a filesystem.
func TestCopies(t *testing.T) {
	put := func(image []byte, start int64) {
		copy(image[start+0x40:], btrfsMagic)
		le.PutUint64(image[start+0x30:], uint64(start))
	}
	image := make([]byte, 65<<20)
	put(image, 64<<20)
	if found, err := Probe(bytes.NewReader(image), int64(len(image)), 512); err != nil || len(found) > 0 {
		t.Errorf("a copy alone: %v, %v", found, err)
	}
	put(image, 64<<10)
	found, err := Probe(bytes.NewReader(image), int64(len(image)), 512)
	want := []Extent{{64<<20 + 0x40, 8}, {64<<10 + 0x40, 8}}
	if err != nil || len(found) != 1 || !slices.Equal(Erase(found), want) {
		t.Errorf("found %v, %v; erased %v", found, err, Erase(found))
	}
}

func TestReadErrorIsNotAnEmptyDevice(t *testing.T) {
	r := io.NewSectionReader(bytes.NewReader(make([]byte, 4096)), 0, 4096)
	if _, err := Probe(r, 1<<20, 512); !errors.Is(err, io.EOF) {
		t.Errorf("error is %v", err)
	}
}

func TestDstring(t *testing.T) {
	for raw, want := range map[string]string{
		"\x08plain   \x00\x00\x09": "plain   ", "\x08f\xf6\xf6\x00\x04": "föö", "\x10\x03\xbb\x20\x13\x05": "λ–",
		"\x10\x03\xbb\x20\xff": "λ", "\x08\x00": "", "\x07abc\x04": "", "\x00": "",
	} {
		if got := dstring([]byte(raw)); got != want {
			t.Errorf("%q is %q, want %q", raw, got, want)
		}
	}
}

func TestUDFUUID(t *testing.T) {
	for set, want := range map[string]string{
		"": "", "short": "", "1122334455667788set": "1122334455667788", "11223344DDEEFF00": "11223344ddeeff00",
		"11223344set name": "1122334473657420", "20c624ac": "20c624ac00000000", "any set name": "616e792073657420",
	} {
		if got := udfUUID(set); got != want {
			t.Errorf("%q is %q, want %q", set, got, want)
		}
	}
}

func TestMountable(t *testing.T) {
	for kind, want := range map[string]bool{"ext4": true, "zfs_member": false, "oracleasm": false} {
		if got := (Signature{Type: kind, Usage: Filesystem}).Mountable(); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
	if (Signature{Type: "crypto_LUKS", Usage: Crypto}).Mountable() {
		t.Error("a container is not mountable")
	}
}

func TestStringEscapes(t *testing.T) {
	s := Signature{Type: "ddf_raid_member", UUID: "a\x1b[2J\n\xde"}
	if got, want := s.String(), `ddf_raid_member (a\x1b[2J\n\xde)`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// counter counts what is read of an endless blank device.
type counter struct {
	reads int
	bytes int64
}

func (c *counter) ReadAt(b []byte, _ int64) (int, error) {
	clear(b)
	c.reads++
	c.bytes += int64(len(b))
	return len(b), nil
}

// Two reads cover nearly all of the places on a blank device, because the number of requests costs more than their length.
func TestReadsOfBlankDevice(t *testing.T) {
	for _, c := range []struct {
		size, bytes int64
		reads       int
	}{{64 << 10, 64 << 10, 1}, {1 << 20, 1 << 20, 1}, {16 << 20, 5 << 19, 5}, {1 << 40, 5 << 19, 5}} {
		seen := &counter{}
		if found, err := Probe(seen, c.size, 512); err != nil || len(found) > 0 {
			t.Errorf("found %v, %v", found, err)
		}
		t.Logf("%d bytes: %d reads, %d bytes", c.size, seen.reads, seen.bytes)
		if seen.reads > c.reads || seen.bytes > c.bytes {
			t.Errorf("of %d bytes: %d reads, %d bytes; want %d, %d", c.size, seen.reads, seen.bytes, c.reads, c.bytes)
		}
	}
}

// once fails the test if a byte of an image is read twice.
type once struct {
	io.ReaderAt
	t    *testing.T
	left int
}

func (w *once) ReadAt(b []byte, at int64) (int, error) {
	if w.left -= len(b); w.left < 0 {
		w.t.Errorf("%d bytes at %d are read again", len(b), at)
	}
	return w.ReaderAt.ReadAt(b, at)
}

// For any contents of a device, probing ends and reads each byte at most once. After erasing the result, a second probe
// finds nothing.
func FuzzProbe(f *testing.F) {
	for _, row := range slices.Concat(formats...) {
		image := make([]byte, 72<<10)
		d := newDevice(bytes.NewReader(image), int64(len(image)), 512)
		magics := row.magics
		if row.places != nil {
			magics = append(magics[:len(magics):len(magics)], row.places(d)...)
		}
		for _, m := range magics {
			if m.offset < 0 {
				m.offset += int64(len(image))
			}
			if m.offset >= 0 && m.offset < int64(len(image)) {
				copy(image[m.offset:], m.text)
			}
		}
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		image = slices.Clone(image)
		for range 2 {
			found, err := Probe(&once{bytes.NewReader(image), t, len(image)}, int64(len(image)), 512)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range Erase(found) {
				clear(image[e.Offset:][:e.Length])
			}
			if len(found) == 0 {
				return
			}
		}
		if found, _ := Probe(bytes.NewReader(image), int64(len(image)), 512); len(found) > 0 {
			t.Errorf("left over: %v", found)
		}
	})
}

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		if _, err := Probe(&counter{}, 1<<40, 512); err != nil {
			b.Fatal(err)
		}
	}
}
