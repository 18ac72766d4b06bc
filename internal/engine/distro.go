// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/seal"
)

// Settings of a distribution, set when the program is linked: go build -ldflags "-X PACKAGE.version=…". They are strings,
// because the linker can set nothing else.
var (
	kernelCmdlinePath   = "/proc/cmdline"
	bootIDPath          = "/proc/sys/kernel/random/boot_id"
	systemRuntimeDir    = "/run/ignition"
	systemLocalDir      = "/etc/ignition"
	systemDir           = "/usr/lib/ignition"
	kargsHelper         = "ignition-kargs-helper"
	selinuxRelabel      = "true"
	writeKeyFragment    = "true"
	resultFile          = "/etc/.ignition-result.json"
	yamlConfigs         = "true"
	flagFiles           = "" // more of seal.FlagFiles, "LABEL=boot:/first !root:/var/lib/done"
	programReplacements = "" // "mkfs.ext4=/usr/bin/mke2fs mount=/bin/mount"
)

// Distro holds the settings that a distribution made at link time, and those of the environment.
type Distro struct {
	CmdlinePath, BootIDPath string
	ConfigDirs              []string // the highest priority first
	Programs                map[string]string
	Relabel, KeyFragment    bool
	ResultFile              string // empty: none is written
	JSONOnly                bool   // configs in YAML are not read
	FlagFiles               []seal.FlagFile
}

// ReadDistro returns the settings. An environment variable that is not empty overrides the linked-in value.
func ReadDistro(getenv func(string) string) (Distro, error) {
	or := func(name, linked string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return linked
	}
	d := Distro{
		CmdlinePath: or("IGNITION_KERNEL_CMDLINE_PATH", kernelCmdlinePath),
		BootIDPath:  bootIDPath,
		ConfigDirs: []string{
			or("IGNITION_SYSTEM_RUNTIME_CONFIG_DIR", systemRuntimeDir),
			or("IGNITION_SYSTEM_LOCAL_CONFIG_DIR", systemLocalDir),
			or("IGNITION_SYSTEM_CONFIG_DIR", systemDir),
		},
		Programs:   map[string]string{"ignition-kargs-helper": kargsHelper},
		ResultFile: resultFile,
	}
	for _, word := range strings.Fields(programReplacements) {
		name, program, _ := strings.Cut(word, "=")
		d.Programs[name] = program
	}
	var err error
	if d.FlagFiles, err = seal.FlagFiles(flagFiles); err != nil {
		return d, err
	}
	if d.Relabel, err = truth("selinuxRelabel", selinuxRelabel); err != nil {
		return d, err
	}
	yaml, err := truth("yamlConfigs", yamlConfigs)
	if err != nil {
		return d, err
	}
	d.JSONOnly = !yaml
	const fragment = "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT"
	d.KeyFragment, err = truth(fragment, or(fragment, writeKeyFragment))
	return d, err
}

func truth(name, text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("read setting %s: %q is not true, 1, false or 0", name, text)
}
