// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/firstlight-boot/firstlight/internal/provision"

// A stage is one run of the program in a boot.
type stage struct {
	name     string
	acquires bool // gets the config from its sources; the others read the cache
	offline  bool // may not use the network
	kargs    bool // changes nothing but kernel arguments
	decides  bool // changes the machine before the root is mounted, and so first finds out whether it was provisioned before
	foresees bool // the rest of the boot is planned, as far as that is possible, before anything is changed
	onRoot   bool // works on the mounted target root
	seals    bool // ends the provisioning: writes the result and the seal
	forgets  bool // removes what the disks stage noted on disks, once the root is sealed
}

// stages is the table of all stages, in the order of a boot. Their parts are in the table of package provision.
func stages() []stage {
	return []stage{
		{name: "fetch-offline", acquires: true, offline: true},
		{name: "fetch", acquires: true},
		{name: provision.Kargs, kargs: true, decides: true},
		{name: provision.Disks, foresees: true, decides: true},
		{name: provision.Mount, onRoot: true},
		{name: provision.Files, onRoot: true, seals: true, forgets: true},
		{name: provision.Umount, onRoot: true, forgets: true},
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
