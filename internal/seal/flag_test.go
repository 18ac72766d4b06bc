// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAgain is the table of docs/exactly-once.md, as far as the seal, the flag and the hardware decide.
func TestAgain(t *testing.T) {
	const boot, writable = "LABEL=boot:/ignition.firstboot", "root,subvol=@/boot/writable:/firstboot_happened"
	flag := func(words string, files ...string) *Flag {
		f := &Flag{Words: words, Files: map[string]string{}}
		for i := 0; i < len(files); i += 2 {
			f.Files[files[i]] = files[i+1]
		}
		return f
	}
	here := Machine{UUID: "u1", Disk: "d1", Root: "r1"}
	for _, c := range []struct {
		about   string
		seal    Seal
		now     *Flag
		machine Machine
		want    string // a part of the reason to provision again; empty: sealed
	}{
		{about: "power cut before the flag file was removed", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: here},
		{about: "flag file touched", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, "f2"), machine: here, want: "flag was set (LABEL=boot"},
		{about: "flag file made where there was none", seal: Seal{Flag: flag("ignition.firstboot", boot, ""), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: here, want: "flag was set ("},
		{about: "flag file that could not be seen then", seal: Seal{Flag: flag("ignition.firstboot"), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: here},
		{about: "power cut between the flag file and the boot entry that repeats it", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, ""), machine: here},
		{about: "command line that cannot change", seal: Seal{Flag: flag("ignition.firstboot"), Machine: here},
			now: flag("ignition.firstboot"), machine: here},
		{about: "command line that cannot change, in an update's words", seal: Seal{Flag: flag("ignition.firstboot"), Machine: here},
			now: flag("ignition.firstboot=1"), machine: here},
		{about: "command line that cannot change, on other hardware", seal: Seal{Flag: flag("ignition.firstboot"), Machine: here},
			now: flag("ignition.firstboot"), machine: Machine{UUID: "u2", Disk: "d1", Root: "r1"}},
		{about: "flag typed at the boot loader", seal: Seal{Flag: flag("flatcar.first_boot=detected", boot, "f1"), Machine: here},
			now: flag("flatcar.first_boot=1", boot, ""), machine: here, want: "command line changed"},
		{about: "copy on other hardware", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: Machine{UUID: "u2", Disk: "d1", Root: "r1"}, want: "hardware"},
		{about: "copy on another disk", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: Machine{UUID: "u1", Disk: "d2", Root: "r1"}, want: "its disk"},
		{about: "hardware that has no identity", seal: Seal{Flag: flag("ignition.firstboot", boot, "f1"), Machine: here},
			now: flag("ignition.firstboot", boot, "f1"), machine: Machine{Root: "r1"}},
		{about: "flag by absence, power cut", seal: Seal{Flag: flag("ignition.firstboot", writable, Absent), Machine: here, Gone: []string{""}},
			now: flag("ignition.firstboot", writable, Absent), machine: here},
		{about: "flag by absence, set again", seal: Seal{Flag: flag("ignition.firstboot", writable, Absent), Machine: here, Gone: []string{writable}},
			now: flag("ignition.firstboot", writable, Absent), machine: here, want: "set again (root,subvol"},
		{about: "removed by the completion unit, set in whatever way", seal: Seal{Flag: flag("ignition.firstboot"), Machine: here, Cleared: true},
			now: flag("ignition.firstboot"), machine: here, want: "set again"},
		{about: "only the seal decides", seal: Seal{Flag: flag("ignition.firstboot=auto", boot, "f1"), Machine: here, Cleared: true},
			now: flag("ignition.firstboot=auto", boot, "f2"), machine: Machine{UUID: "u2"}},
		{about: "a seal that does not say what the flag was", seal: Seal{}, now: flag("ignition.firstboot", boot, "f1"), machine: here},
	} {
		why := c.seal.Again(*c.now, c.machine)
		if (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("%s: the reason is %q, want %q", c.about, why, c.want)
		}
	}
}

// TestFlagFiles: a distribution adds its own; names are unique, since seals go by them.
func TestFlagFiles(t *testing.T) {
	files, err := FlagFiles("LABEL=boot:/first !root:/var/lib/done")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range files {
		if names[f.Name()] {
			t.Errorf("two flag files are named %s", f.Name())
		}
		names[f.Name()] = true
	}
	if f := files[len(files)-2]; f.Device != "LABEL=boot" || f.Host != "/boot/first" || f.Missing {
		t.Errorf("the first is %+v", f)
	}
	if f := files[len(files)-1]; f.Device != "" || f.Host != "/var/lib/done" || !f.Missing {
		t.Errorf("the second is %+v", f)
	}
	for _, bad := range []string{"first", "LABEL=boot:first", ":"} {
		if _, err := FlagFiles(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestReadMachine: identities that stand for none are none; devices by their names in sysfs.
func TestReadMachine(t *testing.T) {
	files := map[string]string{
		"/sys/class/dmi/id/product_uuid":      "00000000-0000-0000-0000-000000000000\n",
		"/proc/device-tree/vm,uuid":           "4C4C4544-0042\x00",
		"/sys/class/block/vda/serial":         "root\n",
		"/sys/class/block/sda/device/wwid":    "naa.5000\n",
		"/sys/class/block/cciss!c0d0/serial":  "c0",
		"/sys/class/block/nvme0n1/device/nqn": "no serial",
	}
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	got := ReadMachine(read, []string{"vda", "sda", "nvme0n1", "cciss/c0d0", "vda"})
	if want := (Machine{UUID: "4c4c4544-0042", Disk: "c0 naa.5000 root"}); got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
	if got := ReadMachine(func(string) ([]byte, error) { return nil, errors.New("unreadable") }, nil); got != (Machine{}) {
		t.Errorf("of nothing read %+v", got)
	}
}

// TestWatchUnits: only files that set the flag by their absence need a witness.
func TestWatchUnits(t *testing.T) {
	files, err := FlagFiles("")
	if err != nil {
		t.Fatal(err)
	}
	units := WatchUnits(files)
	if len(units) != 2 {
		t.Fatalf("the units are %v", units)
	}
	for name, text := range units {
		if !strings.Contains(text, "/boot/writable/firstboot_happened") {
			t.Errorf("%s is\n%s", name, text)
		}
		if strings.HasSuffix(name, ".service") && strings.Index(text, "sync -f /boot") > strings.Index(text, ">>/etc/.firstlight/gone") {
			t.Errorf("the note comes before the removal of the flag is durable:\n%s", text)
		}
	}
}

// TestRearm: seal, notes and journals go, the flag is set where it came from, and nothing else is touched.
func TestRearm(t *testing.T) {
	files, err := FlagFiles("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		flag  *Flag
		boot  []string // files that exist below the root
		want  []string
		how   bool
		fails bool
	}{
		{"flag file", &Flag{Files: map[string]string{"LABEL=boot:/ignition.firstboot": "f"}}, []string{"boot/loader"},
			[]string{"create /boot/ignition.firstboot"}, false, false},
		{"flag by absence", &Flag{Files: map[string]string{"root,subvol=@/boot/writable:/firstboot_happened": Absent}}, []string{"boot/writable/firstboot_happened"},
			[]string{"remove /boot/writable/firstboot_happened"}, false, false},
		{"command line", &Flag{Files: map[string]string{"LABEL=boot:/ignition.firstboot": ""}}, []string{"boot/loader"}, nil, true, false},
		{"boot is not mounted", &Flag{Files: map[string]string{"PARTLABEL=EFI-SYSTEM:/flatcar/first_boot": "f"}}, nil, nil, false, true},
		{"a seal that does not say", nil, nil, nil, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, dir := newRoot(t)
			open(t, root)
			if err := write(root, Seal{Flag: c.flag}); err != nil {
				t.Fatal(err)
			}
			for _, name := range append(c.boot, "etc/.firstlight/cleared", "etc/.firstlight/journal-files", "etc/.firstlight/mine") {
				p := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			actions, how, err := Rearm(root, files)
			if (err != nil) != c.fails {
				t.Fatalf("failed with %v", err)
			} else if c.fails {
				return
			}
			var got []string
			for _, a := range actions {
				if !strings.HasPrefix(a.Text, "remove /etc/.firstlight/") {
					got = append(got, a.Text)
				}
			}
			if !slices.Equal(got, c.want) || (how != "") != c.how {
				t.Errorf("actions %q, how %q", got, how)
			}
			if err := Do(root, actions); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(filepath.Join(dir, Dir)); err != nil || len(left) != 1 || left[0].Name() != "mine" {
				t.Errorf("left in the directory: %v, %v", left, err)
			}
			if again, _, err := Rearm(root, files); err != nil || len(again) > 0 {
				t.Errorf("a second time: %v, %v", again, err)
			}
		})
	}
}
