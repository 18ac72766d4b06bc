// SPDX-License-Identifier: Apache-2.0

package author

import (
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// A Variant is one version of one dialect of the language: a row of the table.
type Variant struct {
	Name    string       // "fcos"
	Version string       // "1.5.0"
	Spec    spec.Version // of the config that it is translated to; it also says which common members exist

	has     features
	forbids []string // members of the output that the platform cannot use, by path of member names
	users   []string // the only members of users; nil for all
}

// features are additions of a variant to the common language, and differences from it.
type features uint32

const (
	coreos      features = 1 << iota // the partitions of CoreOS are known: labels and sizes are checked
	bootDevice                       // boot_device
	wholeDisk                        // label needs number, mount paths are below /etc and /var
	needsLayout                      // a mirror without layout is an error, not a warning
	needsMethod                      // boot_device.luks.device without a method is an error
	openshift                        // metadata, openshift, and the checks of the machine config operator
	noGzip                           // the operator of that time refuses compressed files
	plainModes                       // file modes beyond 0777 are refused
	noneFormat                       // file system format none is refused
	grubFile                         // grub.users becomes contents, since appending is refused
	fipsLuks                         // openshift.fips chooses the cipher of encrypted volumes
	cexArgument                      // a crypto card needs a kernel argument
)

// What each family of variants forbids.
var (
	immutable  = []string{"kernelArguments", "storage.disks", "storage.filesystems", "storage.luks", "storage.raid"}
	machineSet = []string{"passwd.groups", "storage.directories", "storage.files.append", "storage.files.contents.httpHeaders", "storage.links"}
	withKargs  = append([]string{"kernelArguments"}, machineSet...)
	withoutZip = append([]string{"storage.files.contents.compression"}, machineSet...)
	keysOnly   = []string{"name", "sshAuthorizedKeys"}
	withHash   = []string{"name", "sshAuthorizedKeys", "passwordHash"}
)

// Sets of features.
const (
	fcos13 = coreos | bootDevice
	fcos16 = fcos13 | wholeDisk
	fcos17 = fcos16 | needsLayout | needsMethod
	ocp48  = fcos13 | openshift | fipsLuks
	ocp410 = ocp48 | plainModes
	ocp414 = ocp410 | noneFormat
	ocp419 = ocp414 | cexArgument
	ocp420 = ocp419 &^ fipsLuks
	ocp423 = ocp420 | grubFile | needsLayout | needsMethod
)

// variants is the table of all dialects. A new one is a row.
var variants = []Variant{
	{Name: "fcos", Version: "1.0.0", Spec: spec.V3_0, has: coreos},
	{Name: "fcos", Version: "1.1.0", Spec: spec.V3_1, has: coreos},
	{Name: "fcos", Version: "1.2.0", Spec: spec.V3_2, has: coreos},
	{Name: "fcos", Version: "1.3.0", Spec: spec.V3_2, has: fcos13},
	{Name: "fcos", Version: "1.4.0", Spec: spec.V3_3, has: fcos13},
	{Name: "fcos", Version: "1.5.0", Spec: spec.V3_4, has: fcos13},
	{Name: "fcos", Version: "1.6.0", Spec: spec.V3_5, has: fcos16},
	{Name: "fcos", Version: "1.7.0", Spec: spec.V3_6, has: fcos17},
	{Name: "fcos", Version: "1.8.0-experimental", Spec: spec.V3_7, has: fcos17},

	{Name: "flatcar", Version: "1.0.0", Spec: spec.V3_3, forbids: []string{"storage.luks.clevis"}},
	{Name: "flatcar", Version: "1.1.0", Spec: spec.V3_4, forbids: []string{"storage.luks.clevis"}},
	{Name: "flatcar", Version: "1.2.0-experimental", Spec: spec.V3_7, forbids: []string{"storage.luks.cex"}},

	{Name: "r4e", Version: "1.0.0", Spec: spec.V3_3, forbids: immutable},
	{Name: "r4e", Version: "1.1.0", Spec: spec.V3_4, forbids: immutable},
	{Name: "r4e", Version: "1.2.0-experimental", Spec: spec.V3_7, forbids: immutable},

	{Name: "fiot", Version: "1.0.0", Spec: spec.V3_4, forbids: immutable},
	{Name: "fiot", Version: "1.1.0-experimental", Spec: spec.V3_7, forbids: immutable},

	{Name: "openshift", Version: "4.8.0", Spec: spec.V3_2, has: ocp48 | noGzip, forbids: withoutZip, users: keysOnly},
	{Name: "openshift", Version: "4.9.0", Spec: spec.V3_2, has: ocp48 | noGzip, forbids: withoutZip, users: keysOnly},
	{Name: "openshift", Version: "4.10.0", Spec: spec.V3_2, has: ocp410, forbids: machineSet, users: keysOnly},
	{Name: "openshift", Version: "4.11.0", Spec: spec.V3_2, has: ocp410, forbids: machineSet, users: keysOnly},
	{Name: "openshift", Version: "4.12.0", Spec: spec.V3_2, has: ocp410, forbids: machineSet, users: keysOnly},
	{Name: "openshift", Version: "4.13.0", Spec: spec.V3_2, has: ocp410, forbids: machineSet, users: withHash},
	{Name: "openshift", Version: "4.14.0", Spec: spec.V3_4, has: ocp414, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.15.0", Spec: spec.V3_4, has: ocp414, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.16.0", Spec: spec.V3_4, has: ocp414, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.17.0", Spec: spec.V3_4, has: ocp414, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.18.0", Spec: spec.V3_4, has: ocp414, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.19.0", Spec: spec.V3_5, has: ocp419, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.20.0", Spec: spec.V3_5, has: ocp420, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.21.0", Spec: spec.V3_5, has: ocp420, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.22.0", Spec: spec.V3_5, has: ocp420, forbids: withKargs, users: withHash},
	{Name: "openshift", Version: "4.23.0-experimental", Spec: spec.V3_7, has: ocp423, forbids: withKargs, users: withHash},
}

// Variants returns all variants with their versions, in the order of the table.
func Variants() []Variant { return append([]Variant{}, variants...) }

// Find returns the variant of a name and version.
func Find(name, version string) (Variant, bool) {
	for _, v := range variants {
		if v.Name == name && v.Version == version {
			return v, true
		}
	}
	return Variant{}, false
}

// MachineConfig reports whether the variant's default output is a MachineConfig.
func (v *Variant) MachineConfig() bool { return v.has&openshift != 0 }

// String returns "fcos 1.5.0".
func (v *Variant) String() string { return v.Name + " " + v.Version }

// choose finds the variant that a document states. The problem is empty if there is one.
func choose(name, version string) (v *Variant, code, problem, hint string) {
	switch {
	case name == "":
		return nil, CodeVariant, "the document has no variant", "start it with two lines such as `variant: fcos` and `version: 1.6.0`"
	case !isVersion(version):
		if version == "" {
			return nil, CodeVersion, "the document has no version", latest(name)
		}
		return nil, CodeVersion, strconv.Quote(shown(version)) + " is not a version: it needs three numbers", latest(name)
	case name == "rhcos" && version == "0.1.0":
		return nil, CodeUnknown, "the variant rhcos was replaced by openshift", "write variant: openshift and version: " + Latest("openshift")
	}
	for i := range variants {
		if variants[i].Name == name && variants[i].Version == version {
			return &variants[i], "", "", ""
		}
	}
	for i := len(variants) - 1; i >= 0; i-- {
		if v := &variants[i]; v.Name == name && v.Spec.String() == version {
			return nil, CodeUnknown, "unknown version of the variant " + name + ": " + version,
				version + " is the spec version that " + name + " " + v.Version + " becomes; write version: " + v.Version
		}
	}
	if Latest(name) == "" {
		return nil, CodeUnknown, "unknown variant: " + shown(name), latest(name)
	}
	return nil, CodeUnknown, "unknown version of the variant " + name + ": " + shown(version), latest(name)
}

// Latest returns the newest final version of a variant, or "" if no variant has the name.
func Latest(name string) string {
	newest := ""
	for _, v := range variants {
		if v.Name == name && !strings.HasSuffix(v.Version, "-experimental") {
			newest = v.Version
		}
	}
	return newest
}

// latest says what to write for a variant, or which variants there are.
func latest(name string) string {
	if v := Latest(name); v != "" {
		return "write version: " + v + ", the newest final version of " + name + ", or an older one"
	}
	var names []string
	best, distance := "", 3
	for i, v := range variants {
		if i > 0 && variants[i-1].Name == v.Name {
			continue
		}
		names = append(names, v.Name)
		if d := diag.Distance(name, v.Name); d < distance {
			best, distance = v.Name, d
		}
	}
	switch {
	case best != "":
		return "did you mean " + best + "? Its newest final version is " + Latest(best)
	case strings.Contains(name, "coreos"):
		return "write variant: fcos for Fedora CoreOS, or variant: openshift for RHEL CoreOS"
	case strings.Contains(name, "iot"):
		return "write variant: fiot for Fedora IoT"
	}
	return "write one of the variants " + strings.Join(names, ", ")
}

// isVersion reports whether a text is a semantic version: three numbers, then optionally a pre-release and metadata.
func isVersion(text string) bool {
	core, _, _ := strings.Cut(text, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return false
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 31); err != nil {
			return false
		}
	}
	return true
}
