// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

var diskParts = []struct {
	name    string
	planner Planner
}{{"partitions", Partitions}, {"raid", RAID}, {"luks", LUKS}, {"filesystems", Filesystems}}

// looked marks every unknown device of a config as looked for and absent.
func looked(doc config.Document, b *facts.Block) facts.Facts {
	b.Prepare()
	c := &doc.Config
	for _, p := range slices.Concat(DiskPaths(c), RAIDPaths(c), LUKSPaths(c), FilesystemPaths(c)) {
		if !b.Known(p) {
			b.Absent[p] = ""
		}
	}
	return facts.Facts{Block: b}
}

// parse reads a config whose storage section is given.
func parse(t *testing.T, storage string) config.Document {
	t.Helper()
	doc, report := config.Parse(diag.NewSource("config", []byte(`{"ignition":{"version":"3.6.0"},"storage":`+storage+`}`)))
	if report.HasErrors() {
		t.Fatal(report)
	}
	return doc
}

const testDisk = int64(64 << 20)

// machine is facts with blank disks of 64 MiB.
func machine(disks ...string) *facts.Block {
	b := &facts.Block{Disks: map[string]facts.Disk{}}
	for _, d := range disks {
		b.Add(d, facts.Device{Size: testDisk, SectorSize: 512}, "/dev/disk/by-id/"+strings.TrimPrefix(d, "/dev/"))
		b.Disks[d] = facts.Disk{}
	}
	return b
}

// with puts a table of partitions, 10 MiB each, onto a disk: "label:filesystem".
func with(t *testing.T, b *facts.Block, disk string, mark *gpt.Mark, partitions ...string) *facts.Block {
	t.Helper()
	table, err := gpt.New(512, gpt.Sectors(testDisk/512), gpt.GUID{9})
	if err != nil {
		t.Fatal(err)
	}
	table.Protected = true
	nodes := map[int]string{}
	for i, p := range partitions {
		label, kind, _ := strings.Cut(p, ":")
		first := gpt.Sectors(2048 + i*20480)
		table.Partitions = append(table.Partitions, gpt.Partition{
			Number: i + 1, Type: gpt.LinuxData, ID: gpt.GUID{byte(i)}, Label: label, First: first, Last: first + 20479,
		})
		d := facts.Device{Size: 10 << 20, SectorSize: 512}
		if kind != "" {
			d.Signatures = []probe.Signature{{Type: kind, Usage: probe.Filesystem, Label: label, Magics: []probe.Extent{{Offset: 1080, Length: 2}}}}
		}
		d.Unfinished = mark != nil && slices.Contains(mark.Content, i+1)
		nodes[i+1] = fmt.Sprintf("%s%d", disk, i+1)
		b.Add(nodes[i+1], d, "/dev/disk/by-partlabel/"+label)
	}
	b.Disks[disk] = facts.Disk{Table: &gpt.Found{Table: table, Mark: mark}, Partitions: nodes}
	return b
}

// mapped turns a disk and its partitions into a mapping of the name disk, which does not know kpartx.
func mapped(b *facts.Block, disk string) *facts.Block {
	d := b.Disks[disk]
	d.Mapping = "disk"
	for n, node := range d.Partitions {
		device, name := b.Devices[node], fmt.Sprint("/dev/dm-", n)
		b.Remove(node)
		b.Add(name, device, fmt.Sprint("/dev/mapper/disk-part", n))
		d.Partitions[n] = name
	}
	b.Disks[disk] = d
	return b
}

// show plans all parts of the disks stage, each on the predicted result of the part before it, and writes the plans down.
func show(t *testing.T, storage string, b *facts.Block, programs map[string]bool) string {
	t.Helper()
	doc := parse(t, storage)
	f := looked(doc, b)
	f.Programs = programs
	var lines []string
	for _, part := range diskParts {
		r := Build(part.name, part.planner, doc, f, Inputs{Seed: "seed"})
		for _, d := range r.Report {
			hint := ""
			if d.Hint != "" {
				hint = " (" + d.Hint + ")"
			}
			lines = append(lines, fmt.Sprintf("%v at %s: %s%s", d.Severity, d.Path, d.Summary, hint))
		}
		for _, s := range r.Plan.Steps {
			if _, names := s.Op.(op.NameDevices); !names {
				lines = append(lines, s.Op.Describe())
			}
		}
		if r.Report.HasErrors() {
			break
		}
		f = r.After
	}
	return strings.Join(lines, "\n")
}

// volume puts a LUKS2 volume with flags onto a device.
func volume(b *facts.Block, node string, flags ...string) *facts.Block {
	d := b.Devices[node]
	d.Signatures = []probe.Signature{{Type: "crypto_LUKS", Usage: probe.Crypto, Version: "2", UUID: "u", Flags: flags}}
	b.Devices[node] = d
	return b
}

const twoPartitions = `{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"a","sizeMiB":10},{"label":"b"}]}],
	"filesystems":[{"device":"/dev/disk/by-partlabel/a","format":"ext4","label":"a"},{"device":"/dev/vda2","format":"xfs"}]}`

// missing is what is known of programs where a case expects that one is missing.
func missing(want string) map[string]bool {
	known := map[string]bool{}
	for _, p := range []string{"mkfs.ext4", "mkfs.xfs", Kpartx} {
		known[p] = !strings.Contains(want, "the program "+p+" is needed")
	}
	return known
}

func TestDiskPlans(t *testing.T) {
	cases := []struct {
		name    string
		storage string
		block   func(*testing.T) *facts.Block
		want    string
	}{
		{"blank disk", twoPartitions, func(*testing.T) *facts.Block { return machine("/dev/vda") }, `
partition /dev/vda: make a table; create partition 1 10 MiB "a"; create partition 2 53 MiB "b"
format /dev/disk/by-partlabel/a as ext4 labeled a
format /dev/vda2 as xfs
note that the work on /dev/vda is finished`},
		{"used disk, all kept", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"a"}]}],
			"filesystems":[{"device":"/dev/vda1","format":"ext4","label":"a"}]}`,
			func(t *testing.T) *facts.Block { return with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4") }, ``},
		{"all conflicts are named, with the existing contents", `{"disks":[{"device":"/dev/vda","partitions":[
			{"number":1,"label":"x"},{"number":2,"sizeMiB":5,"startMiB":0},{"number":3,"shouldExist":false}]}]}`,
			func(t *testing.T) *facts.Block {
				return with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4", "b:xfs", "c")
			}, `
error at $.storage.disks.0.partitions.0: partition 1 of /dev/vda (labeled "a", ext4 labeled "a", 10 MiB) does not match the config: it exists and differs: its label is "a", wanted "x" (set wipePartitionEntry to have it replaced)
error at $.storage.disks.0.partitions.1: partition 2 of /dev/vda (labeled "b", xfs labeled "b", 10 MiB) does not match the config: it exists and differs: its size in sectors is 20480, wanted 10240 (set resize to have its size changed, or wipePartitionEntry to have it replaced)
error at $.storage.disks.0.partitions.2: partition 3 of /dev/vda (labeled "c", empty, 10 MiB) does not match the config: it exists, but must not (set wipePartitionEntry to have it deleted)`},
		{"a device that nobody makes, and programs that are missing", `{"filesystems":[{"device":"/dev/vdz1","format":"ext4"},
			{"device":"/dev/vda","format":"xfs","path":"/x"}]}`,
			func(*testing.T) *facts.Block {
				b := machine("/dev/vda")
				b.Absent = map[string]string{"/dev/vdz1": "there is /dev/vda"}
				return b
			}, `
error at $.storage.filesystems.0: the program mkfs.ext4 is needed and is not in the initramfs (add it to the initramfs, for example with dracut --install mkfs.ext4)
error at $.storage.filesystems.1: the program mkfs.xfs is needed and is not in the initramfs (add it to the initramfs, for example with dracut --install mkfs.xfs)
error at $.storage.filesystems.0.device: /dev/vdz1 does not exist, and nothing in the config makes it (there is /dev/vda)`},
		{"wiping says what is lost", `{"disks":[{"device":"/dev/vda","wipeTable":true,"partitions":[{"number":1}]}],
			"filesystems":[{"device":"/dev/vda1","format":"xfs","wipeFilesystem":true}]}`,
			func(t *testing.T) *facts.Block {
				return with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4", "b:xfs")
			}, `
partition /dev/vda: wipe its table; destroy partition 1 (labeled "a", ext4 labeled "a", 10 MiB); destroy partition 2 (labeled "b", xfs labeled "b", 10 MiB); create partition 1 63 MiB
format /dev/vda1 as xfs
note that the work on /dev/vda is finished`},
		{"another table", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]}]}`, func(*testing.T) *facts.Block {
			b := machine("/dev/vda")
			b.Disks["/dev/vda"] = facts.Disk{Other: "dos"}
			return b
		}, `error at $.storage.disks.0: /dev/vda has a partition table of type dos, not gpt (set wipeTable to have it destroyed)`},
		{"no table, but a filesystem", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]},{"device":"/dev/vdb"}]}`, func(*testing.T) *facts.Block {
			b := machine("/dev/vda", "/dev/vdb")
			for _, node := range []string{"/dev/vda", "/dev/vdb"} { // nothing is to be made on the second
				b.Devices[node] = facts.Device{Size: testDisk, SectorSize: 512, Signatures: []probe.Signature{{Type: "xfs", Usage: probe.Filesystem, Label: "l"}}}
			}
			return b
		}, `error at $.storage.disks.0: /dev/vda (64 MiB) has no partition table, but it holds xfs labeled "l" (set wipeTable to have it destroyed)`},
		{"no table, but udev knows better", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]},
			{"device":"/dev/vdb","wipeTable":true,"partitions":[{"number":1}]}],"filesystems":[{"device":"/dev/vdb1","format":"xfs"}]}`, func(*testing.T) *facts.Block {
			b := machine("/dev/vda", "/dev/vdb")
			b.Devices["/dev/vda"] = facts.Device{Size: testDisk, SectorSize: 512, Udev: []string{"ID_PART_TABLE_TYPE=later"}}
			return b
		}, `error at $.storage.disks.0: /dev/vda (64 MiB) has no partition table, but it is not empty according to udev's database: ID_PART_TABLE_TYPE=later (set wipeTable to have it destroyed)`},
		{"wiping what only udev knows", `{"disks":[{"device":"/dev/vda","wipeTable":true,"partitions":[{"number":1}]}],
			"filesystems":[{"device":"/dev/vdb","format":"xfs","wipeFilesystem":true}]}`, func(*testing.T) *facts.Block {
			b := machine("/dev/vda", "/dev/vdb")
			for _, node := range []string{"/dev/vda", "/dev/vdb"} {
				b.Devices[node] = facts.Device{Size: testDisk, SectorSize: 512, Udev: []string{"ID_FS_TYPE=later"}}
			}
			return b
		}, `
partition /dev/vda: wipe its table; destroy contents that only udev's database knows, ID_FS_TYPE=later; create partition 1 63 MiB
format /dev/vdb as xfs, destroying contents that only udev's database knows, ID_FS_TYPE=later, 64 MiB
note that the work on /dev/vda is finished`},
		{"a filesystem over partitions", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]}],"filesystems":[{"device":"/dev/vda","format":"xfs"}]}`,
			func(*testing.T) *facts.Block { return machine("/dev/vda") }, `
partition /dev/vda: make a table; create partition 1 63 MiB
error at $.storage.filesystems.0: /dev/vda (64 MiB) cannot be used: it has a partition table of type gpt (set wipeFilesystem to have it destroyed)
note that the work on /dev/vda is finished`},
		{"in use", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"sizeMiB":5,"wipePartitionEntry":true}]}]}`,
			func(t *testing.T) *facts.Block {
				b := with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4")
				d := b.Devices["/dev/vda1"]
				d.MountedOn = []string{"/boot"}
				b.Devices["/dev/vda1"] = d
				return b
			}, `error at $.storage.disks.0.partitions.0: partition 1 of /dev/vda (labeled "a", ext4 labeled "a", 10 MiB) is mounted on /boot, so firstlight cannot replace it (take it out of the config, or keep the initramfs from mounting or assembling it: rd.auto=0, rd.md=0, rd.lvm=0, rd.luks=0)`},
		{"another filesystem", `{"filesystems":[{"device":"/dev/vda1","format":"xfs"},{"device":"/dev/vda2","format":"ext4","label":"z"},
			{"device":"/dev/vda3","format":"none"}]}`,
			func(t *testing.T) *facts.Block {
				return with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4", "b:ext4", "c:swap")
			}, `
error at $.storage.filesystems.0: /dev/vda1 (10 MiB) cannot be used: it holds ext4 labeled "a", wanted xfs (set wipeFilesystem to have it destroyed)
error at $.storage.filesystems.1: /dev/vda2 (10 MiB) cannot be used: it holds ext4 labeled "b", wanted label "z" (set wipeFilesystem to have it destroyed)
error at $.storage.filesystems.2: /dev/vda3 (10 MiB) cannot be used: it holds swap labeled "c", wanted nothing (set wipeFilesystem to have it destroyed)`},
		{"the key of a volume is tried before any table is written", `{"disks":[{"device":"/dev/vda","partitions":[{"number":2,"label":"b"}]}],
			"luks":[{"name":"mine","device":"/dev/vda1","discard":true,"keyFile":{"source":"data:,k"}}]}`,
			func(t *testing.T) *facts.Block {
				return volume(with(t, machine("/dev/vda"), "/dev/vda", nil, "a"), "/dev/vda1", "allow-discards")
			}, `
try the key of encrypted volume /dev/vda1 for mine
partition /dev/vda: create partition 2 53 MiB "b"
reuse encrypted volume /dev/vda1 as mine
note that the work on /dev/vda is finished`},
		{"keys are fetched before any table is written", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1}]}],
			"luks":[{"name":"mine","device":"/dev/vda1","keyFile":{"source":"https://keys/mine"}}]}`,
			func(*testing.T) *facts.Block { return machine("/dev/vda") }, `
fetch the key of encrypted volume mine
partition /dev/vda: make a table; create partition 1 63 MiB
encrypt /dev/vda1 as mine
note that the work on /dev/vda is finished`},
		{"a volume with another flag, and one whose key nobody has", `{"luks":[
			{"name":"one","device":"/dev/vda1","keyFile":{"source":"data:,k"}},{"name":"two","device":"/dev/vda2"}]}`,
			func(t *testing.T) *facts.Block {
				b := with(t, machine("/dev/vda"), "/dev/vda", nil, "a", "b")
				return volume(volume(b, "/dev/vda1", "allow-discards"), "/dev/vda2")
			}, `
error at $.storage.luks.0: /dev/vda1 (10 MiB) cannot be used for one: it holds a LUKS volume with discard true, wanted false (set wipeVolume to have it destroyed)
error at $.storage.luks.1: /dev/vda2 (10 MiB) cannot be used for two: it holds a LUKS volume, and without keyFile.source nobody has its key (set wipeVolume to have it destroyed)`},
		{"filesystem on LUKS on RAID on partitions", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"m0"}]},
			{"device":"/dev/disk/by-id/vdb","partitions":[{"number":1,"label":"m1"}]}],
			"raid":[{"name":"data","level":"raid1","devices":["/dev/vda1","/dev/disk/by-id/vdb-part1"]}],
			"luks":[{"name":"sec","device":"/dev/md/data"}],
			"filesystems":[{"device":"/dev/mapper/sec","format":"ext4"}]}`,
			func(*testing.T) *facts.Block { return machine("/dev/vda", "/dev/vdb") }, `
partition /dev/vda: make a table; create partition 1 63 MiB "m0"
partition /dev/disk/by-id/vdb: make a table; create partition 1 63 MiB "m1"
create raid1 array data of /dev/vda1, /dev/disk/by-id/vdb-part1
encrypt /dev/md/data as sec
format /dev/mapper/sec as ext4
note that the work on /dev/vda is finished
note that the work on /dev/disk/by-id/vdb is finished`},
		{"what an unfinished run made counts as missing", twoPartitions, func(t *testing.T) *facts.Block {
			return with(t, machine("/dev/vda"), "/dev/vda", &gpt.Mark{Created: []int{1, 2}, Content: []int{1, 2}}, "a:ext4", "b:ext4")
		}, `
partition /dev/vda: create partition 1 10 MiB "a"; create partition 2 53 MiB "b"
format /dev/disk/by-partlabel/a as ext4 labeled a
format /dev/vda2 as xfs
note that the work on /dev/vda is finished`},
		{"what an unfinished run was making on an old partition is recreated", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"a"}]}],
			"filesystems":[{"device":"/dev/vda1","format":"ext4","label":"a"}]}`, func(t *testing.T) *facts.Block {
			return with(t, machine("/dev/vda"), "/dev/vda", &gpt.Mark{Content: []int{1}}, "a:ext4")
		}, `
note that work on /dev/vda begins
format /dev/vda1 as ext4 labeled a, destroying ext4 labeled "a", 10 MiB
note that the work on /dev/vda is finished`},
		{"partitions of a mapping are known by number, whatever their nodes", `{"disks":[{"device":"/dev/dm-0","partitions":[
			{"number":1,"label":"a","sizeMiB":10},{"number":2,"shouldExist":false,"wipePartitionEntry":true},{"number":3,"label":"c"}]}],
			"filesystems":[{"device":"/dev/mapper/disk-part1","format":"ext4","label":"a"},{"device":"/dev/mapper/disk3","format":"xfs"}]}`,
			func(t *testing.T) *facts.Block {
				return mapped(with(t, machine("/dev/dm-0"), "/dev/dm-0", nil, "a:ext4", "b:xfs"), "/dev/dm-0")
			}, `
partition /dev/dm-0: delete partition 2 (labeled "b", xfs labeled "b", 10 MiB); create partition 3 53 MiB "c"
format /dev/mapper/disk3 as xfs
note that the work on /dev/dm-0 is finished`},
		{"nothing makes the partitions of a mapping without kpartx", `{"disks":[{"device":"/dev/dm-0","partitions":[{"label":"a"}]}]}`,
			func(t *testing.T) *facts.Block {
				return mapped(machine("/dev/dm-0"), "/dev/dm-0")
			}, `
error at $.storage.disks.0: the program kpartx is needed and is not in the initramfs (add it to the initramfs, for example with dracut --install kpartx)`},
		{"a mapping of which a partition is in use", `{"disks":[{"device":"/dev/dm-0","wipeTable":true}]}`,
			func(t *testing.T) *facts.Block {
				b := mapped(with(t, machine("/dev/dm-0"), "/dev/dm-0", nil, "a:ext4"), "/dev/dm-0")
				d := b.Devices["/dev/dm-1"]
				d.MountedOn = []string{"/sysroot"}
				b.Devices["/dev/dm-1"] = d
				return b
			}, `
error at $.storage.disks.0: the table of /dev/dm-0 cannot be wiped: /dev/dm-1 is mounted on /sysroot (` + freeIt + `)`},
		{"an array left by an unfinished run is stopped", `{"disks":[{"device":"/dev/vda","partitions":[{"number":1},{"number":2}]}],
			"raid":[{"name":"d","level":"raid0","devices":["/dev/vda1","/dev/vda2"]}]}`, func(t *testing.T) *facts.Block {
			b := with(t, machine("/dev/vda"), "/dev/vda", &gpt.Mark{Created: []int{1, 2}, Content: []int{1, 2}}, "a", "b")
			for _, n := range []string{"/dev/vda1", "/dev/vda2"} {
				d := b.Devices[n]
				d.Holders = []string{"/dev/md127"}
				b.Devices[n] = d
			}
			b.Add("/dev/md127", facts.Device{Members: []string{"/dev/vda1", "/dev/vda2"}})
			return b
		}, `
stop unfinished /dev/md127 of /dev/vda1, /dev/vda2
partition /dev/vda: create partition 1 63 MiB; create partition 2 1007 KiB
create raid0 array d of /dev/vda1, /dev/vda2
note that the work on /dev/vda is finished`},
		{"after a boot that was cut short after the disks stage, what cannot be resumed is recreated", `{"disks":[{"device":"/dev/vda",
			"partitions":[{"label":"a","sizeMiB":10},{"label":"b","sizeMiB":10}]}],
			"luks":[{"name":"sec","device":"/dev/vda1"}],"filesystems":[{"device":"/dev/vda2","format":"ext4","label":"b"}]}`,
			func(t *testing.T) *facts.Block {
				storage := `{"device":"/dev/vda","partitions":[{"label":"a","sizeMiB":10},{"label":"b","sizeMiB":10}]}`
				p := DiskPlan{Disk: parse(t, `{"disks":[`+storage+`]}`).Config.Storage.Disks[0]}
				mark := &gpt.Mark{Finished: true, Entry: p.entryDigest(), Numbers: []int{1, 2}, Content: []int{1}}
				return with(t, machine("/dev/vda"), "/dev/vda", mark, "a:crypto_LUKS", "b:ext4")
			}, `
note that work on /dev/vda begins
encrypt /dev/vda1 as sec, destroying crypto_LUKS labeled "a", 10 MiB
note that the work on /dev/vda is finished`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), show(t, c.storage, c.block(t), missing(c.want))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// With all effects folded in, the same config asks for nothing more.
func TestDiskPlansConverge(t *testing.T) {
	for _, numbered := range []string{`"number":2,`, ``} {
		storage := strings.Replace(twoPartitions, `{"label":"b"`, `{`+numbered+`"label":"b"`, 1)
		doc := parse(t, storage)
		f := looked(doc, machine("/dev/vda"))
		for round := range 2 {
			for _, part := range diskParts {
				r := Build(part.name, part.planner, doc, f, Inputs{Seed: "seed"})
				if r.Report.HasErrors() {
					t.Fatal(r.Report)
				}
				for _, s := range r.Plan.Steps {
					if _, names := s.Op.(op.NameDevices); round == 1 && !names {
						t.Errorf("again: %s", s.Op.Describe())
					}
				}
				f = r.After
			}
		}
	}
}

// The same inputs give the same plan, byte for byte, after the facts went through JSON as well.
func TestDiskPlansAreReproducible(t *testing.T) {
	doc := parse(t, twoPartitions)
	var texts []string
	f := looked(doc, machine("/dev/vda"))
	for range 5 {
		text, err := json.Marshal(Build("partitions", Partitions, doc, f, Inputs{Seed: "seed"}).Plan)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
		var err2 error
		if f, err2 = f.Clone(); err2 != nil {
			t.Fatal(err2)
		}
	}
	if slices.Sort(texts); texts[0] != texts[len(texts)-1] {
		t.Error("the plans differ")
	}
}

// No step writes outside the tables, what is erased on purpose, and the partitions whose contents it makes.
func TestNeighboursArePreserved(t *testing.T) {
	storage := `{"disks":[{"device":"/dev/vda","partitions":[{"number":2,"wipePartitionEntry":true,"label":"new","sizeMiB":5}]}]}`
	b := with(t, machine("/dev/vda"), "/dev/vda", nil, "a:ext4", "b:ext4", "c:ext4")
	doc := parse(t, storage)
	r := Build("partitions", Partitions, doc, looked(doc, b), Inputs{Seed: "s"})
	if r.Report.HasErrors() {
		t.Fatal(r.Report)
	}
	for _, s := range r.Plan.Steps {
		o, ok := s.Op.(op.WritePartitionTable)
		if !ok {
			continue
		}
		for _, e := range o.Extents() {
			if e.Offset+e.Length > 34*512 && e.Offset < testDisk-33*512 {
				t.Errorf("writes %+v", e)
			}
		}
	}
}
