// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A setting is a variable that a distribution sets at link time.
type setting struct {
	name  string // the variable of internal/engine
	other string // the variable of Ignition with the same meaning; may be empty
	check func(value string) error
}

// settings has a row for every variable of internal/engine that the linker may set.
var settings = []setting{
	{"kernelCmdlinePath", "kernelCmdlinePath", absolute},
	{"bootIDPath", "bootIDPath", absolute},
	{"systemRuntimeDir", "systemRuntimeConfigDir", absolute},
	{"systemLocalDir", "systemLocalConfigDir", absolute},
	{"systemDir", "systemConfigDir", absolute},
	{"kargsHelper", "kargsCmd", program},
	{"selinuxRelabel", "selinuxRelabel", truth},
	{"writeKeyFragment", "writeAuthorizedKeysFragment", truth},
	{"resultFile", "resultFilePath", absoluteOrEmpty},
	{"yamlConfigs", "", truth},
	{"flagFiles", "", flagFiles},
	{"programReplacements", "", replacements},
}

// versionVariable is the variable of the version, and its name in Ignition.
var versionVariable = setting{"version", "Raw", version}

// called are the programs that the engine calls by name, with Ignition's variable for each. A distribution may name a file
// to call instead.
var called = map[string]string{
	"chccwdev":        "chccwdevCmd",
	"cio_ignore":      "cioIgnoreCmd",
	"clevis":          "clevisCmd",
	"cryptsetup":      "cryptsetupCmd",
	"is-live-image":   "",
	"mdadm":           "mdadmCmd",
	"mkfs.btrfs":      "btrfsMkfsCmd",
	"mkfs.ext4":       "ext4MkfsCmd",
	"mkfs.fat":        "vfatMkfsCmd",
	"mkfs.xfs":        "xfsMkfsCmd",
	"mkswap":          "swapMkfsCmd",
	"modprobe":        "modprobeCmd",
	"mount":           "mountCmd",
	"setfiles":        "setfilesCmd",
	"udevadm":         "udevadmCmd",
	"vmur":            "vmurCmd",
	"zkey":            "zkeyCmd",
	"zkey-cryptsetup": "zkeyCryptsetCmd",
}

// ownWork has the variables of Ignition for programs whose work the engine does itself. To set one has no effect.
var ownWork = []string{
	"chrootCmd", "dmsetupCmd", "groupaddCmd", "groupdelCmd", "groupmodCmd", "partxCmd", "sgdiskCmd", "systemctlCmd", "useraddCmd", "userdelCmd",
	"usermodCmd", "wipefsCmd",
}

func absolute(value string) error {
	if !path.IsAbs(value) || path.Clean(value) != value || strings.ContainsAny(value, " \t\n") {
		return fmt.Errorf("%q is not an absolute path in its shortest form", value)
	}
	return nil
}

func absoluteOrEmpty(value string) error {
	if value == "" {
		return nil
	}
	return absolute(value)
}

func program(value string) error {
	if value == "" || strings.ContainsAny(value, " \t\n=") || strings.Contains(value, "/") && absolute(value) != nil {
		return fmt.Errorf("%q is neither the name of a program nor an absolute path", value)
	}
	return nil
}

func truth(value string) error {
	if !slices.Contains([]string{"true", "1", "false", "0"}, value) {
		return fmt.Errorf("%q is not true, 1, false or 0", value)
	}
	return nil
}

// flagFiles accepts words FILESYSTEM:/PATH, with "!" in front where the file says that the machine is done.
func flagFiles(value string) error {
	for _, word := range strings.Fields(value) {
		where, file, found := strings.Cut(strings.TrimPrefix(word, "!"), ":")
		if !found || where == "" || absolute(file) != nil {
			return fmt.Errorf("%q is not FILESYSTEM:/PATH, such as LABEL=boot:/first", word)
		}
	}
	return nil
}

// version accepts what a version may look like in the header User-Agent.
func version(value string) error {
	other := strings.IndexFunc(value, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(".-+~_", r))
	})
	if value == "" || other >= 0 || !strings.ContainsAny(strings.TrimPrefix(value, "v")[:1], "0123456789") || !strings.Contains(value, ".") {
		return fmt.Errorf("%q is not a version such as 1.2.3", value)
	}
	return nil
}

// replacements accepts words NAME=PROGRAM.
func replacements(value string) error {
	for _, word := range strings.Fields(value) {
		name, file, found := strings.Cut(word, "=")
		if _, known := called[name]; !known || !found {
			return fmt.Errorf("%q is not NAME=PROGRAM with the name of a program that the engine calls", word)
		}
		if err := program(file); err != nil {
			return err
		}
	}
	return nil
}
