// SPDX-License-Identifier: Apache-2.0

package seal

import "fmt"

// WatchUnits returns units by their file names below a unit directory of the running system. They record in the seal's directory
// when a flag file no longer sets the flag. Only files that set the flag by their absence need them: there is nothing to compare
// later. The units need only sh and sync.
func WatchUnits(files []FlagFile) map[string]string {
	units := map[string]string{}
	for i, f := range files {
		if !f.Missing {
			continue
		}
		name := fmt.Sprintf("firstlight-flag-%d", i)
		units[name+".path"] = fmt.Sprintf("[Unit]\nDescription=Wait for the first-boot flag to be removed\n\n[Path]\nPathExists=%s\n", f.Host)
		// The note must not be on the disk before the removal of the flag is.
		units[name+".service"] = fmt.Sprintf("[Unit]\nDescription=Note that the first-boot flag was removed\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"+
			"ExecStart=/bin/sh -c 'sync -f %s && echo \"%s\" >>%[3]s && sync -f %[3]s'\n", f.Host, f.Name(), Dir+"/"+goneFile)
	}
	return units
}
