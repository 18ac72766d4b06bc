// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A FlagFile is a file of a distribution from which its boot loader makes the first-boot flag.
type FlagFile struct {
	// Device is the filesystem that holds the file, as root= names one; empty: the root filesystem.
	Device string
	// Options are mount options of that filesystem, such as a subvolume; a filesystem of another type has no such file.
	Options string
	Path    string // on that filesystem
	Host    string // on the running system
	// Missing says that the flag is set while the file does not exist, but its directory does.
	Missing bool
}

// Name identifies the flag file in a seal.
func (f FlagFile) Name() string {
	device := f.Device
	if device == "" {
		device = "root"
	}
	if f.Options != "" {
		device += "," + f.Options
	}
	return device + ":" + f.Path
}

// FlagFiles returns the flag files of the distributions, and those of more: words of the form [!]DEVICE:PATH, with "!" for a file
// that sets the flag by its absence.
func FlagFiles(more string) ([]FlagFile, error) {
	files := []FlagFile{
		// Fedora CoreOS and its relatives; firstlight's own completion unit.
		{Device: "LABEL=boot", Path: "/ignition.firstboot", Host: "/boot/ignition.firstboot"},
		{Path: "/boot/ignition.firstboot", Host: "/boot/ignition.firstboot"},
		// Flatcar, and what it grew from.
		{Device: "PARTLABEL=EFI-SYSTEM", Path: "/flatcar/first_boot", Host: "/boot/flatcar/first_boot"},
		{Device: "PARTLABEL=EFI-SYSTEM", Path: "/coreos/first_boot", Host: "/boot/coreos/first_boot"},
		// openSUSE MicroOS and its relatives.
		{Options: "subvol=@/boot/writable", Path: "/firstboot_happened", Host: "/boot/writable/firstboot_happened", Missing: true},
	}
	for _, word := range strings.Fields(more) {
		text, missing := strings.CutPrefix(word, "!")
		device, name, ok := strings.Cut(text, ":")
		if !ok || !path.IsAbs(name) {
			return nil, fmt.Errorf("read setting flagFiles: %q is not DEVICE:PATH, such as LABEL=boot:/ignition.firstboot", word)
		}
		f := FlagFile{Device: device, Path: name, Host: name, Missing: missing}
		switch device {
		case "root":
			f.Device = ""
		case "LABEL=boot", "PARTLABEL=EFI-SYSTEM":
			f.Host = "/boot" + name
		}
		files = append(files, f)
	}
	return files, nil
}

// A Flag is where the first-boot flag of a boot came from, as far as firstlight could see.
type Flag struct {
	// Words are the flag's parameters on the kernel command line, with their values.
	Words string `json:"words"`
	// Files are the flag files by name: "" for one that did not set the flag, or what identifies the file that did. A flag file
	// whose filesystem could not be read has no entry.
	Files map[string]string `json:"files"`
}

// Absent stands for a flag file that sets the flag by its absence.
const Absent = "absent"

// set returns the names of the flag files that set the flag, in order.
func (f Flag) set() []string {
	var names []string
	for name, id := range f.Files {
		if id != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A Machine is what distinguishes a machine from a copy of it. Values that could not be read are empty.
type Machine struct {
	UUID string `json:"uuid,omitempty"` // of the hardware, from the firmware
	Disk string `json:"disk,omitempty"` // serial number of the disks that hold the root filesystem
	Root string `json:"root,omitempty"` // identity of the root filesystem
}

// differs names the first thing in which two machines differ, or returns "".
func (m Machine) differs(from Machine) string {
	for _, part := range []struct{ name, a, b string }{
		{"its hardware", m.UUID, from.UUID}, {"its disk", m.Disk, from.Disk}, {"its root filesystem", m.Root, from.Root},
	} {
		if part.a != part.b && part.a != "" && part.b != "" {
			return part.name
		}
	}
	return ""
}

// auto is the value of ignition.firstboot for a flag that nothing ever removes.
const auto = "ignition.firstboot=auto"

// Again returns why a sealed machine that boots with the first-boot flag must be provisioned again. It returns "" if the flag is
// still the one that the machine was provisioned by, or one that nothing ever removes.
func (s *Seal) Again(now Flag, machine Machine) string {
	if slices.Contains(strings.Fields(now.Words), auto) {
		return ""
	}
	if s.Cleared {
		return "since then the first-boot flag was removed and set again"
	}
	if s.Flag == nil {
		return ""
	}
	set := now.set()
	for _, name := range set {
		before, looked := s.Flag.Files[name]
		switch {
		case !looked: // not seen then, so it says nothing now
		case slices.Contains(s.Gone, name):
			return "since then the first-boot flag was removed and set again (" + name + ")"
		case before != now.Files[name]:
			return "since then the first-boot flag was set (" + name + ")"
		}
	}
	if len(set) > 0 {
		if what := machine.differs(s.Machine); what != "" {
			return "this is a copy: " + what + " has changed"
		}
		return ""
	}
	if len(s.Flag.set()) > 0 && s.Flag.Words != now.Words {
		return "since then the first-boot flag on the kernel command line changed"
	}
	return ""
}

// ReadMachine reads the identity of the hardware, and of the disks of the root filesystem, which are given by their kernel
// names. read reads a file.
func ReadMachine(read func(name string) ([]byte, error), disks []string) Machine {
	first := func(names ...string) string {
		for _, name := range names {
			text, err := read(name)
			if id := strings.Trim(string(text), "\x00 \t\n"); err == nil && strings.Trim(id, "0-") != "" {
				return strings.ToLower(id)
			}
		}
		return ""
	}
	m := Machine{UUID: first("/sys/class/dmi/id/product_uuid", "/proc/device-tree/vm,uuid", "/proc/device-tree/serial-number")}
	var serials []string
	for _, d := range disks {
		dir := "/sys/class/block/" + strings.ReplaceAll(d, "/", "!")
		if id := first(dir+"/serial", dir+"/device/serial", dir+"/wwid", dir+"/device/wwid"); id != "" {
			serials = append(serials, id)
		}
	}
	slices.Sort(serials)
	m.Disk = strings.Join(slices.Compact(serials), " ")
	return m
}
