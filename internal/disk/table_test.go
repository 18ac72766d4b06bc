// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
)

// pairs is the number of pairs of an existing table and wanted partitions whose results are compared with sgdisk's.
const pairs = 520

// part is a partition as shown by the other programs.
type part struct {
	Number      int
	First, Last uint64
	Type, ID    string
	Label       string
	Attributes  uint64
}

// situation is one pair.
type situation struct {
	size     int64
	wipe     bool
	existing []part
	wanted   []gpt.Wanted
}

const (
	linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	esp   = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	perMB = 2048
)

// generate makes a random situation. Offsets and sizes are chosen such that matches, near matches and collisions occur.
func generate(rnd *rand.Rand) situation {
	s := situation{size: int64(12+rnd.IntN(30)) * mib, wipe: rnd.IntN(12) == 0}
	if rnd.IntN(3) == 0 {
		s.size += int64(rnd.IntN(2047)) * 512
	}
	last := uint64(s.size/512) - 34
	at := uint64(34 + rnd.IntN(2)*2014)
	for _, n := range rnd.Perm(6)[:rnd.IntN(5)] {
		at += uint64(rnd.IntN(4) * perMB)
		length := uint64(1+rnd.IntN(6)) * perMB
		switch rnd.IntN(10) {
		case 0:
			at += 8 * uint64(rnd.IntN(100))
		case 1:
			length -= uint64(rnd.IntN(2000))
		default:
			at = (at + perMB - 1) / perMB * perMB
		}
		if at+length > last {
			break
		}
		s.existing = append(s.existing, part{
			Number: n + 1, First: at, Last: at + length - 1, Type: pick(rnd, linux, linux, esp), ID: randomGUID(rnd),
			Label: pick(rnd, "", "a", "b", "long label"), Attributes: pick[uint64](rnd, 0, 0, 4, 1<<60, 1<<63),
		})
		at += length
	}
	labels := []string{"a", "b", "c", "d", "e"}
	rnd.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	for i, n := range rnd.Perm(7)[:1+rnd.IntN(4)] {
		s.wanted = append(s.wanted, s.want(rnd, n, labels[i]))
	}
	return s
}

// want makes a random wanted partition; number 6 stands for "any".
func (s situation) want(rnd *rand.Rand, n int, label string) gpt.Wanted {
	w := gpt.Wanted{Number: (n + 1) % 7, Wipe: rnd.IntN(2) == 0, Resize: rnd.IntN(3) == 0}
	if w.Number != 0 && rnd.IntN(5) == 0 {
		w.Absent = true
		return w
	}
	if w.Number == 0 || rnd.IntN(2) == 0 {
		w.Label = &label
	}
	old := slices.IndexFunc(s.existing, func(p part) bool { return p.Number == w.Number })
	if old >= 0 && rnd.IntN(2) == 0 {
		w.Label = pick(rnd, nil, &s.existing[old].Label)
	}
	w.StartMiB, w.SizeMiB = number(rnd, 36), number(rnd, 8)
	if old >= 0 && rnd.IntN(2) == 0 {
		p := s.existing[old]
		start, size := int(p.First/perMB), int((p.Last-p.First+1)/perMB)
		w.StartMiB, w.SizeMiB = pick(rnd, nil, &start), pick(rnd, nil, &size, w.SizeMiB)
	}
	if rnd.IntN(4) == 0 {
		w.Type, _ = gpt.ParseGUID(pick(rnd, linux, esp))
	}
	if rnd.IntN(5) == 0 {
		w.ID, _ = gpt.ParseGUID(randomGUID(rnd))
	}
	return w
}

func pick[T any](rnd *rand.Rand, from ...T) T { return from[rnd.IntN(len(from))] }

// number returns nil, 0, or a number up to most.
func number(rnd *rand.Rand, most int) *int {
	zero, some := 0, 1+rnd.IntN(most)
	return pick(rnd, nil, &zero, &some, &some)
}

func randomGUID(rnd *rand.Rand) string {
	var g gpt.GUID
	for i := range g {
		g[i] = byte(rnd.IntN(256))
	}
	return g.String()
}

// build writes the existing table with sfdisk.
func (s situation) build(image string) error {
	if len(s.existing) == 0 {
		return nil
	}
	script := "label: gpt\nfirst-lba: 34\n"
	for _, p := range s.existing {
		script += fmt.Sprintf("%d: start=%d, size=%d, type=%s, uuid=%s", p.Number, p.First, p.Last-p.First+1, p.Type, p.ID)
		if p.Label != "" {
			script += fmt.Sprintf(", name=%q", p.Label)
		}
		script += attributeText(p.Attributes) + "\n"
	}
	if err := os.WriteFile(image+".script", []byte(script), 0o600); err != nil {
		return err
	}
	_, err := try("sh", "-c", fmt.Sprintf("sfdisk -q %s <%s.script", image, image))
	return err
}

// buildAll builds many at a time: sfdisk sleeps for a quarter of a second after it has written.
func buildAll(t *testing.T, all []situation) []string {
	images := make([]string, len(all))
	errs := make([]error, len(all))
	places := make(chan bool, 32)
	var wait sync.WaitGroup
	for i, s := range all {
		images[i] = blank(t, s.size)
		places <- true
		wait.Go(func() { errs[i] = s.build(images[i]); <-places })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return images
}

func attributeText(a uint64) string {
	return map[uint64]string{4: `, attrs="LegacyBIOSBootable"`, 1 << 60: `, attrs="GUID:60"`, 1 << 63: `, attrs="GUID:63"`}[a]
}

// errRefused is the verdict if the rules forbid the wanted partitions, or if they do not fit.
var errRefused = errors.New("refused")

// rules follows the Ignition spec step by step, with sgdisk as the judge of space. It returns the resulting partitions; new
// ones without a wanted GUID have an empty ID.
type rules struct {
	image string
	old   map[int]part
	order []gpt.Wanted
	freed map[int]bool // numbers that went to entries without number
}

func (s situation) expect(image string) ([]part, error) {
	r := rules{image: image, old: map[int]part{}, freed: map[int]bool{}}
	for _, p := range s.existing {
		r.old[p.Number] = p
	}
	if s.wipe {
		r.old = map[int]part{}
	}
	r.number(s.wanted)
	if err := r.resolve(); err != nil {
		return nil, err
	}
	return r.result()
}

func (r *rules) number(wanted []gpt.Wanted) {
	used := map[int]bool{}
	for n := range r.old {
		used[n] = true
	}
	for _, w := range wanted {
		if w.Number != 0 {
			used[w.Number] = !w.Absent
			r.order = append(r.order, w)
		}
	}
	for _, w := range wanted {
		if w.Number == 0 {
			for w.Number = 1; used[w.Number]; w.Number++ {
			}
			used[w.Number], r.freed[w.Number] = true, true
			r.order = append(r.order, w)
		}
	}
}

// places of the wanted partitions, in sectors, after resolve.
func (r *rules) resolve() error {
	var args []string
	for _, w := range r.order {
		if _, ok := r.old[w.Number]; ok && !slices.Contains(args, fmt.Sprintf("--delete=%d", w.Number)) {
			args = append(args, fmt.Sprintf("--delete=%d", w.Number))
		}
	}
	for _, w := range r.order {
		if w.Absent {
			continue
		}
		start, size := mibSectors(w.StartMiB), mibSectors(w.SizeMiB)
		if p, ok := r.old[w.Number]; ok && !w.Wipe {
			if w.StartMiB == nil {
				start = p.First
			}
			if w.SizeMiB == nil {
				size = p.Last - p.First + 1
			}
		}
		args = append(args, fmt.Sprintf("--new=%d:%d:+%d", w.Number, start, size))
	}
	shown, err := r.pretend(args)
	if err != nil {
		return errRefused
	}
	for i, w := range r.order {
		p := shown[w.Number]
		if !w.Absent && (mibSectors(w.StartMiB) == 0 || mibSectors(w.SizeMiB) == 0) {
			start, size := int(p.First), int(p.Last-p.First+1)
			r.order[i].StartMiB, r.order[i].SizeMiB = &start, &size
		} else if !w.Absent {
			start, size := *w.StartMiB*perMB, *w.SizeMiB*perMB
			r.order[i].StartMiB, r.order[i].SizeMiB = &start, &size
		}
	}
	return nil
}

func mibSectors(n *int) uint64 {
	if n == nil {
		return 0
	}
	return uint64(*n) * perMB
}

var tableRow = regexp.MustCompile(`(?m)^ +(\d+) +(\d+) +(\d+) +[0-9.]+ [KMGT]iB`)

// pretend has sgdisk run commands in memory and returns its output.
func (r *rules) pretend(args []string) (map[int]part, error) {
	out, err := try("sgdisk", append(append([]string{"--pretend"}, args...), "--print", r.image)...)
	if err != nil {
		return nil, err
	}
	shown := map[int]part{}
	for _, m := range tableRow.FindAllStringSubmatch(out, -1) {
		n, _ := strconv.Atoi(m[1])
		first, _ := strconv.ParseUint(m[2], 10, 64)
		last, _ := strconv.ParseUint(m[3], 10, 64)
		shown[n] = part{Number: n, First: first, Last: last}
	}
	return shown, nil
}

// result decides on every entry; StartMiB and SizeMiB are sectors by now.
func (r *rules) result() ([]part, error) {
	result := map[int]part{}
	for n, p := range r.old {
		result[n] = p
	}
	var deletes, creates []string
	create := func(p part) {
		if _, ok := r.old[p.Number]; ok {
			deletes = append(deletes, fmt.Sprintf("--delete=%d", p.Number))
		}
		creates = append(creates, fmt.Sprintf("--new=%d:%d:+%d", p.Number, p.First, p.Last-p.First+1))
		result[p.Number] = p
	}
	for _, w := range r.order {
		p, exists := r.old[w.Number]
		switch {
		case w.Absent && (!exists || r.freed[w.Number]):
		case w.Absent && !w.Wipe:
			return nil, errRefused
		case w.Absent:
			deletes = append(deletes, fmt.Sprintf("--delete=%d", w.Number))
			delete(result, w.Number)
		case !exists:
			create(asNew(w))
		default:
			n := asNew(w)
			same := p.First == n.First && (w.Type.IsZero() || p.Type == n.Type) && (w.ID.IsZero() || p.ID == n.ID) && (w.Label == nil || p.Label == n.Label)
			switch {
			case same && p.Last == n.Last:
			case w.Wipe:
				create(n)
			case same && w.Resize:
				p.Last = n.Last
				create(p)
			default:
				return nil, errRefused
			}
		}
	}
	if _, err := r.pretend(append(deletes, creates...)); err != nil {
		return nil, errRefused
	}
	var all []part
	for _, p := range result {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b part) int { return a.Number - b.Number })
	return all, nil
}

func asNew(w gpt.Wanted) part {
	p := part{Number: w.Number, First: uint64(*w.StartMiB), Last: uint64(*w.StartMiB + *w.SizeMiB - 1), Type: linux}
	if !w.Type.IsZero() {
		p.Type = w.Type.String()
	}
	if !w.ID.IsZero() {
		p.ID = w.ID.String()
	}
	if w.Label != nil {
		p.Label = *w.Label
	}
	return p
}

// ours applies the situation to the image with our own code.
func (s situation) ours(image string) error {
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := gpt.Read(f, s.size, 512)
	if errors.Is(err, gpt.ErrNone) || s.wipe {
		if found.Table, err = gpt.New(512, gpt.Sectors(s.size/512), gpt.GUID{1}); err != nil {
			return err
		}
		found = gpt.Found{Table: found.Table}
	} else if err != nil {
		return err
	}
	newID := func(n int) gpt.GUID { return gpt.GUID{2, byte(n)} }
	result, _, conflicts := found.Table.Plan(s.wanted, gpt.Choices{NewID: newID})
	if len(conflicts) > 0 {
		return fmt.Errorf("%w: %+v", errRefused, conflicts)
	}
	groups, err := result.Encode(found, nil)
	if err != nil {
		return err
	}
	for _, w := range slices.Concat(groups...) {
		if _, err := f.WriteAt(w.Data, w.Offset); err != nil {
			return err
		}
	}
	return nil
}

// read returns a table as sfdisk has it.
func readTable(t *testing.T, image string) []part {
	t.Helper()
	var dump struct {
		PartitionTable struct {
			Label      string
			Partitions []struct {
				Node, Type, UUID, Name, Attrs string
				Start, Size                   uint64
			}
		}
	}
	if err := json.Unmarshal([]byte(run(t, "sfdisk", "--json", image)), &dump); err != nil {
		t.Fatal(err)
	}
	if dump.PartitionTable.Label != "gpt" {
		t.Errorf("sfdisk sees a table of type %q", dump.PartitionTable.Label)
	}
	var all []part
	for _, p := range dump.PartitionTable.Partitions {
		n, _ := strconv.Atoi(strings.TrimPrefix(p.Node, image))
		q := part{Number: n, First: p.Start, Last: p.Start + p.Size - 1, Type: p.Type, ID: p.UUID, Label: p.Name}
		for a := range map[uint64]bool{4: true, 1 << 60: true, 1 << 63: true} {
			text := strings.Trim(strings.TrimPrefix(attributeText(a), ", attrs="), `"`)
			if p.Attrs != "" && strings.Contains(text, p.Attrs) {
				q.Attributes = a
			}
		}
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b part) int { return a.Number - b.Number })
	return all
}

// Our table is the one that results from the rules of the Ignition spec with sgdisk, and untouched partitions keep all their
// attributes.
func TestTablesAgreeWithSgdisk(t *testing.T) {
	need(t, "sgdisk", "sfdisk")
	const n = pairs
	refused := make(chan bool, n)
	all := make([]situation, n)
	for i := range all {
		all[i] = generate(rand.New(rand.NewPCG(uint64(i), 5)))
	}
	images := buildAll(t, all)
	t.Run("pairs", func(t *testing.T) {
		for i := range n {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				refused <- comparePair(t, all[i], images[i])
			})
		}
	})
	no := 0
	for range n {
		if <-refused {
			no++
		}
	}
	t.Logf("%d pairs, %d of them refused by both", n, no)
	if no < n/10 || no > n*9/10 {
		t.Errorf("the pairs test little: %d of %d are refused", no, n)
	}
}

// comparePair reports whether both sides refuse.
func comparePair(t *testing.T, s situation, image string) bool {
	judged := image
	if s.wipe {
		judged = blank(t, s.size)
	}
	want, wantErr := s.expect(judged)
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ours(image); (err == nil) != (wantErr == nil) {
		t.Fatalf("we say: %v\nthe rules say: %v\n%s", err, wantErr, s)
	}
	after, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	tables := 34 * 512
	if string(before[tables:len(before)-33*512]) != string(after[tables:len(after)-33*512]) {
		t.Error("something besides the tables was written")
	}
	if wantErr != nil {
		return true
	}
	got := readTable(t, image)
	for i := range got {
		if i < len(want) && want[i].ID == "" {
			got[i].ID = ""
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-rules +ours)\n%s\n%s", d, s)
	}
	if out := run(t, "sgdisk", "--verify", image); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk says: %s", out)
	}
	return false
}

func (s situation) String() string {
	text, _ := json.MarshalIndent(map[string]any{"size": s.size, "wipe": s.wipe, "existing": s.existing, "wanted": s.wanted}, "", " ")
	return string(text)
}

// fdisk, the only tool that can be told the sector size, also reads our tables on disks with sectors of 4096 bytes.
func TestLargeSectors(t *testing.T) {
	need(t, "fdisk")
	image := blank(t, 64*mib)
	table, err := gpt.New(4096, 64<<20/4096, gpt.GUID{1})
	if err != nil {
		t.Fatal(err)
	}
	one, two, label := 8, 0, "data"
	newID := func(n int) gpt.GUID { return gpt.GUID{2, byte(n)} }
	table, _, conflicts := table.Plan([]gpt.Wanted{{Number: 1, SizeMiB: &one, Label: &label}, {Number: 2, SizeMiB: &two}}, gpt.Choices{NewID: newID})
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	groups, err := table.Encode(gpt.Found{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range slices.Concat(groups...) {
		patch(t, image, w.Offset, w.Data)
	}
	out := run(t, "fdisk", "-b", "4096", "-l", "-o", "Device,Start,End,Name", image)
	for _, row := range []string{image + "1 +256 +2303 data", image + "2 +2304 +16378"} {
		if !regexp.MustCompile("(?m)^" + row).MatchString(out) {
			t.Errorf("fdisk does not show %q:\n%s", row, out)
		}
	}
}
