// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A sequence is a directory below once: boots of one machine, and which of them provision it.
//
//	case.json  the members below
//	config.ign the config of all boots
//	prepare    run first, in a guest that is not provisioned; its function copyroot DIRECTORY
//	           copies the guest's own root
//	initramfs  additional files for the initramfs
//	leave      run at the end of each boot, before its own script; its output must equal the member says
//
// A script that prints "next: WORDS" adds words to the command line of later boots, in place of earlier additions.
//
// The config must write "hello" to /etc/motd. A boot that finds this text has provisioned the machine.
type sequence struct {
	About   string
	Long    bool // as of a case
	Extra        // in addition to the common guest
	Disks   []string
	Paths   int    // SCSI paths to the first disk in the boots; 0: it is a virtio disk, as it always is for prepare
	Cmdline string // of all boots
	Boots   []struct {
		About       string
		Cmdline     string // in addition
		UUID        string // of the hardware
		Script      string // run at the end
		Provisioned bool   // or else sealed
		Says        string // expected output of leave
	}
}

// TestOnce boots machines again and again with the first-boot flag, and checks which boots provision them.
func TestOnce(t *testing.T) {
	t.Parallel()
	guest := needGuest(t)
	dirs, err := filepath.Glob("once/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no sequences: %v", err)
	}
	for _, dir := range dirs {
		var s sequence
		text, err := os.ReadFile(filepath.Join(dir, "case.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		if !selected(s.Long) {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			runSequence(t, guest, dir, s)
		})
	}
}

func runSequence(t *testing.T, guest Guest, dir string, s sequence) {
	var err error
	if s.key() != "" {
		guest = needGuestWith(t, s.Extra)
	}
	m := &Machine{Guest: guest, Dir: t.TempDir(), Disks: s.Disks}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	next := ""
	if prepare, err := os.ReadFile(filepath.Join(dir, "prepare")); err == nil {
		// The subshell stands alone: as part of a condition it would ignore set -e.
		script := copyRoot + "(set -ex\n" + string(prepare) + ")\nstatus=$?\n((status)) || echo prepared\n"
		said := bootOnce(t, m, Boot{Script: script, Timeout: bootTime})
		if !strings.Contains(said, "\nprepared") {
			t.Fatalf("the machine could not be prepared:\n%s", said)
		}
		next = nextWords(said, next)
	}
	if m.Guest.Initramfs, err = WithFiles(guest.Initramfs, filepath.Join(m.Dir, "initramfs"), filepath.Join(dir, "initramfs")); err != nil {
		t.Fatal(err)
	}
	m.Paths = s.Paths
	leave, _ := os.ReadFile(filepath.Join(dir, "leave"))
	const report = "echo motd $(cat /etc/motd)\necho changed >/etc/motd\njournalctl -b -t ignition -o cat --no-pager\nsync\n"
	for i, b := range s.Boots {
		said := bootOnce(t, m, Boot{
			Cmdline: "ignition.firstboot ignition.platform.id=qemu " + s.Cmdline + " " + next + " " + b.Cmdline, UUID: b.UUID,
			FwCfg: filepath.Join(dir, "config.ign"), Script: string(leave) + report + b.Script, Timeout: bootTime,
		})
		want := "motd changed\n"
		if b.Provisioned {
			want = "motd hello\n"
		}
		if !strings.Contains(said, want) || !strings.Contains(said, b.Says) {
			t.Fatalf("boot %d (%s): expected %q and %q; the guest said\n%s", i+1, b.About, want, b.Says, said)
		}
		next = nextWords(said, next)
		t.Logf("boot %d: %s: provisioned %t", i+1, b.About, b.Provisioned)
	}
}

// nextWords returns the command-line words that a guest has set for later boots. They stay until the guest sets others.
func nextWords(said, before string) string {
	for _, l := range lines(said) {
		if words, ok := strings.CutPrefix(l, "next: "); ok {
			return words
		}
	}
	return before
}

// bootOnce boots a machine to its end and returns the output of the script.
func bootOnce(t *testing.T, m *Machine, b Boot) string {
	t.Helper()
	r, err := m.Start(b)
	if err != nil {
		t.Fatal(err)
	}
	said, err := r.Wait()
	if err != nil {
		t.Fatalf("%v; the console ends with\n%s\nthe guest said\n%s", err, tail(r.Console(), 60), said)
	}
	return said
}

// copyRoot copies the necessary parts of a guest's own root, without the slow ones.
const copyRoot = `copyroot() {
	local m
	tar -C / --one-file-system --exclude=./usr/lib/modules --exclude=./usr/share/{doc,locale,man,i18n,zoneinfo} --exclude=./usr/{lib,bin}/python3* \
		--exclude=./usr/lib/udev/hwdb* --exclude=./usr/lib/file --exclude=./usr/lib/apt --exclude=./usr/lib/dracut \
		--exclude=./var/cache --exclude=./var/lib/{apt,dpkg} --exclude='./boot/*' --exclude='./var/log/*' --exclude='./tmp/*' -cf - . | tar -C "$1" -xf -
	m=usr/lib/modules/$(uname -r)
	mkdir -p "$1/$m/kernel/drivers"
	cp -a "/$m"/modules.* "$1/$m/"
	cp -a "/$m"/kernel/drivers/{char,firmware} "$1/$m/kernel/drivers/"
	echo uninitialized >"$1/etc/machine-id"
}
`
