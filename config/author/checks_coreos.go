// SPDX-License-Identifier: Apache-2.0

package author

import (
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// bootDisk is the link to the disk that CoreOS boots from.
const bootDisk = "/dev/disk/by-id/coreos-boot-disk"

// ownPartitions are the partitions of CoreOS by label, with their numbers.
var ownPartitions = map[string]int{"BIOS-BOOT": 1, "PowerPC-PReP-boot": 1, "EFI-SYSTEM": 2, "boot": 3, "root": 4}

// numberlessPartitions warns about partitions that get whatever number is free.
func (t *translator) numberlessPartitions() {
	mirrors := t.in.get("boot_device", "mirror", "devices").items()
	for _, disk := range t.in.get("storage", "disks").items() {
		device := disk.get("device").str()
		isMirror := slices.ContainsFunc(mirrors, func(k kid) bool { return k.text == device })
		if disk.get("wipe_table").isTrue() || device == bootDisk || isMirror {
			continue
		}
		for _, p := range disk.get("partitions").items() {
			if p.get("label").str() != "" && p.get("number").number() == 0 {
				t.warn(CodePartition, p.node, "number", "the partition has no number: on a disk that is reused, it may match another partition",
					"set number, or set wipe_table on the disk")
			}
		}
	}
}

// partitions checks the partitions that CoreOS boots from.
func (t *translator) partitions() {
	for _, disk := range t.in.get("storage", "disks").items() {
		list := disk.get("partitions").items()
		for i, p := range list {
			label := p.get("label").str()
			if label == "root" && t.v.has&bootDevice != 0 {
				t.rootPartition(list, i)
			}
			if number, ok := ownPartitions[label]; ok && p.get("number").number() != number && !disk.get("wipe_table").isTrue() {
				t.warn(CodePartition, p.node, "label", "the label "+label+" belongs to partition "+strconv.Itoa(number)+" of the operating system",
					"set number to "+strconv.Itoa(number)+", or choose another label")
			}
		}
	}
}

// rootPartition warns about a root that is too small.
func (t *translator) rootPartition(list []kid, root int) {
	const least = 8192 // MiB, as Fedora CoreOS documents it
	p := list[root]
	size := p.get("size_mib").number()
	if size > 0 && size < least {
		t.warn(CodePartition, p.node, "size_mib", "the root partition has "+strconv.Itoa(size)+" MiB; updates need 8192 MiB", "set size_mib to 8192 or more")
	}
	if size != 0 {
		return
	}
	for i, other := range list {
		if i != root && other.get("start_mib").number() == 0 {
			t.warn(CodePartition, p.node, "label", "the root partition has no size and another partition has no start: the root may end up too small",
				"set size_mib of the root partition to 8192 or more")
			return
		}
	}
}

// layouts are the layouts of boot_device, in the order of the table of partitions.
var layouts = []struct {
	name   string
	s390x  bool
	device string // what precedes one letter in the names of volume devices; empty if any name will do
	volume string // suffix of the device that gives the partition of the volume
	slots  []slot // partitions of a mirrored disk before boot and root
}{
	{name: "x86_64", slots: []slot{biosBoot, efiSystem}},
	{name: "aarch64", slots: []slot{reservedPart, efiSystem}},
	{name: "ppc64le", slots: []slot{prepBoot, reservedPart}},
	{name: "s390x-eckd", s390x: true, device: "/dev/dasd", volume: "2"},
	{name: "s390x-zfcp", s390x: true, device: "/dev/sd", volume: "4"},
	{name: "s390x-virt", s390x: true},
}

// layout checks boot_device.layout and boot_device.mirror.
func (t *translator) layout() {
	boot := t.in.get("boot_device")
	if boot == nil {
		return
	}
	name := boot.get("layout").str()
	known, isS390x := name == "", false
	for _, l := range layouts {
		if l.name != name || l.s390x && t.v.Spec < spec.V3_5 {
			continue
		}
		known, isS390x = true, l.s390x
		if device := boot.get("luks", "device").str(); l.device != "" && !endsIn(device, l.device) {
			t.fail(CodeBootDevice, boot, "layout", "the layout "+name+" needs a luks.device such as "+l.device+"a", "set boot_device.luks.device")
		}
	}
	if !known {
		t.fail(CodeBootDevice, boot, "layout", t.v.String()+" has no layout "+shown(name), "use one of "+strings.Join(t.layouts(), ", "))
	}
	mirror := boot.get("mirror")
	devices := mirror.get("devices").items()
	if len(devices) == 0 {
		return
	}
	if isS390x {
		t.fail(CodeBootDevice, boot, "layout", "s390x disks cannot be mirrored", "remove boot_device.mirror")
	}
	if boot.get("layout") == nil {
		severity := diag.Warning
		if t.v.has&needsLayout != 0 {
			severity = diag.Error
		}
		t.find(severity, CodeBootDevice, boot, "mirror", "a mirror needs a layout; x86_64 is assumed", "set boot_device.layout")
	}
	if len(devices) == 1 {
		for range 2 { // Butane reports it twice
			t.fail(CodeBootDevice, mirror, "devices", "a mirror needs two devices; this one has 1", "add a device")
		}
	}
}

// layouts returns the layouts that the variant knows.
func (t *translator) layouts() []string {
	var names []string
	for _, l := range layouts {
		if !l.s390x || t.v.Spec >= spec.V3_5 {
			names = append(names, l.name)
		}
	}
	return names
}

// endsIn reports whether a device ends in a prefix and one lower-case letter.
func endsIn(device, prefix string) bool {
	if device == "" {
		return false
	}
	last := device[len(device)-1]
	return last >= 'a' && last <= 'z' && strings.HasSuffix(device[:len(device)-1], prefix)
}

// bootLuks checks boot_device.luks.
func (t *translator) bootLuks() {
	boot := t.in.get("boot_device")
	luks := boot.get("luks")
	if luks == nil {
		return
	}
	tang, tpm2, cex := len(luks.get("tang").items()) > 0, luks.get("tpm2").isTrue(), luks.get("cex", "enabled").isTrue()
	if cex {
		if layout := boot.get("layout"); layout == nil {
			t.fail(CodeBootDevice, luks, "cex", "cex needs an s390x layout, and none is set", "set boot_device.layout to s390x-eckd, s390x-zfcp or s390x-virt")
		} else if !strings.HasPrefix(layout.text, "s390x-") {
			t.fail(CodeBootDevice, boot, "layout", "cex needs an s390x layout, not "+shown(layout.text), "set boot_device.layout to s390x-eckd, s390x-zfcp or s390x-virt")
		}
		if tang || tpm2 {
			t.fail(CodeBootDevice, boot, "luks", "cex cannot be combined with tang or tpm2", "keep one of them")
		}
	}
	if t.v.has&needsMethod != 0 && luks.get("device").str() != "" && !tang && !tpm2 && !cex {
		t.fail(CodeBootDevice, luks, "luks", "luks.device is set without a way to unlock it", "add tang, tpm2 or cex, or remove device")
	}
}

func (t *translator) grubUsers() {
	for _, u := range t.in.get("grub", "users").items() {
		if u.get("name").str() == "" {
			t.fail(CodeGrub, u.node, "name", "the GRUB user has no name", "set name")
		}
		if u.get("password_hash").str() == "" {
			t.fail(CodeGrub, u.node, "password_hash", "the GRUB user has no password hash", "create one with grub2-mkpasswd-pbkdf2")
		}
	}
}
