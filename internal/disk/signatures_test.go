// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

var update = flag.Bool("update", false, "rewrite docs/reference/signatures.md")

const signaturesPage = "../../docs/reference/signatures.md"

// TestSignatures checks each kind in three ways on its smallest image: the probe and libblkid read the same; after wipefs(8)
// the probe sees nothing; after our erasing, libblkid and wipefs(8) see nothing.
func TestSignatures(t *testing.T) {
	u := needReference(t)
	rows, tried, all := map[string]*row{}, 0, 0
	for _, sectorSize := range []int{512, 4096} {
		for _, s := range samples() {
			if s.only != 0 && s.only != sectorSize {
				continue
			}
			all++
			t.Run(fmt.Sprintf("%s %s %d", s.kind, s.variant, sectorSize), func(t *testing.T) {
				tried++
				r := checkSample(t, u, s, sectorSize)
				kept, known := rows[s.kind]
				if !known {
					kept = &row{kind: s.kind, usage: r.usage}
					rows[s.kind] = kept
				}
				kept.add(r)
			})
		}
	}
	if t.Failed() || tried < all || !loopDevices() {
		return // the page needs them all
	}
	page := signatures(rows)
	if *update {
		if err := os.WriteFile(signaturesPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(signaturesPage); err != nil || string(have) != page {
		t.Errorf("%s is not what the samples yield (%v): run go test ./internal/disk -run TestSignatures -update", signaturesPage, err)
	}
}

// TestAmbiguity combines the first sample of each kind with one of six others. If libblkid calls the device ambivalent, so
// does the probe; otherwise both see the same kind. The probe always names both signatures.
func TestAmbiguity(t *testing.T) {
	u := needReference(t)
	firsts := map[string]sample{}
	for _, s := range samples() {
		if _, known := firsts[s.kind]; !known && s.seenBy == "" && s.only == 0 {
			firsts[s.kind] = s
		}
	}
	for _, beside := range []string{"ext4", "btrfs", "swap", "zfs_member", "crypto_LUKS", "linux_raid_member"} {
		for _, kind := range slices.Sorted(maps.Keys(firsts)) {
			if kind == beside || overlap(firsts[kind], firsts[beside]) {
				continue
			}
			t.Run(kind+" beside "+beside, func(t *testing.T) {
				compareAmbiguity(t, u, firsts[kind], firsts[beside])
			})
		}
	}
}

func compareAmbiguity(t *testing.T, u utilLinux, one, other sample) {
	t.Helper()
	target := device(t, 64*mib, 512)
	for _, p := range slices.Concat(one.pieces, other.pieces) {
		patch(t, target.node, target.offset(p.at), p.data)
	}
	found, have := target.probe(t), u.blkid(target.node)
	content, ambiguous, _ := probe.Content(found)
	if want := have["AMBIVALENT"] != ""; ambiguous != want {
		t.Errorf("ambiguous is %v, libblkid says %v: %v", ambiguous, have, found)
	}
	if !ambiguous && content.Type != have["TYPE"] {
		t.Errorf("contents are %v, libblkid says %v", content, have)
	}
	for _, kind := range []string{one.kind, other.kind} {
		if !slices.ContainsFunc(found, func(s probe.Signature) bool { return s.Type == kind }) {
			t.Errorf("%s is not among %v", kind, found)
		}
	}
}

// overlap reports whether the pieces of one sample would overwrite those of another.
func overlap(one, other sample) bool {
	end := target{size: 64 * mib}
	for _, a := range one.pieces {
		for _, b := range other.pieces {
			first, second := end.offset(a.at), end.offset(b.at)
			if first < second+int64(len(b.data)) && second < first+int64(len(a.data)) {
				return true
			}
		}
	}
	return false
}

// row is the result of the samples of a kind.
type row struct {
	kind, usage              string
	images, libblkid, wipefs int // images tried; those that libblkid knows; those that wipefs erases
	label, uuid, listed      bool
	sectors                  []int
}

func (r *row) add(more row) {
	r.images += more.images
	r.libblkid += more.libblkid
	r.wipefs += more.wipefs
	r.label, r.uuid, r.listed = r.label || more.label, r.uuid || more.uuid, r.listed || more.listed
	if !slices.Contains(r.sectors, more.sectors[0]) {
		r.sectors = append(r.sectors, more.sectors[0])
	}
}

func checkSample(t *testing.T, u utilLinux, s sample, sectorSize int) row {
	t.Helper()
	target := device(t, cmp.Or(s.size, 64*mib), sectorSize)
	fill := func() {
		for _, p := range s.pieces {
			patch(t, target.node, target.offset(p.at), p.data)
		}
	}
	fill()
	found := target.probe(t)
	i := slices.IndexFunc(found, func(f probe.Signature) bool { return f.Type == s.kind })
	if i < 0 {
		t.Fatalf("we see %v", found)
	}
	r := row{usage: string(found[i].Usage), images: 1, label: found[i].Label != "", uuid: found[i].UUID != "", sectors: []int{sectorSize}}
	r.libblkid, r.listed = compareSample(t, u, s, target.node, found, i)
	if s.seenBy == "" {
		if out, err := u.try("wipefs", "--all", "--force", target.node); err != nil {
			t.Fatalf("wipefs: %v\n%s", err, out)
		}
		if left := target.probe(t); len(left) > 0 {
			t.Errorf("after wipefs we see %v", left)
		}
		r.wipefs = 1
		fill()
	}
	for _, e := range probe.Erase(found) {
		patch(t, target.node, e.Offset, make([]byte, e.Length))
	}
	if left := target.probe(t); len(left) > 0 {
		t.Errorf("after our erasing we see %v", left)
	}
	if left, _ := u.try("wipefs", "--noheadings", target.node); left != "" {
		t.Errorf("after our erasing wipefs sees %s", left)
	}
	if left := u.blkid(target.node); len(left) > 0 {
		t.Errorf("after our erasing libblkid sees %v", left)
	}
	return r
}

// compareSample compares libblkid's result for an image with ours.
func compareSample(t *testing.T, u utilLinux, s sample, node string, found []probe.Signature, i int) (libblkid int, listed bool) {
	t.Helper()
	have := u.blkid(node)
	ours := found[i]
	switch {
	case s.seenBy == none:
		if have["TYPE"] == s.kind || have["PTTYPE"] == s.kind {
			t.Errorf("libblkid knows it now: %v", have)
		}
		return 0, false
	case s.seenBy == partx:
		if out, _ := u.try("partx", "--show", "--noheadings", "--output", "SCHEME", node); !strings.Contains(out, s.kind) {
			t.Errorf("partx lists %q", out)
		}
		return 1, true
	case ours.Usage == probe.PartTable:
		if have["PTTYPE"] != s.kind {
			t.Errorf("libblkid sees %v", have)
		}
		if want := have["PTUUID"]; want != ours.UUID {
			t.Errorf("UUID is %q, libblkid says %q", ours.UUID, want)
		}
		return 1, false
	}
	content, ambiguous, _ := probe.Content(found)
	if content.Type != s.kind || ambiguous {
		t.Errorf("contents are %v, ambiguous %v: %v", content, ambiguous, found)
	}
	for name, value := range map[string]string{"TYPE": ours.Type, "USAGE": string(ours.Usage), "LABEL": ours.Label, "UUID": ours.UUID} {
		if have[name] != visible(value) {
			t.Errorf("%s is %q, libblkid says %q", name, value, have[name])
		}
	}
	return 1, false
}

// blkid returns libblkid's result for a device. blkid(8) of this release prints the same for an ambivalent device as for an
// empty one; only libblkid's debug output tells them apart.
func (u utilLinux) blkid(node string) map[string]string {
	out, err := u.try("blkid", "-p", "-o", "export", node)
	found := map[string]string{}
	if err != nil {
		u.debug = true
		if _, err := u.try("blkid", "-p", node); err != nil && strings.Contains(err.Error(), "ambivalent result") {
			found["AMBIVALENT"] = "yes"
		}
	}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok && name != "DEVNAME" {
			found[name] = strings.ReplaceAll(value, "\\", "")
		}
	}
	return found
}

// visible writes a text as blkid(8) does: bytes beyond ASCII and controls by their names.
func visible(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 0x80 {
			b.WriteString("M-")
			c -= 0x80
		}
		if c < 0x20 || c == 0x7F {
			b.WriteByte('^')
			c ^= 0x40
		}
		b.WriteByte(c)
	}
	return strings.ReplaceAll(b.String(), "\\", "")
}

// target is a device, or a file in place of one.
type target struct {
	node       string
	size       int64
	sectorSize int
}

// device makes a blank target: a file for sectors of 512 bytes, a loop device for others.
func device(t *testing.T, size int64, sectorSize int) target {
	t.Helper()
	image := blank(t, size)
	if sectorSize == 512 {
		return target{image, size, sectorSize}
	}
	if !loopDevices() {
		t.Skip("no loop devices")
	}
	node := strings.TrimSpace(run(t, "losetup", "--find", "--show", "--sector-size", fmt.Sprint(sectorSize), image))
	t.Cleanup(func() { run(t, "losetup", "--detach", node) })
	return target{node, size, sectorSize}
}

// loopDevices reports whether this machine has loop devices. Containers often have none.
func loopDevices() bool {
	_, err := try("losetup", "--find")
	return err == nil && os.Geteuid() == 0
}

func (d target) offset(at int64) int64 {
	if at < 0 {
		return d.size + at
	}
	return at
}

func (d target) probe(t *testing.T) []probe.Signature {
	t.Helper()
	f, err := os.Open(d.node)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := probe.Probe(f, d.size, d.sectorSize)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// signatures writes the page of known signatures.
func signatures(rows map[string]*row) string {
	var b strings.Builder
	b.WriteString("<!-- Generated by internal/disk from images and libblkid " + reference + "; do not edit. -->\n\n" + signaturesHead)
	all := make([]*row, 0, len(rows))
	images := 0
	for _, r := range rows {
		all = append(all, r)
		images += r.images
	}
	slices.SortFunc(all, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.usage, b.usage), cmp.Compare(strings.ToLower(a.kind), strings.ToLower(b.kind)))
	})
	yes := func(n, of int) string {
		if n == 0 {
			return "no"
		}
		return fmt.Sprintf("%d of %d", n, of)
	}
	for _, r := range all {
		names := strings.TrimPrefix(map[bool]string{true: ", label"}[r.label]+map[bool]string{true: ", UUID"}[r.uuid], ", ")
		known := yes(r.libblkid, r.images)
		if r.listed {
			known += ", lists of partitions only"
		}
		sectors := strings.Trim(fmt.Sprint(r.sectors), "[]")
		ours := yes(r.images, r.images)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n", r.kind, r.usage, names, known, ours, yes(r.wipefs, r.images), ours,
			strings.ReplaceAll(sectors, " ", ", "))
	}
	fmt.Fprintf(&b, "\n%d kinds, %d images.\n", len(rows), images)
	return b.String()
}

const signaturesHead = `# Signatures

For operators who want to know which contents of a device firstlight recognizes. It overwrites none of them unless the config says to wipe.

How the table is made: a test writes each kind to the smallest image that libblkid accepts, once for each place, byte order and version of the kind, on devices
with 512-byte and 4096-byte sectors. The columns *libblkid* and *firstlight* count the images that each recognizes, with the same usage, label and UUID. The columns
*erases* count the images on which neither recognizes anything after ` + "`wipefs --all`" + `, or after firstlight erased the signatures. A second test compares
firstlight with libblkid on the images from util-linux's own tests.

libblkid ` + reference + ` does not know ` + "`dasd`" + ` and ScoutFS, nor UDF with blocks above 4096 bytes on such devices. It lists the partitions of ` + "`bsd`" + ` without naming the
table, and looks for ` + "`unixware`" + ` only inside a DOS partition.

| Kind | Usage | Names read | libblkid | firstlight | wipefs erases | firstlight erases | Sectors |
|---|---|---|---|---|---|---|---|
`

// TestSignaturesPageIsThere checks that the page exists, also on machines without the reference.
func TestSignaturesPageIsThere(t *testing.T) {
	if _, err := os.Stat(filepath.FromSlash(signaturesPage)); err != nil {
		t.Error(err)
	}
}
