// SPDX-License-Identifier: Apache-2.0

package seal

import "fmt"

// WatchUnits returns units, by file name below a directory of units of the running system, that note in the directory of the seal
// when one of the flag files no longer sets the flag. They are for files that set it by their absence, which have nothing to
// be compared with. The units need sh and sync, and nothing of firstlight.
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
