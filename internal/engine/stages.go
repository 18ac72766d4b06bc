// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/firstlight-boot/firstlight/internal/plan"

// A stage is one run of the program in a boot.
type stage struct {
	name     string
	acquires bool        // gets the config from its sources; the others read the cache
	offline  bool        // may not use the network
	parts    []plan.Part // what it plans and applies, in order
	onRoot   bool        // works on the mounted target root
	seals    bool        // ends the provisioning: writes the result and the seal
}

// stages is the table of all stages, in the order of a boot.
func stages() []stage {
	return []stage{
		{name: "fetch-offline", acquires: true, offline: true},
		{name: "fetch", acquires: true},
		{name: "kargs", parts: []plan.Part{plan.KernelArguments}},
		{name: "disks", parts: []plan.Part{plan.Partitions, plan.RAID, plan.LUKS, plan.Filesystems}},
		{name: "mount", parts: []plan.Part{plan.Mount}, onRoot: true},
		{name: "files", parts: []plan.Part{plan.Accounts, plan.Files}, onRoot: true, seals: true},
		{name: "umount", parts: []plan.Part{plan.Unmount}, onRoot: true},
	}
}

func findStage(name string) (stage, bool) {
	for _, s := range stages() {
		if s.name == name {
			return s, true
		}
	}
	return stage{}, false
}

// StageNames returns the names of all stages, in the order of a boot.
func StageNames() []string {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	return names
}
