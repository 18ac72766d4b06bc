// SPDX-License-Identifier: Apache-2.0

package op

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

var update = flag.Bool("update", false, "rewrite the predictions in testdata")

// before is a machine with a disk of two partitions, an array, and a few nodes.
func before() facts.Facts {
	table := gpt.Table{SectorSize: 512, Sectors: 131072, Protected: true, Partitions: []gpt.Partition{
		{Number: 1, Label: "a", First: 2048, Last: 22527}, {Number: 2, Label: "b", First: 22528, Last: 43007},
	}}
	f := facts.Facts{
		Block: &facts.Block{
			Mounts: map[string]string{"/old": "/dev/vda2"}, Absent: map[string]string{"/dev/md/new": ""},
			Disks: map[string]facts.Disk{"/dev/vda": {
				Table: &gpt.Found{Table: table}, Partitions: map[int]string{1: "/dev/vda1", 2: "/dev/vda2"},
				Regions: map[string][]probe.Signature{"43008-63487": {{Type: "swap", Usage: "other"}}},
			}},
		},
		Tree: &facts.Tree{
			Nodes: map[string]facts.Node{
				"/etc": {Type: "directory", Mode: 0o755}, "/etc/motd": {Type: "file", Mode: 0o644, Size: 3, Digest: "d"},
				"/home/old": {Type: "directory", Mode: 0o700, UID: 1000, GID: 1000}, "/home/old/f": {Type: "file", Mode: 0o600, UID: 1000, GID: 7},
				"/etc/skel": {Type: "directory", Mode: 0o755}, "/etc/skel/rc": {Type: "file", Mode: 0o644}, "/mnt": {Type: "directory", Mode: 0o755},
				"/etc/systemd/system/m.service": {Type: "link", Target: "/dev/null", Mode: 0o777},
			},
			Below: map[string][]string{"/etc/skel": {"rc"}}, Missing: map[string]string{"/data": "/data"},
		},
		Accounts: &facts.Accounts{Texts: account.Texts{"/etc/passwd": "old"}, Digests: map[string]string{"/etc/passwd": "p"}},
		Handover: &facts.Handover{},
	}
	f.Block.Add("/dev/vda", facts.Device{Size: 64 << 20, SectorSize: 512})
	f.Block.Add("/dev/vda1", facts.Device{Size: 10 << 20, SectorSize: 512, Signatures: []probe.Signature{{Type: "xfs", Usage: probe.Filesystem}}}, "/dev/disk/by-partlabel/a")
	f.Block.Add("/dev/vda2", facts.Device{Size: 10 << 20, SectorSize: 512, Holders: []string{"/dev/md127"}})
	f.Block.Add("/dev/md127", facts.Device{Members: []string{"/dev/vda2"}}, "/dev/md/old")
	return f
}

// operations has an operation of every kind.
func operations() []Op {
	label, uuid := "l", "AAAA-BBBB"
	content := Content{Handle: "h", Source: "https://host/path", Remote: true}
	key := Key{Content: &content}
	grown := before().Block.Disks["/dev/vda"].Table.Table
	grown.Partitions = []gpt.Partition{grown.Partitions[0], {Number: 3, Label: "c", First: 43008, Last: 63487}}
	etc := func(name string) Place { return Place{Path: "/etc/" + name} }
	return []Op{
		SetKernelArguments{Present: []string{"a"}, Absent: []string{"b"}},
		NameDevices{Paths: []string{"/dev/vda"}},
		StopArray{Node: "/dev/md127", Members: []string{"/dev/vda2"}},
		WritePartitionTable{Device: "/dev/vda", Node: "/dev/vda", Zap: []probe.Extent{{Offset: 0, Length: 512}}, Table: &grown, Created: []int{3}, Deleted: []int{2},
			Mark: &gpt.Mark{Content: []int{3}}, Summary: "delete 2", Losses: []string{"partition 2"}, Paths: map[int][]string{3: {"/dev/disk/by-partlabel/c"}}},
		WritePartitionTable{Device: "/dev/vda", Node: "/dev/vda", Deleted: []int{1, 2}, Summary: "wipe its table"},
		MarkDisk{Device: "/dev/vda", Node: "/dev/vda", Mark: &gpt.Mark{Content: []int{1}}},
		MarkDisk{Device: "/dev/vdb", Node: "/dev/vdb"},
		CreateArray{Name: "new", Path: "/dev/md/new", Level: "raid1", Devices: []string{"/dev/vda1", "/dev/vda2"}, Nodes: []string{"/dev/vda1", "/dev/vda2"}, Spares: 1, Destroy: "xfs"},
		MakeVolume{Name: "v", Device: "/dev/vda1", Node: "/dev/vda1", Paths: []string{"/dev/disk/by-id/dm-name-v"}, Key: Key{Generated: true}, Open: []string{"--persistent"}},
		MakeVolume{Name: "v", Device: "/dev/vda1", Node: "/dev/vda1", Key: Key{Generated: true}, Bind: &Binding{Pin: "sss", Config: "c", Reach: []Content{content}, Prove: true}, DropKey: true},
		FetchKey{Name: "v", Content: content}, CheckVolume{Name: "v", Device: "/dev/vda1", Node: "/dev/vda1", Key: key},
		OpenVolume{Name: "v", Device: "/dev/vda1", Node: "/dev/vda1", Key: key},
		MakeFilesystem{Device: "/dev/vda1", Node: "/dev/vda1", Format: "vfat", Label: &label, UUID: &uuid, Program: "mkfs.fat", Args: []string{}, Destroy: "xfs"},
		EraseSignatures{Device: "/dev/vda1", Node: "/dev/vda1", Destroy: "xfs"},
		Mount{Device: "/dev/vda1", Path: "/data/deep", Format: "xfs", Options: []string{"ro"}}, Mount{Device: "share", Path: "/mnt", Format: "virtiofs"},
		Unmount{Path: "/old"},
		EditAccounts{Today: 1, Changes: []string{"add user core (1:1)"}, Before: map[string]string{"/etc/passwd": "p"}, After: account.Texts{"/etc/passwd": "new"}},
		MakeHome{Name: "core", Home: "/home/core", Owner: Owner{1, 2}, Mode: 0o700, Skeleton: "/etc/skel"},
		MoveHome{Name: "old", From: "/home/old", Home: "/var/old"}, OwnHome{Name: "old", Home: "/home/old", From: Owner{1000, 1000}, To: Owner{5, 6}},
		OwnHomePart{Path: "/home/old", Name: "old", Owner: Owner{5, 6}}, RemoveHome{Name: "old", Home: "/home/old"},
		MakeMailbox{Path: "/var/mail/core", Name: "core", Owner: Owner{1, 8}, Mode: 0o660}, WriteKeys{Name: "core", Home: "/home/core", File: ".ssh/authorized_keys", Keys: "k"},
		MakeDirectory{Place: etc("d"), Owner: Owner{1, 0}, Mode: 0o700}, MakeDirectory{Place: Place{Path: "/home/old"}, Exists: true, Owner: Owner{-1, 3}, Mode: NoMode},
		MakeDirectory{Place: Place{Path: "/home/old", Replace: true}, Mode: NoMode},
		WriteFile{Place: etc("f"), Content: &content, Fragments: []Content{content}, Owner: Owner{1, 2}, Mode: NoMode},
		KeepFile{Place: etc("motd"), Fragments: []Content{content}, Size: 3, Digest: "d", Owner: Owner{-1, -1}, Mode: 0o600},
		KeepFile{Place: etc("motd"), Owner: Owner{4, -1}, Mode: NoMode},
		MakeLink{Place: etc("l"), Target: "/x", Owner: Owner{0, 0}}, MakeHardLink{Place: etc("h"), Target: "etc/motd"},
		WriteUnit{Place: etc("systemd/system/u.service"), Content: content}, WriteUnit{Place: etc("systemd/system/u.service.d/x.conf"), Dropin: true, Content: content},
		MaskUnit{etc("systemd/system/u.service")}, UnmaskUnit{etc("systemd/system/m.service")},
		SetPresets{Place: etc("systemd/system-preset/20-ignition.preset"), Units: []Preset{{"a.service", true}, {"b.service", false}}},
		SetPresets{Place: etc("systemd/system-preset/20-ignition.preset"), Units: []Preset{{"b.service", false}}},
		WriteVolumeKey{Place: etc("luks/v"), Name: "v", Key: VolumeKey("v")}, AddCrypttab{Place: etc("crypttab"), Lines: []string{"v"}},
		Relabel{Policy: "targeted", Paths: []string{"/etc"}},
	}
}

// flat turns facts into lines, one for each value.
func flat(t *testing.T, f facts.Facts) []string {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var lines []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if k == "entry" {
					continue // the digest in a mark
				}
				walk(path+" "+k, e)
			}
			if len(v) == 0 {
				lines = append(lines, path+" {}")
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s %d", path, i), e)
			}
		default:
			lines = append(lines, fmt.Sprintf("%s = %v", path, v))
		}
	}
	walk("", v)
	slices.Sort(lines)
	return lines
}

// TestPredict holds the effect of an operation of every kind against a golden: which values of the facts vanish and which come.
func TestPredict(t *testing.T) {
	var out strings.Builder
	covered := map[Kind]bool{}
	for _, o := range operations() {
		covered[o.Kind()] = true
		f := before()
		was := flat(t, f)
		o.Predict(&f)
		is := flat(t, f)
		fmt.Fprintf(&out, "%s: %s\n", o.Kind(), o.Describe())
		if d, ok := o.(Destroyer); ok && len(d.Destroys()) > 0 {
			fmt.Fprintf(&out, "  destroys %s\n", strings.Join(d.Destroys(), ", "))
		}
		for _, l := range was {
			if _, found := slices.BinarySearch(is, l); !found {
				out.WriteString("  -" + l + "\n")
			}
		}
		for _, l := range is {
			if _, found := slices.BinarySearch(was, l); !found {
				out.WriteString("  +" + l + "\n")
			}
		}
		if ChangesNothing(o) && !cmp.Equal(was, is) {
			t.Errorf("%s changes nothing, and predicts a change", o.Kind())
		}
	}
	const golden = "testdata/predictions.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, p := range Operations() {
		if !covered[p.Kind()] {
			t.Errorf("no operation of kind %s is tested: add one to operations", p.Kind())
		}
	}
}

// A plan that is written and read back is the same, whatever it is made of.
func TestPlanRoundTrip(t *testing.T) {
	p := Plan{Format: Format, Part: "part"}
	ids := map[StepID]bool{}
	for i, o := range operations() {
		id, err := ID(o, 0)
		again, err2 := ID(o, 1)
		if err != nil || err2 != nil || ids[id] || ids[again] || id == again {
			t.Errorf("%s: the identities %s and %s are not of their own (%v, %v)", o.Kind(), id, again, err, err2)
		}
		ids[id], ids[again] = true, true
		p.Steps = append(p.Steps, Step{ID: id, Op: o, After: []int{i}, Path: "$", Reason: "r"})
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p, got, cmp.Exporter(func(reflect.Type) bool { return true })); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, s := range got.Steps {
		if id, err := ID(s.Op, 0); err != nil || id != s.ID {
			t.Errorf("%s: the operation that was read back is another one", s.Op.Describe())
		}
	}
	if err := json.Unmarshal([]byte(`{"steps":[{"kind":"unheard-of","op":{}}]}`), &got); err == nil || !strings.Contains(err.Error(), "unheard-of") {
		t.Errorf("an unknown kind: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"steps":[{"kind":"mount","op":[]}]}`), &got); err == nil {
		t.Error("an operation of another form is not an error")
	}
}

// Kinds are unique and sorted, and an empty operation of each can be described.
func TestOperations(t *testing.T) {
	var kinds []Kind
	for _, p := range Operations() {
		kinds = append(kinds, p.Kind())
		if p.Describe() == "" && p.Kind() != "set-presets" {
			t.Errorf("%s has no description", p.Kind())
		}
	}
	if !slices.IsSorted(kinds) || len(slices.Compact(slices.Clone(kinds))) != len(kinds) {
		t.Errorf("the kinds are %q", kinds)
	}
}

// Handles depend on all of a payload and on the seed, and payloads show nothing of themselves.
func TestPayloads(t *testing.T) {
	text, value := "secret", "value"
	loads := []Payload{
		{}, {Source: "s"}, {Source: "s", Compression: "gzip"}, {Source: "s", Hash: "h"}, {Text: &text}, {Text: new(string)},
		{Source: "s", Headers: []Header{{Name: "N"}}}, {Source: "s", Headers: []Header{{Name: "N", Value: &value}}}, {Source: "s", Headers: []Header{{Name: "N", Value: new(string)}}},
	}
	all := Payloads{}
	for _, seed := range []string{"a", "b"} {
		for _, l := range loads {
			all.Add(seed, l)
			if h := all.Add(seed, l); all[h].Source != l.Source {
				t.Errorf("%s stands for another payload", h)
			}
		}
	}
	if len(all) != 2*len(loads) {
		t.Errorf("%d payloads have %d handles", 2*len(loads), len(all))
	}
	if got := fmt.Sprint(loads[4], loads[4].LogValue()); strings.Contains(got, "secret") {
		t.Error("a payload shows itself: " + got)
	}
}
