// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

func parse(t *testing.T, sections string) *types.Config {
	t.Helper()
	doc, report := config.Parse(diag.NewSource("config", []byte(`{"ignition":{"version":"3.6.0"}`+sections+`}`)))
	if report.HasErrors() {
		t.Fatal(report.Errors()[0].Line())
	}
	return &doc.Config
}

// outline writes the questions that are asked, one kind a line.
func outline(q facts.Questions) string {
	var b strings.Builder
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.IsZero():
		case f.Kind() == reflect.Bool:
			b.WriteString(v.Type().Field(i).Name + "\n")
		case v.Type().Field(i).Name == "Regions":
			for _, r := range q.Regions {
				fmt.Fprintf(&b, "Region %s %d-%d\n", r.Node, r.Partition.First, r.Partition.Last)
			}
		case v.Type().Field(i).Name == "Nodes":
			for _, n := range q.Nodes {
				fmt.Fprintf(&b, "Node %s %v\n", n.Path, n.Content)
			}
		default:
			fmt.Fprintf(&b, "%s %s\n", v.Type().Field(i).Name, strings.Join(f.Interface().([]string), " "))
		}
	}
	return b.String()
}

const stacked = `,"storage":{"disks":[{"device":"/dev/vda","partitions":[{"number":1,"label":"a"}]}],
	"raid":[{"name":"r","level":"raid1","devices":["/dev/vda1","/dev/disk/by-id/other-part1"]}],
	"luks":[{"name":"l","device":"/dev/md/r","keyFile":{"source":"data:,k"}}],
	"filesystems":[{"device":"/dev/mapper/l","format":"ext4","path":"/data"},{"device":"/dev/share","format":"none"}]}`

// disks is a blank disk, as far as it is known.
func disks(level int) facts.Facts {
	f := facts.Facts{Programs: map[string]bool{"mdadm": true, "cryptsetup": true, "mkfs.ext4": true, "mount": true, "kpartx": true}, Handover: &facts.Handover{}, Block: &facts.Block{}}
	f.Block.Prepare()
	if level > 0 {
		f.Block.Add("/dev/vda", facts.Device{Size: 64 << 20, SectorSize: 512})
	}
	if level > 1 {
		f.Block.Disks["/dev/vda"] = facts.Disk{}
		f.Block.Absent["/dev/disk/by-id/other"] = ""
	}
	if level > 2 {
		for _, p := range []string{"/dev/vda1", "/dev/disk/by-id/other-part1", "/dev/md/r", "/dev/mapper/l", "/dev/share"} {
			f.Block.Absent[p] = ""
		}
		f.Block.Disks["/dev/vda"] = facts.Disk{Regions: map[string][]probe.Signature{}}
	}
	return f
}

// linked is a tree whose account file is a link.
func linked() *facts.Tree {
	t := &facts.Tree{}
	t.Prepare()
	for _, name := range []string{"/root", "/var/mail/root", "/etc/passwd"} {
		t.Asked[name] = false
	}
	t.Nodes["/etc/passwd"] = facts.Node{Type: "link", Target: "../usr/passwd"}
	return t
}

// besideAccounts is the part of the questions about backups and locks of the account files.
func besideAccounts(passwd string) string {
	text := "Node /etc/.pwd.lock false\nNode " + passwd + "- false\nNode /etc/passwd.lock false\n"
	for _, name := range []string{"shadow", "group", "gshadow", "subuid", "subgid"} {
		text += "Node /etc/" + name + "- false\nNode /etc/" + name + ".lock false\n"
	}
	return text
}

// accountPlaces lists all paths that editing accounts is about.
func accountPlaces() []string {
	all := []string{"/etc/.pwd.lock"}
	for _, name := range []string{"passwd", "shadow", "group", "gshadow", "subuid", "subgid"} {
		all = append(all, "/etc/"+name, "/etc/"+name+"-", "/etc/"+name+".lock")
	}
	return all
}

// owned is a tree with a directory that belongs to a user, in which something was looked for.
func owned(dir string) *facts.Tree {
	t := &facts.Tree{}
	t.Prepare()
	t.Nodes[dir], t.Asked["/home/core/a/f"] = facts.Node{Type: "directory", UID: 1000}, false
	return t
}

// What a part asks for, on what is known so far.
func TestQuestions(t *testing.T) {
	tree := func(asked ...string) *facts.Tree {
		t := &facts.Tree{}
		t.Prepare()
		for _, a := range asked {
			t.Asked[a] = true
		}
		return t
	}
	accounts := &facts.Accounts{Texts: account.Texts{"/etc/passwd": "root:x:0:0::/root:/bin/sh\nold:x:1000:1000::/home/old:/bin/sh\n", "/etc/group": "root:x:0:\n"}}
	const user = `,"passwd":{"users":[{"name":"core"},{"name":"old","shouldExist":false}]}`
	const unit = `,"systemd":{"units":[{"name":"a.service","enabled":true,"dropins":[{"name":"d.conf","contents":""}]},{"name":"b.service","enabled":false}]}`
	for _, c := range []struct {
		name, config string
		ask          Func
		f            facts.Facts
		want         string
	}{
		{"nothing", stacked, Nothing, facts.Facts{}, ""},
		{"an empty config", "", All(Partitions, RAID, Accounts, Mount), facts.Facts{}, "Handover\n"},
		{"disks first", stacked, Partitions, facts.Facts{},
			"Programs cryptsetup mdadm mkfs.ext4 mount kpartx\nAwait /dev/vda\nHandover\n"},
		{"then tables and the disks of partitions by udev's name", stacked, Partitions, disks(1), "Resolve /dev/disk/by-id/other\nTables /dev/vda\n"},
		{"devices that nobody makes are waited for, all others looked at", stacked, Partitions, disks(2),
			"Await /dev/disk/by-id/other-part1 /dev/share\nLook /dev/mapper/l /dev/md/r /dev/vda1\nRegion /dev/vda 2048-131038\n"},
		{"later parts wait for their devices", stacked, RAID, disks(2), "Await /dev/disk/by-id/other-part1 /dev/vda1\n"},
		{"accounts", user, Accounts, facts.Facts{}, "Accounts\nHandover\n"},
		{"then homes and the skeleton", user, Accounts, facts.Facts{Accounts: accounts, Handover: &facts.Handover{}},
			besideAccounts("/etc/passwd") + "Node /home/core false\nNode /var/mail/core false\nNode /home/old false\nNode /var/mail/old false\n" +
				"Node /root false\nNode /home/core false\nNode /etc/passwd false\nNode /etc/shadow false\nNode /etc/group false\n" +
				"Node /etc/gshadow false\nNode /etc/subuid false\nNode /etc/subgid false\nTrees /etc/skel\nPolicy\n"},
		{"nothing twice", `,"passwd":{"groups":[{"name":"g"}]}`, Accounts,
			facts.Facts{Accounts: accounts, Handover: &facts.Handover{}, SELinux: &facts.SELinux{}, Tree: tree(accountPlaces()...)}, ""},
		{"the account files, their backups and locks, through links, and keys", `,"passwd":{"users":[{"name":"root","sshAuthorizedKeys":["k"]}]}`, Accounts,
			facts.Facts{Accounts: accounts, Handover: &facts.Handover{}, SELinux: &facts.SELinux{Policy: "p"}, Tree: linked()},
			"Programs setfiles\n" + besideAccounts("/usr/passwd") + "Node /root/.ssh/authorized_keys false\nNode /root/.ssh/authorized_keys.d/ignition false\n" +
				"Node /usr/passwd false\nNode /etc/shadow false\nNode /etc/group false\n" +
				"Node /etc/gshadow false\nNode /etc/subuid false\nNode /etc/subgid false\n"},
		{"owners by name", `,"storage":{"links":[{"path":"/l","target":"x","group":{"name":"g"}}]}`, Accounts, facts.Facts{}, "Accounts\nHandover\n"},
		{"owners by number", `,"storage":{"links":[{"path":"/l","target":"x","group":{"id":3}}]}`, Accounts, facts.Facts{}, ""},
		{"places, each with its content if it is appended to", `,"storage":{"files":[{"path":"/f","append":[{"source":"data:,x"}]},{"path":"/g"}],
			"links":[{"path":"/h","target":"t","hard":true},{"path":"/s","target":"t"}],"directories":[{"path":"/d"}]}`, FilesAhead,
			facts.Facts{SELinux: &facts.SELinux{Policy: "p"}, Tree: tree("/g")},
			"Programs setfiles\nNode /d false\nNode /f true\nNode /h false\nNode /t false\nNode /s false\nHandover\n"},
		{"accounts, if parents are missing in a directory of a user", `,"storage":{"files":[{"path":"/home/core/a/f"}]}`, FilesAhead,
			facts.Facts{SELinux: &facts.SELinux{}, Handover: &facts.Handover{}, Tree: owned("/home/core")}, "Accounts\n"},
		{"none if only root has them", `,"storage":{"files":[{"path":"/home/core/a/f"}]}`, FilesAhead,
			facts.Facts{SELinux: &facts.SELinux{}, Handover: &facts.Handover{}, Tree: owned("/srv")}, ""},
		{"what earlier stages left", "", FilesAhead, facts.Facts{SELinux: &facts.SELinux{}, Handover: &facts.Handover{
			VolumeKeyFiles: []string{"/etc/zkey/k"}, PlatformFiles: []facts.PlatformFile{{Path: "/p"}}}}, "Node /etc/zkey/k false\nNode /p false\n"},
		{"units", unit, FilesAhead, facts.Facts{SELinux: &facts.SELinux{}, Handover: &facts.Handover{}},
			"Node /etc/systemd/system/a.service false\nNode /etc/systemd/system/a.service.d/d.conf false\nNode /etc/systemd/system/b.service false\n" +
				"Node /etc/systemd/system-preset/20-ignition.preset false\nUnits a.service\n"},
		{"all units, if one is missing", unit, units, facts.Facts{Units: &facts.Units{Found: map[string]bool{"a.service": false}}}, "UnitNames\n"},
		{"headers of volumes", stacked, Files, facts.Facts{SELinux: &facts.SELinux{}, Handover: &facts.Handover{}},
			"Look /dev/md/r\nNode /etc/crypttab false\nNode /etc/luks/l false\n"},
		{"mount points", stacked, Mount, disks(2), "Await /dev/mapper/l\nMounts\nNode /data false\nPolicy\n"},
		{"mount points ahead", stacked, MountPoints, disks(3), "Mounts\nNode /data false\nPolicy\n"},
		{"what is mounted", stacked, Unmount, facts.Facts{}, "Mounts\n"},
		{"nothing to unmount", "", Unmount, facts.Facts{}, ""},
	} {
		var q facts.Questions
		c.ask(parse(t, c.config), &c.f, &q)
		if diff := cmp.Diff(c.want, outline(q)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
		if q.Empty() != (c.want == "") {
			t.Errorf("%s: empty is %v", c.name, q.Empty())
		}
	}
}

// Names of partitions by udev lead to the names of their disks.
func TestDiskLinks(t *testing.T) {
	got := diskLinks([]string{
		"/dev/disk/by-id/x-part1", "/dev/disk/by-path/y-part12", "/dev/disk/by-id/x-partition", "/dev/disk/by-id/x-part", "/dev/vda-part1", "/dev/disk/by-id/a-part1-part2",
	})
	if want := []string{"/dev/disk/by-id/x", "/dev/disk/by-path/y", "/dev/disk/by-id/a-part1"}; !cmp.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
