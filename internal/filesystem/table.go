// SPDX-License-Identifier: Apache-2.0

// Package filesystem is the table of the formats that a config can ask for: which program makes each, with which
// arguments, and how each writes its labels and UUIDs.
//
// It runs nothing; it returns argument lists. It refuses formats that it has no row for. The invariant: the
// arguments of a format depend only on what the config says, and no default is imposed beside what a row lists.
package filesystem

import "strings"

// A Format is one row.
type Format struct {
	Name    string
	Program string   // makes the filesystem
	Fixed   []string // overwrite without asking
	Label   string   // flag that takes the label
	UUID    string   // flag that takes the UUID, or its prefix if it ends in '='
	Mounts  bool     // can be mounted on a path
}

// Formats returns the formats that are made by a program (mkfs.ext4(8), mkfs.btrfs(8), mkfs.xfs(8), mkfs.fat(8),
// mkswap(8)).
func Formats() []Format {
	return []Format{
		{Name: "ext4", Program: "mkfs.ext4", Fixed: []string{"-F"}, UUID: "-U", Label: "-L", Mounts: true},
		{Name: "btrfs", Program: "mkfs.btrfs", Fixed: []string{"--force"}, UUID: "-U", Label: "-L", Mounts: true},
		{Name: "xfs", Program: "mkfs.xfs", Fixed: []string{"-f"}, UUID: "-m uuid=", Label: "-L", Mounts: true},
		{Name: "vfat", Program: "mkfs.fat", UUID: "-i", Label: "-n", Mounts: true},
		{Name: "swap", Program: "mkswap", Fixed: []string{"-f"}, UUID: "-U", Label: "-L"},
	}
}

// Formats that no program makes: None stands for a device that shall have no signature, VirtioFS for a directory of
// the virtual machine's host.
const (
	None     = "none"
	VirtioFS = "virtiofs"
)

// Find returns the row of a format.
func Find(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Mounts tells whether a filesystem of this format has a place in the file tree.
func Mounts(name string) bool {
	f, _ := Find(name)
	return f.Mounts || name == VirtioFS
}

// Args returns the arguments that make the filesystem, but for the device, which comes last: the options of the config come
// first. Label and UUID are passed if they are set, even if empty.
func (f Format) Args(options []string, label, uuid *string) []string {
	args := append([]string{}, options...)
	args = append(args, f.Fixed...)
	if uuid != nil {
		flag, prefix, _ := strings.Cut(f.UUID, " ")
		args = append(args, flag, prefix+NormalUUID(f.Name, *uuid))
	}
	if label != nil {
		args = append(args, f.Label, *label)
	}
	return args
}

// NormalUUID returns the form of a UUID in which two are compared, and which the programs take: lower case, and without
// the dash that FAT serial numbers are shown with.
func NormalUUID(format, uuid string) string {
	uuid = strings.ToLower(uuid)
	if format == "vfat" && len(uuid) > 4 && uuid[4] == '-' {
		uuid = uuid[:4] + uuid[5:]
	}
	return uuid
}
