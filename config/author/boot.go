// SPDX-License-Identifier: Apache-2.0

package author

import (
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
)

// A slot is a partition of a mirrored disk.
type slot struct {
	label, guid string
	size        int // MiB
}

// The partitions that firmware and boot loaders need.
var (
	biosBoot     = slot{"bios", "21686148-6449-6E6F-744E-656564454649", 1}
	reservedPart = slot{"reserved", "8DA63339-0007-60C0-C436-083AC8230908", 1}
	prepBoot     = slot{"prep", "9E1A2D38-C612-4316-AA26-8B49521E5A8B", 4}
	efiSystem    = slot{"esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 127}
)

const (
	bootSize = 384 // MiB
	byLabel  = "/dev/disk/by-partlabel/"
)

// makeBootDevice makes the disks, arrays, volumes and filesystems of a root that is mirrored, encrypted or both.
func (t *translator) makeBootDevice() {
	boot := t.in.get("boot_device")
	mirror, luks := boot.get("mirror", "devices"), t.encrypted(boot.get("luks"))
	if len(mirror.items()) == 0 {
		mirror = nil
	}
	if mirror == nil && luks == nil {
		return
	}
	cause := luks
	if cause == nil {
		cause = mirror
	}
	storage := boot.make(doc.Object, "")
	var filesystems []*node
	device := byLabel + "root"
	if mirror != nil {
		filesystems = t.mirror(storage, mirror, t.slots(boot))
		device = "/dev/md/md-root"
	}
	if luks != nil {
		storage.set("luks", luks.makeList(t.rootVolume(boot, luks, device)))
		device = "/dev/mapper/root"
	}
	filesystems = append(filesystems, filesystem(cause, device, "xfs", "root"))
	storage.set("filesystems", cause.makeList(filesystems...))
	t.under(boot.makeObject(kid{"storage", storage}))
}

// encrypted returns the section about encryption if it asks for any.
func (t *translator) encrypted(luks *node) *node {
	if luks.get("tpm2").isTrue() || len(luks.get("tang").items()) > 0 || luks.get("cex", "enabled").isTrue() {
		return luks
	}
	return nil
}

// slots returns the partitions of a layout.
func (t *translator) slots(boot *node) []slot {
	name := boot.get("layout").str()
	for _, l := range layouts {
		if l.name == name || name == "" {
			return l.slots
		}
	}
	return nil
}

// mirror adds disks and arrays, and returns filesystems.
func (t *translator) mirror(storage, devices *node, slots []slot) []*node {
	var disks, filesystems, bootParts, rootParts []*node
	for i, d := range devices.kids {
		suffix := "-" + strconv.Itoa(i+1)
		var partitions []*node
		for _, s := range slots {
			partitions = append(partitions, d.makeObject(kid{"label", d.makeText(s.label + suffix)}, kid{"sizeMiB", d.makeNumber(s.size)}, kid{"typeGuid", d.makeText(s.guid)}))
			if s == efiSystem {
				filesystems = append(filesystems, filesystem(d.node, byLabel+s.label+suffix, "vfat", s.label+suffix))
			}
		}
		partitions = append(partitions,
			d.makeObject(kid{"label", d.makeText("boot" + suffix)}, kid{"sizeMiB", d.makeNumber(bootSize)}),
			d.makeObject(kid{"label", d.makeText("root" + suffix)}))
		disks = append(disks, d.makeObject(kid{"device", d.node}, kid{"wipeTable", d.makeTrue()}, kid{"partitions", d.makeList(partitions...)}))
		bootParts = append(bootParts, d.makeText(byLabel+"boot"+suffix))
		rootParts = append(rootParts, d.makeText(byLabel+"root"+suffix))
	}
	array := func(name string, parts []*node, options *node) *node {
		return devices.makeObject(kid{"name", devices.makeText(name)}, kid{"level", devices.makeText("raid1")},
			kid{"devices", devices.makeList(parts...)}, kid{"options", options})
	}
	storage.set("disks", devices.makeList(disks...))
	// The boot loader reads the members of md-boot as plain filesystems, so the metadata of the array must be at their ends.
	storage.set("raid", devices.makeList(array("md-boot", bootParts, devices.makeList(devices.makeText("--metadata=1.0"))), array("md-root", rootParts, nil)))
	return append(filesystems, filesystem(devices, "/dev/md/md-boot", "ext4", "boot"))
}

func filesystem(cause *node, device, format, label string) *node {
	return cause.makeObject(kid{"device", cause.makeText(device)}, kid{"format", cause.makeText(format)},
		kid{"label", cause.makeText(label)}, kid{"wipeFilesystem", cause.makeTrue()})
}

// rootVolume returns the encrypted volume of the root.
func (t *translator) rootVolume(boot, luks *node, device string) *node {
	layout := boot.get("layout").str()
	for _, l := range layouts {
		if l.name == layout && l.volume != "" {
			device = luks.get("device").str() + l.volume
		}
	}
	volume := luks.makeObject(kid{"name", luks.makeText("root")}, kid{"label", luks.makeText("luks-root")}, kid{"device", luks.makeText(device)},
		kid{"wipeVolume", luks.makeTrue()}, kid{"discard", luks.get("discard")})
	if cex := luks.get("cex"); cex.get("enabled").isTrue() {
		volume.set("cex", cex)
		return volume
	}
	volume.set("clevis", luks.makeObject(kid{"tang", luks.get("tang")}, kid{"threshold", luks.get("threshold")}, kid{"tpm2", luks.get("tpm2")}))
	return volume
}

// makeGrub protects the boot loader with passwords.
func (t *translator) makeGrub() {
	users := t.in.get("grub", "users")
	if len(users.items()) == 0 {
		return
	}
	var names []string
	var lines strings.Builder
	for _, u := range users.kids {
		name := u.get("name").str()
		names = append(names, name)
		lines.WriteString("password_pbkdf2 " + name + " " + u.get("password_hash").str() + "\n")
	}
	text := "# Generated by Butane\n\nset superusers=\"" + strings.Join(names, " ") + "\"\n" + lines.String()
	contents := users.make(doc.Object, "")
	t.fill(contents, users, []byte(text))
	file := users.makeObject(kid{"path", users.makeText("/boot/grub2/user.cfg")})
	if t.v.has&grubFile != 0 {
		file.set("contents", contents)
	} else {
		file.set("append", users.makeList(contents))
	}
	boot := users.makeObject(kid{"device", users.makeText("/dev/disk/by-label/boot")}, kid{"format", users.makeText("ext4")}, kid{"path", users.makeText("/boot")})
	t.under(users.makeObject(kid{"storage", users.makeObject(kid{"files", users.makeList(file)}, kid{"filesystems", users.makeList(boot)})}))
}
