// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

func holding(s ...probe.Signature) facts.Device { return facts.Device{Signatures: s} }

func ptr[T any](v T) *T { return &v }

func (v verdict) String() string { return [...]string{"leave", "renew", "erase", "refuse"}[v] }

// TestJudgeFilesystem: what is done with a device, by what the config asks for and what the device holds.
func TestJudgeFilesystem(t *testing.T) {
	ext4 := probe.Signature{Type: "ext4", Usage: probe.Filesystem, Label: "l", UUID: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}
	half := ext4
	half.Unfinished = true
	unfinished, predicted := holding(ext4), holding(ext4)
	unfinished.Unfinished, predicted.Unfinished, predicted.Predicted = true, true, true
	empty := facts.Device{Unfinished: true}
	gpt := probe.Signature{Type: "gpt", Usage: probe.PartTable}
	pmbr, blank := probe.Signature{Type: "PMBR", Usage: probe.PartTable}, gpt
	blank.Version = probe.EmptyTable
	doubted := facts.Device{Udev: []string{"ID_FS_TYPE=later", "ID_PART_TABLE_TYPE=x"}}
	again := doubted
	again.Unfinished = true
	want := types.Filesystem{Format: ptr("ext4")}
	with := func(change func(*types.Filesystem)) types.Filesystem { f := want; change(&f); return f }
	wipe := with(func(f *types.Filesystem) { f.WipeFilesystem = ptr(true) })
	none := types.Filesystem{Format: ptr("none")}
	for _, c := range []struct {
		f    types.Filesystem
		d    facts.Device
		want string
	}{
		{want, holding(), "renew: it is empty"},
		{want, empty, "renew: it is empty"},
		{want, holding(ext4), "leave: "},
		{want, doubted, "refuse: it is not empty according to udev's database: ID_FS_TYPE=later ID_PART_TABLE_TYPE=x"},
		{want, facts.Device{Udev: []string{"ID_FS_TYPE=\x1b[2J" + strings.Repeat("x", 500)}},
			`refuse: it is not empty according to udev's database: ID_FS_TYPE=\x1b[2J` + strings.Repeat("x", 181)},
		{want, again, "renew: it is empty"}, // we were making it
		{wipe, doubted, "renew: wipeFilesystem is set"},
		{none, doubted, "refuse: it is not empty according to udev's database: ID_FS_TYPE=later ID_PART_TABLE_TYPE=x"},
		{want, holding(gpt, pmbr), "refuse: it has a partition table of type gpt"},
		{want, holding(pmbr), "refuse: it has a partition table of type PMBR"},
		{want, holding(blank, pmbr), "renew: it is empty"},
		{wipe, holding(gpt, pmbr), "renew: wipeFilesystem is set"},
		{none, holding(gpt), "refuse: it has a partition table of type gpt"},
		{want, unfinished, "renew: an earlier run did not finish it"},
		{want, holding(half), "renew: an earlier run did not finish it"},
		{want, predicted, "renew: it is new"},
		{wipe, holding(ext4), "renew: wipeFilesystem is set"},
		{wipe, holding(), "renew: wipeFilesystem is set"},
		{with(func(f *types.Filesystem) { f.Format = ptr("xfs") }), holding(ext4), "refuse: it holds ext4 labeled \"l\" (aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa), wanted xfs"},
		{with(func(f *types.Filesystem) { f.Label = ptr("other") }), holding(ext4), "refuse: it holds ext4 labeled \"l\" (aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa), wanted label \"other\""},
		{with(func(f *types.Filesystem) { f.Label = ptr("l") }), holding(ext4), "leave: "},
		{with(func(f *types.Filesystem) { f.UUID = ptr("AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA") }), holding(ext4), "leave: "},
		{with(func(f *types.Filesystem) { f.UUID = ptr("bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa") }), holding(ext4),
			"refuse: it holds ext4 labeled \"l\" (aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa), wanted UUID bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa"},
		{none, holding(), "leave: "},
		{none, unfinished, "leave: "},
		{none, holding(ext4), "refuse: it holds ext4 labeled \"l\" (aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa), wanted nothing"},
		{types.Filesystem{Format: ptr("none"), WipeFilesystem: ptr(true)}, holding(ext4), "erase: wipeFilesystem is set"},
	} {
		v, reason := judgeFilesystem(c.f, c.d)
		if got := fmt.Sprintf("%v: %s", v, reason); got != c.want {
			t.Errorf("%s on %+v: %s, want %s", *c.f.Format, c.d, got, c.want)
		}
	}
}

// TestAmbiguous: the wanted filesystem is kept next to leftovers of another if libblkid finds it first, with a
// warning that names the rest and how to remove it.
func TestAmbiguous(t *testing.T) {
	const uuid = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	ext4 := probe.Signature{Type: "ext4", Usage: probe.Filesystem, Label: "l", UUID: uuid}
	zfs := probe.Signature{Type: "zfs_member", Usage: probe.Filesystem, Label: "tank", UUID: "12"}
	befs := probe.Signature{Type: "befs", Usage: probe.Filesystem}
	raid := probe.Signature{Type: "linux_raid_member", Usage: probe.RAID}
	dos := probe.Signature{Type: "dos", Usage: probe.PartTable}
	const kept = `warning: /dev/vda is kept: it holds ext4 labeled "l" (` + uuid + `), which matches the config, but also `
	const hint = ` (the leftovers keep udev from naming the device by label or UUID; remove them with "wipefs --all --types `
	for _, c := range []struct {
		name, want string
		wanted     string
		found      []probe.Signature
	}{
		{"an old pool", kept + `zfs_member labeled "tank" (12)` + hint + `zfs_member /dev/vda")`, `"label":"l"`, []probe.Signature{ext4, zfs}},
		{"several", kept + `zfs_member labeled "tank" (12), befs` + hint + `zfs_member,befs /dev/vda")`, `"uuid":"` + uuid + `"`, []probe.Signature{ext4, zfs, befs, dos}},
		{"a partition table does not count", "", `"label":"l"`, []probe.Signature{ext4, dos}},
		{"another label", `error: /dev/vda (64 MiB) cannot be used: it holds ext4 labeled "l" (` + uuid + `), wanted label "m" (set wipeFilesystem to have it destroyed)`,
			`"label":"m"`, []probe.Signature{ext4, zfs}},
		{"libblkid finds the other first", `error: /dev/vda (64 MiB) cannot be used: it holds zfs_member labeled "tank" (12), wanted ext4 (set wipeFilesystem to have it destroyed)`,
			`"label":"l"`, []probe.Signature{zfs, ext4}},
		{"a member of an array hides it", `error: /dev/vda (64 MiB) cannot be used: it holds linux_raid_member, wanted ext4 (set wipeFilesystem to have it destroyed)`,
			`"label":"l"`, []probe.Signature{raid, ext4}},
	} {
		doc := parse(t, `{"filesystems":[{"device":"/dev/vda","format":"ext4",`+c.wanted+`}]}`)
		b := machine("/dev/vda")
		b.Devices["/dev/vda"] = facts.Device{Size: testDisk, SectorSize: 512, Signatures: c.found}
		r := Build("filesystems", Filesystems, doc, looked(doc, b), Inputs{})
		var got []string
		for _, d := range r.Report {
			got = append(got, fmt.Sprintf("%v: %s (%s)", d.Severity, d.Summary, d.Hint))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		for _, s := range r.Plan.Steps {
			if _, names := s.Op.(op.NameDevices); !names {
				t.Errorf("%s: %s", c.name, s.Op.Describe())
			}
		}
	}
}

// TestJudgeVolume: a volume is reused only if its key is in the config and all that can be seen of it matches.
func TestJudgeVolume(t *testing.T) {
	luks := probe.Signature{Type: "crypto_LUKS", Usage: probe.Crypto, Version: "2", Label: "l", UUID: "u"}
	old := luks
	old.Version = "1"
	discards := luks
	discards.Flags = []string{"allow-discards"}
	unfinished := holding(luks)
	unfinished.Unfinished = true
	keyed := types.Luks{Name: "v", KeyFile: types.Resource{Source: ptr("data:,k")}}
	with := func(change func(*types.Luks)) types.Luks { l := keyed; change(&l); return l }
	for _, c := range []struct {
		l    types.Luks
		d    facts.Device
		want string
	}{
		{keyed, holding(), "renew: it is empty"},
		{keyed, facts.Device{Unfinished: true, Predicted: true}, "renew: it is empty"},
		{keyed, facts.Device{Udev: []string{"ID_FS_AMBIVALENT=a b"}}, "refuse: it is not empty according to udev's database: ID_FS_AMBIVALENT=a b"},
		{keyed, holding(probe.Signature{Type: "dos", Usage: probe.PartTable}), "refuse: it has a partition table of type dos"},
		{keyed, holding(luks), "leave: it matches the config"},
		{keyed, unfinished, "renew: an earlier run did not finish it"},
		{keyed, holding(old), "refuse: it holds LUKS of version 1"},
		{keyed, holding(probe.Signature{Type: "xfs", Usage: probe.Filesystem}), "refuse: it holds xfs"},
		{types.Luks{Name: "v"}, holding(luks), "refuse: it holds a LUKS volume, and without keyFile.source nobody has its key"},
		{types.Luks{Name: "v"}, unfinished, "renew: an earlier run did not finish it"},
		{with(func(l *types.Luks) { l.Clevis.TPM2 = ptr(true) }), holding(luks), "refuse: it holds a LUKS volume, and one with clevis is never reused"},
		{with(func(l *types.Luks) { l.WipeVolume = ptr(true) }), holding(luks), "renew: wipeVolume is set"},
		{with(func(l *types.Luks) { l.Label = ptr("m") }), holding(luks), `refuse: it holds a LUKS volume labeled "l", wanted "m"`},
		{with(func(l *types.Luks) { l.UUID = ptr("w") }), holding(luks), "refuse: it holds LUKS volume u, wanted w"},
		{with(func(l *types.Luks) { l.Discard = ptr(true) }), holding(luks), "refuse: it holds a LUKS volume with discard false, wanted true"},
		{with(func(l *types.Luks) { l.Discard = ptr(true) }), holding(discards), "leave: it matches the config"},
	} {
		v, reason := judgeVolume(c.l, c.d)
		if got := fmt.Sprintf("%v: %s", v, reason); got != c.want {
			t.Errorf("%+v: %s, want %s", c.d, got, c.want)
		}
	}
}

// TestBinding: the configuration for clevis is a secret, and a binding is proved if the pieces within reach suffice.
func TestBinding(t *testing.T) {
	server := func(name string, adv *string) types.Tang {
		return types.Tang{URL: "http://" + name + "/", Thumbprint: ptr("t" + name), Advertisement: adv}
	}
	for _, c := range []struct {
		clevis        types.Clevis
		pin, config   string
		reach         []string
		prove, usesIt bool
	}{
		{types.Clevis{TPM2: ptr(true)}, "sss", `{"pins":{"tpm2":{}},"t":1}`, nil, true, true},
		{types.Clevis{Tang: []types.Tang{server("a", nil)}}, "sss", `{"pins":{"tang":[{"url":"http://a/","thp":"ta"}]},"t":1}`, []string{"http://a/adv"}, true, true},
		{types.Clevis{Tang: []types.Tang{server("a", ptr(`{"x":1}`))}}, "sss", `{"pins":{"tang":[{"url":"http://a/","thp":"ta","adv":{"x":1}}]},"t":1}`, nil, false, true},
		{types.Clevis{Tang: []types.Tang{server("a", nil), server("b", ptr(`{}`))}, TPM2: ptr(true), Threshold: ptr(2)}, "sss",
			`{"pins":{"tang":[{"url":"http://a/","thp":"ta"},{"url":"http://b/","thp":"tb","adv":{}}],"tpm2":{}},"t":2}`, []string{"http://a/adv"}, true, true},
		{types.Clevis{Custom: types.ClevisCustom{Pin: ptr("tang"), Config: ptr("own")}}, "tang", "own", nil, false, true},
	} {
		b := &builder{payloads: op.Payloads{}, in: Inputs{Seed: "seed"}}
		got := b.binding("$.storage.luks.0.clevis", c.clevis)
		var reach []string
		for _, r := range got.Reach {
			reach = append(reach, r.Source)
		}
		config := b.payloads[got.Config]
		if config.Text == nil || *config.Text != c.config || got.Pin != c.pin || !slices.Equal(reach, c.reach) || got.Prove != c.prove {
			t.Errorf("want %s %s, reach %q, prove %v; got %+v", c.pin, c.config, c.reach, c.prove, got)
		}
		if usesClevis(types.Luks{Clevis: c.clevis}) != c.usesIt {
			t.Errorf("%+v: clevis is used: %v", c.clevis, !c.usesIt)
		}
	}
}

// TestRedact: of a URL people see neither credentials, query nor fragment.
func TestRedact(t *testing.T) {
	for source, want := range map[string]string{
		"https://user:canary@host:8/a%2Fb/c?canary=1#canary": "https://host:8/a%2Fb/c",
		"s3://bucket/key?versionId=canary":                   "s3://bucket/key",
		"arn:aws:s3:::bucket/canary":                         "arn:…",
		"http://host/%zz?canary":                             "http:…",
		"tftp://host/x":                                      "tftp://host/x",
	} {
		if got := redact(source); got != want || strings.Contains(got, "canary") {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
	for source, want := range map[string]bool{"data:,x": true, "DATA:;base64,": true, "data": false, "http://data:": false, "": false} {
		if isInline(source) != want {
			t.Errorf("%q is inline: %v", source, !want)
		}
	}
}

// TestWants: what is fetched early is what comes from the network, in the order of the config, keys first where they are asked for.
func TestWants(t *testing.T) {
	doc := document(t, `"storage":{"files":[
		{"path":"/a","contents":{"source":"https://h/a"},"append":[{"source":"data:,x"},{"source":"http://h/b"}]},{"path":"/c"},{"path":"/d","contents":{"source":"tftp://h/d"}}],
		"luks":[{"name":"v","device":"/dev/vda1","keyFile":{"source":"https://h/key"}},{"name":"w","device":"/dev/vda2"}]}`)
	var got []string
	wants, loads := Wants(doc, slices.Concat(KeyWants(&doc.Config), FileWants(&doc.Config)), "seed")
	all := Payloads(doc, "seed")
	for _, w := range wants {
		got = append(got, w.Source+" for "+w.Place)
		if p := all[w.Handle].Place; p != loads[w.Handle].Place || !strings.HasPrefix(p, "test.ign:") || !strings.HasSuffix(p, ".source)") {
			t.Errorf("%s is at %q", w.Source, p)
		}
		if _, known := all[w.Handle]; !known || loads[w.Handle].Source != w.Source {
			t.Errorf("%s is not among the payloads", w.Source)
		}
	}
	if d := cmp.Diff([]string{"https://h/key for ", "https://h/a for /a", "http://h/b for /a", "tftp://h/d for /d"}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestKernelArguments: all go to the helper in one step, and without any there is none.
func TestKernelArguments(t *testing.T) {
	r := Build("kargs", KernelArguments, document(t, `"kernelArguments":{"shouldExist":["a","b c"],"shouldNotExist":["d"]}`), facts.Facts{}, Inputs{})
	want := op.SetKernelArguments{Present: []string{"a", "b c"}, Absent: []string{"d"}}
	if len(r.Plan.Steps) != 1 || !cmp.Equal(r.Plan.Steps[0].Op, op.Op(want)) {
		t.Errorf("got %+v", r.Plan.Steps)
	}
	if r := Build("kargs", KernelArguments, document(t, `"storage":{}`), facts.Facts{}, Inputs{}); len(r.Plan.Steps) > 0 || r.Plan.Steps == nil {
		t.Errorf("without arguments: %+v", r.Plan.Steps)
	}
}
