// SPDX-License-Identifier: Apache-2.0

package author

import (
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
)

// roleLabel is the label that says which machines a MachineConfig is for.
const roleLabel = "machineconfiguration.openshift.io/role"

// metadata checks the MachineConfig around the config.
func (t *translator) metadata() {
	m := t.in.get("metadata")
	if m.get("name").str() == "" {
		t.failIn("metadata", "name", "the MachineConfig has no name", "set metadata.name, such as 99-worker-example")
	}
	if m.get("labels", roleLabel).str() == "" {
		t.failIn("metadata", "labels", "the MachineConfig has no role", "add a label such as "+roleLabel+": worker")
	}
	if kernel := t.in.get("openshift", "kernel_type"); kernel != nil && kernel.text != "" && kernel.text != "default" && kernel.text != "realtime" {
		t.failIn("openshift", "kernel_type", "unknown kernel type "+shown(kernel.text), "use default or realtime")
	}
}

// failIn reports an error at a member of a section that may be missing.
func (t *translator) failIn(section, member, summary, hint string) {
	at := t.in.get(section)
	if at == nil {
		at = &node{start: t.in.start, end: t.in.end, path: &step{name: section}}
	}
	t.fail(CodeOpenShift, at, member, summary, hint)
}

// cexKernelArgument requires the kernel argument that makes a crypto card unlock the root.
func (t *translator) cexKernelArgument() {
	const argument = "rd.luks.key=/etc/luks/cex.key"
	wants := t.in.get("boot_device", "luks", "cex", "enabled").isTrue()
	for _, l := range t.in.get("storage", "luks").items() {
		wants = wants || l.get("name").str() == "root" && l.get("cex", "enabled").isTrue()
	}
	arguments := t.in.get("openshift", "kernel_arguments").items()
	if wants && !slices.ContainsFunc(arguments, func(k kid) bool { return k.text == argument }) {
		t.failIn("openshift", "kernel_arguments", "the kernel argument that lets a crypto card unlock the root is missing", "add "+argument)
	}
}

// fips chooses the cipher of encrypted volumes that have none.
func (t *translator) fips() {
	cause := t.in.get("openshift", "fips")
	if !cause.isTrue() || t.v.has&fipsLuks == 0 {
		return
	}
	list := t.out.get("storage", "luks")
	for i, l := range list.items() {
		if slices.ContainsFunc(l.get("options").items(), func(k kid) bool {
			return k.text == "--cipher" || k.text == "-c" || strings.HasPrefix(k.text, "--cipher=")
		}) {
			continue
		}
		volume := *l.node
		volume.kids = slices.Clone(l.kids)
		options := cause.makeList(cause.makeText("--cipher"), cause.makeText("aes-cbc-essiv:sha256"))
		if old := l.get("options"); old != nil {
			both := *old
			both.kids = slices.Concat(old.kids, options.kids)
			options = &both
		}
		volume.set("options", options)
		list.kids[i].node = &volume
	}
}

// operator reports values that the machine config operator refuses.
func (t *translator) operator() {
	if t.v.has&openshift == 0 {
		return
	}
	for _, fs := range t.out.get("storage", "filesystems").items() {
		if f := fs.get("format").str(); f == "btrfs" || f == "none" && t.v.has&noneFormat != 0 {
			t.fail(CodeOpenShift, fs.get("format"), "", "OpenShift does not support the format "+f, "use xfs or ext4")
		}
	}
	for _, file := range t.out.get("storage", "files").items() {
		if s := file.get("contents", "source"); s.str() != "" && !strings.HasPrefix(s.text, "data:") {
			t.fail(CodeOpenShift, s, "", "OpenShift does not fetch files", "use inline or local")
		}
		if m := file.get("mode"); t.v.has&plainModes != 0 && m != nil && m.number()&^0o777 != 0 {
			t.fail(CodeOpenShift, m, "", "OpenShift does not support mode bits above 0777", "remove them")
		}
	}
	for _, u := range t.out.get("passwd", "users").items() {
		if u.get("name").str() != "core" {
			at := u.get("name")
			if at == nil {
				at = u.node
			}
			t.fail(CodeOpenShift, at, "", "OpenShift configures only the user core", "set the name to core, or remove the user")
		}
	}
	if t.o.Raw {
		t.elided()
	}
}

// elided warns about members that raw output drops.
func (t *translator) elided() {
	section := t.in.get("openshift")
	for _, name := range []string{"kernel_arguments", "extensions", "fips", "kernel_type"} {
		m := section.get(name)
		if m == nil || m.kind == doc.List && len(m.kids) == 0 || m.kind == doc.String && m.text == "" || m.kind == doc.Bool && m.text == "false" {
			continue
		}
		t.warn(CodeElided, section, name, "raw output drops "+name, "build without --raw to keep it")
	}
}
