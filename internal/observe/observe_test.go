// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// target is a root that has something of everything that is asked for.
const target = `f /etc/passwd root:$6$canary:0:0:root:/root:/bin/sh\n
f /etc/shadow root:$6$canary:1::::::\n
f /etc/group root:x:0:\n
f /etc/motd welcome
f /etc/selinux/config SELINUX=enforcing\nSELINUXTYPE=targeted\n
f /etc/skel/deep/rc text
l /etc/skel/link deep
l /mnt var/mnt
d /var/mnt
l /loop loop
f /usr/lib/systemd/system/known.service [Install]
l /etc/systemd/system/masked.service /dev/null
`

const mib = 1 << 20

// newMachine is a modeled machine with a disk of two partitions, the first with a filesystem, and a root.
func newMachine(t *testing.T) (Machine, *fake.Machine) {
	t.Helper()
	m := fake.New("observe")
	m.AddDisk("vda", 64*mib, 512)
	m.AddDisk("vdb", 64*mib, 4096)
	m.Boot()
	m.Settle()
	table, err := gpt.New(512, 64*mib/512, gpt.GUID{1})
	if err != nil {
		t.Fatal(err)
	}
	table.Partitions = []gpt.Partition{
		{Number: 1, Type: gpt.LinuxData, ID: gpt.GUID{2}, Label: "one", First: 2048, Last: 40959},
		{Number: 3, Type: gpt.LinuxData, ID: gpt.GUID{3}, Label: "three", First: 40960, Last: 61439},
	}
	write(t, m, table)
	m = m.Reboot()
	m.Settle()
	if _, err := m.Run(context.Background(), sys.Command{Name: "mkfs.ext4", Args: []string{"-F", "-L", "data", "/dev/vda1"}}); err != nil {
		t.Fatal(err)
	}
	m = m.Reboot()
	m.Settle()
	dir := t.TempDir()
	for line := range strings.Lines(target) {
		w := strings.Fields(line)
		name := filepath.Join(dir, w[1])
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			switch w[0] {
			case "d":
				err = os.MkdirAll(name, 0o755)
			case "f":
				err = os.WriteFile(name, []byte(strings.ReplaceAll(strings.Join(w[2:], " "), `\n`, "\n")), 0o644)
			case "l":
				err = os.Symlink(w[2], name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	left := func() facts.Handover { return facts.Handover{Keys: []string{"volume"}} }
	return Machine{System: m, Root: root, Handover: left}, m
}

func write(t *testing.T, m *fake.Machine, table gpt.Table) {
	t.Helper()
	groups, err := table.Encode(gpt.Found{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.OpenDisk(context.Background(), "/dev/vda")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, g := range groups {
		for _, w := range g {
			if _, err := d.WriteAt(w.Data, w.Offset); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// asked is one question of every kind, with its expected answer.
var asked = []struct {
	member string // of facts.Questions
	q      facts.Questions
	check  func(f facts.Facts) bool
}{
	{"Programs", facts.Questions{Programs: []string{"mkfs.ext4", "mkfs.none"}}, func(f facts.Facts) bool {
		there, known := f.Programs["mkfs.none"]
		return f.Programs["mkfs.ext4"] && !there && known
	}},
	{"Await", facts.Questions{Await: []string{"/dev/vda1", "/dev/disk/by-partlabel/none"}}, func(f facts.Facts) bool {
		d := f.Block.Devices["/dev/vda1"]
		return len(d.Signatures) == 1 && d.Signatures[0].Type == "ext4" && d.Signatures[0].Label == "data" && d.Size == 19*mib &&
			d.Slot == facts.Slot{Disk: "/dev/vda", Number: 1} && f.Block.Absent["/dev/disk/by-partlabel/none"] != ""
	}},
	{"Look", facts.Questions{Look: []string{"/dev/disk/by-partlabel/one", "/dev/nowhere"}}, func(f facts.Facts) bool {
		_, absent := f.Block.Absent["/dev/nowhere"]
		_, d, found := f.Block.Lookup("/dev/disk/by-partlabel/one")
		return absent && found && len(d.Signatures) == 1
	}},
	{"Resolve", facts.Questions{Resolve: []string{"/dev/disk/by-partlabel/one"}}, func(f facts.Facts) bool {
		return f.Block.Paths["/dev/disk/by-partlabel/one"] == "/dev/vda1" && len(f.Block.Devices) == 0
	}},
	{"Tables", facts.Questions{Tables: []string{"/dev/vda", "/dev/vdb"}}, func(f facts.Facts) bool {
		d := f.Block.Disks["/dev/vda"]
		return d.Table != nil && len(d.Table.Table.Partitions) == 2 && d.Partitions[3] == "/dev/vda3" && len(f.Block.Devices) >= 2 &&
			f.Block.Disks["/dev/vdb"].Table == nil && f.Block.Disks["/dev/vdb"].Other == ""
	}},
	{"Regions", facts.Questions{Regions: []facts.Place{{Node: "/dev/vda", Partition: gpt.Partition{First: 2048, Last: 40959}, SectorSize: 512}}}, func(f facts.Facts) bool {
		found := f.Block.Disks["/dev/vda"].Regions["2048-40959"]
		return len(found) == 1 && found[0].Type == "ext4"
	}},
	{"Mounts", facts.Questions{Mounts: true}, func(f facts.Facts) bool { return f.Block.Mounts != nil }},
	{"Nodes", facts.Questions{Nodes: []facts.NodeQuestion{
		{Path: "/etc/motd", Content: true}, {Path: "/mnt/x"}, {Path: "/loop/x"}, {Path: "/a/b/c"}, {Path: "/"},
	}}, func(f facts.Facts) bool {
		t := f.Tree
		n := t.Nodes["/etc/motd"]
		return n.Size == 7 && len(n.Digest) == 64 && t.Resolved["/mnt/x"] == "/var/mnt/x" && t.Unreachable["/loop/x"] != "" && t.Missing["/a/b"] == "/a" &&
			t.Nodes["/"].Type == "directory" && t.Knows(facts.NodeQuestion{Path: "/etc/motd", Content: true}) && !t.Knows(facts.NodeQuestion{Path: "/mnt/x", Content: true})
	}},
	{"Trees", facts.Questions{Trees: []string{"/etc/skel"}}, func(f facts.Facts) bool {
		return cmp.Equal(f.Tree.Below["/etc/skel"], []string{"deep", "deep/rc", "link"}) && f.Tree.Nodes["/etc/skel/link"].Target == "deep"
	}},
	{"Accounts", facts.Questions{Accounts: true}, func(f facts.Facts) bool {
		return len(f.Accounts.Digests["/etc/shadow"]) == 64 && f.Accounts.Digests["/etc/gshadow"] == "" && strings.Contains(f.Accounts.Texts["/etc/passwd"], "/bin/sh")
	}},
	{"Units", facts.Questions{Units: []string{"known.service", "masked.service", "none.service"}}, func(f facts.Facts) bool {
		_, known := f.Units.Found["none.service"]
		return f.Units.Found["known.service"] && f.Units.Found["masked.service"] && known && !f.Units.Found["none.service"] && f.Units.Names == nil
	}},
	{"UnitNames", facts.Questions{UnitNames: true}, func(f facts.Facts) bool {
		return strings.Contains(strings.Join(f.Units.Names, " "), "known.service") && !f.Units.Extended
	}},
	{"Policy", facts.Questions{Policy: true}, func(f facts.Facts) bool { return f.SELinux.Policy == "targeted" && f.SELinux.Problem == "" }},
	{"Handover", facts.Questions{Handover: true}, func(f facts.Facts) bool { return cmp.Equal(f.Handover.Keys, []string{"volume"}) }},
}

// Every question has its answer in the facts, no answer has a secret or an effect, and asking a second time gives nothing new.
func TestAnswer(t *testing.T) {
	m, model := newMachine(t)
	tested := map[string]bool{}
	for _, c := range asked {
		t.Run(c.member, func(t *testing.T) {
			tested[c.member] = true
			if v := reflect.ValueOf(c.q).FieldByName(c.member); c.q.Empty() || v.IsZero() {
				t.Fatal("the question is not asked")
			}
			var f facts.Facts
			once := answer(t, m, c.q, &f)
			if !c.check(f) {
				t.Errorf("the answer is %s", once)
			}
			if twice := answer(t, m, c.q, &f); once != twice {
				t.Errorf("asked twice (-once +twice)\n%s", cmp.Diff(once, twice))
			}
			if strings.Contains(once, "canary") {
				t.Error("the answer holds a password hash")
			}
		})
	}
	for i := range reflect.TypeFor[facts.Questions]().NumField() {
		if name := reflect.TypeFor[facts.Questions]().Field(i).Name; !tested[name] {
			t.Errorf("no test asks %s", name)
		}
	}
	if seen := model.Effects(); len(seen) > 0 {
		t.Errorf("looking has the effects %q", seen)
	}
}

// answer returns the facts as text.
func answer(t *testing.T, m Machine, q facts.Questions, f *facts.Facts) string {
	t.Helper()
	if err := Answer(context.Background(), m, &q, f); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Before the root is mounted, its contents are unknown, which is not the same as absent.
func TestNoRoot(t *testing.T) {
	m, _ := newMachine(t)
	m.Root, m.Handover = nil, nil
	var f facts.Facts
	answer(t, m, facts.Questions{
		Nodes: []facts.NodeQuestion{{Path: "/etc"}}, Accounts: true, Units: []string{"x.service"}, Policy: true, Mounts: true, Handover: true,
	}, &f)
	if f.Tree != nil || f.Accounts != nil || f.Units != nil || f.SELinux != nil || f.Block != nil || f.Handover == nil {
		t.Errorf("without a root: %+v", f)
	}
}

// The name of the policy is a name and never a path.
func TestPolicy(t *testing.T) {
	m, _ := newMachine(t)
	for text, want := range map[string]facts.SELinux{
		"SELINUXTYPE=mls\n":               {Policy: "mls"},
		"# comment\n SELINUXTYPE = x\n":   {Problem: "no SELINUXTYPE"},
		"SELINUX=disabled\n":              {Problem: "no SELINUXTYPE"},
		"SELINUXTYPE=../../x\n":           {Problem: "no SELINUXTYPE"},
		"SELINUXTYPE=..\n":                {Problem: "no SELINUXTYPE"},
		"":                                {},
		"SELINUXTYPE=\nSELINUXTYPE=mls\n": {Policy: "mls"},
	} {
		if err := os.WriteFile(filepath.Join(m.Root.Name(), "etc/selinux/config"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var f facts.Facts
		answer(t, m, facts.Questions{Policy: true}, &f)
		if f.SELinux.Policy != want.Policy || !strings.Contains(f.SELinux.Problem, want.Problem) || (want.Problem == "") != (f.SELinux.Problem == "") {
			t.Errorf("%q: %+v", text, *f.SELinux)
		}
	}
}

// A mount point is seen from the root that it is in.
func TestBelow(t *testing.T) {
	for _, c := range []struct {
		root, path, want string
		ok               bool
	}{
		{"/sysroot", "/sysroot/var", "/var", true}, {"/sysroot", "/sysroot", "/", true}, {"/sysroot/", "/sysroot/a/b", "/a/b", true},
		{"/sysroot", "/sysroot2", "", false}, {"/sysroot", "/", "", false}, {"/", "/var", "/var", true},
	} {
		if got, ok := below(c.root, c.path); got != c.want || ok != c.ok {
			t.Errorf("%s in %s is %q, %v", c.path, c.root, got, ok)
		}
	}
}

// Where the probe finds nothing, what udev's database says counts, unless the database is older than what was written, or says of
// a partition what it knows of the disk.
func TestSecondOpinion(t *testing.T) {
	m, model := newMachine(t)
	put := func(node string, offset int64, text string) {
		t.Helper()
		d, err := model.OpenDisk(context.Background(), node)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	look := func(node string) []string {
		t.Helper()
		var f facts.Facts
		answer(t, m, facts.Questions{Look: []string{node}}, &f)
		return f.Block.Devices[node].Udev
	}
	announce := func(node string) {
		t.Helper()
		if err := model.Announce(node); err != nil {
			t.Fatal(err)
		}
		model.Settle()
	}
	for _, node := range []string{"/dev/vda", "/dev/vda1", "/dev/vda3", "/dev/vdb"} {
		if got := look(node); got != nil {
			t.Errorf("%s: %q", node, got)
		}
	}
	want := []string{"ID_FS_TYPE=" + fake.Foreign}
	for _, node := range []string{"/dev/vda3", "/dev/vdb"} {
		put(node, fake.ForeignAt, fake.Foreign)
		announce(node)
		if got := look(node); !cmp.Equal(got, want) {
			t.Errorf("%s: %q", node, got)
		}
		put(node, fake.ForeignAt, "gone") // of which udev does not hear
		if got := look(node); got != nil {
			t.Errorf("%s: an outdated record says %q", node, got)
		}
		put(node, fake.ForeignAt, fake.Foreign)
		if err := model.Announce(node); err != nil {
			t.Fatal(err)
		}
		model.Settle()
		put(node, fake.ForeignAt, "gone")
		announce(node)
		if got := look(node); got != nil {
			t.Errorf("%s: %q after the contents were erased", node, got)
		}
	}
}
