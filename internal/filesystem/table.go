// SPDX-License-Identifier: Apache-2.0

// Package filesystem is the table of the formats that a config can ask for: which program makes each, with which
// arguments, how each writes its labels and UUIDs, and what the initramfs and the tests need for it.
//
// It runs nothing; it returns argument lists. It refuses formats without a row. The invariant: the arguments of a format depend
// only on the config, and the only defaults are those that a row lists.
//
// # How to add a filesystem
//
//  1. Add a row to rows.
//  2. Run go test ./internal/filesystem -update. It writes what derives from the table: the formats and limits of
//     validation (config/rules/formats.go), the programs and kernel modules of the initramfs and the packages of
//     the tests (dracut/30ignition/filesystems.sh), and the command lines in testdata/mkfs.txt. Review the diff.
//  3. Name the format and its limit in the comments of types.Filesystem; a test says what is missing.
//  4. Teach disk/probe its signature. The test of images in this package makes one with the program of the row,
//     asking for a label and a UUID, and fails until the probe finds them.
package filesystem

import (
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
)

// A Format is one row.
type Format struct {
	Name       string
	Since      spec.Version // that knows the format
	LabelBytes int          // the longest label; Unlimited if nothing limits it
	Mounts     bool         // can be mounted on a path
	Program    string       // makes the filesystem; empty if nothing is made
	Fixed      []string     // arguments that make it overwrite without asking
	Label      string       // flag that takes the label
	UUID       string       // flag that takes the UUID, or its prefix if it ends in '='
	Serial     bool         // the UUID is a number of 32 bits, shown as XXXX-XXXX
	Modules    []string     // of the kernel, to mount it
	Package    string       // of Debian, with the program
}

// Unlimited stands for labels of any length.
const Unlimited = -1

// Formats that no program makes: None stands for a device without any signature, VirtioFS for a directory of the
// virtual machine's host.
const (
	None     = "none"
	VirtioFS = "virtiofs"
)

// rows is the table. The programs are described in mkfs.ext4(8), mkfs.btrfs(8), mkfs.xfs(8), mkfs.fat(8) and
// mkswap(8). The order is that of messages.
var rows = []Format{
	{
		Name: "ext4", Since: spec.V3_0, LabelBytes: 16, Mounts: true,
		Program: "mkfs.ext4", Fixed: []string{"-F"}, UUID: "-U", Label: "-L",
		Modules: []string{"ext4"}, Package: "e2fsprogs",
	},
	{
		Name: "btrfs", Since: spec.V3_0, LabelBytes: 256, Mounts: true,
		Program: "mkfs.btrfs", Fixed: []string{"--force"}, UUID: "-U", Label: "-L",
		Modules: []string{"btrfs"}, Package: "btrfs-progs",
	},
	{
		Name: "xfs", Since: spec.V3_0, LabelBytes: 12, Mounts: true,
		Program: "mkfs.xfs", Fixed: []string{"-f"}, UUID: "-m uuid=", Label: "-L",
		Modules: []string{"xfs"}, Package: "xfsprogs",
	},
	{
		Name: "vfat", Since: spec.V3_0, LabelBytes: 11, Mounts: true,
		Program: "mkfs.fat", UUID: "-i", Label: "-n", Serial: true,
		Modules: []string{"vfat", "nls_cp437", "nls_iso8859-1", "nls_ascii"}, Package: "dosfstools",
	},
	{
		Name: "swap", Since: spec.V3_0, LabelBytes: 15,
		Program: "mkswap", Fixed: []string{"-f"}, UUID: "-U", Label: "-L",
		Package: "util-linux",
	},
	{Name: None, Since: spec.V3_3, LabelBytes: Unlimited},
	{Name: VirtioFS, Since: spec.V3_7, LabelBytes: Unlimited, Mounts: true, Modules: []string{"virtiofs"}},
}

// row returns the row of a format, whether or not a program makes it.
func row(name string) (Format, bool) {
	for _, f := range rows {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Find returns the row of a format that a program makes.
func Find(name string) (Format, bool) {
	f, _ := row(name)
	return f, f.Program != ""
}

// Mounts reports whether a filesystem of this format has a place in the file tree.
func Mounts(name string) bool {
	f, _ := row(name)
	return f.Mounts
}

// Args returns the arguments that make the filesystem, without the device, which comes last. The options of the config come
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

// NormalUUID returns the form of a UUID that the programs take and in which two can be compared: lower case, and without the
// dash that serial numbers are shown with.
func NormalUUID(format, uuid string) string {
	uuid = strings.ToLower(uuid)
	if f, _ := row(format); f.Serial && len(uuid) > 4 && uuid[4] == '-' {
		uuid = uuid[:4] + uuid[5:]
	}
	return uuid
}
