// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// kept are the directories that hold seals on a running system; the second is for systems whose /etc is not persistent.
var kept = []string{Dir, "/var/lib/firstlight"}

// An Action is one step of arming a root again.
type Action struct {
	Text string // for people, such as "remove /etc/.firstlight/seal.json"
	do   func() error
}

// Rearm returns the actions that make the next boot provision a root again: remove seal, notes and journals, and set the flag
// files from which the first-boot flag came, as the seal has them. It changes nothing; Do does. how says what the person who
// boots the machine must do in addition; it may be empty.
func Rearm(root *rootfs.Root, files []FlagFile) (actions []Action, how string, err error) {
	flags := Flag{Files: map[string]string{}}
	for _, place := range kept {
		dir, err := root.Follow(place)
		if err != nil {
			return nil, "", err
		}
		if found, err := ReadAt(root, place); err == nil && found != nil && found.Flag != nil {
			flags = *found.Flag // a seal that cannot be read is removed all the same
		}
		names, err := root.ReadDir(dir)
		if err != nil && !isMissing(root, dir) {
			return nil, "", err
		}
		for _, name := range names {
			if name == sealFile || name == clearedFile || name == goneFile || strings.HasPrefix(name, journalFile) {
				actions = append(actions, removal(root, path.Join(dir, name)))
			}
		}
	}
	set := flags.set()
	for _, f := range files {
		i := slices.Index(set, f.Name())
		if i < 0 {
			continue
		}
		set = slices.Delete(set, i, i+1)
		action, err := setting(root, f)
		if err != nil {
			return nil, "", err
		}
		actions = append(actions, action...)
	}
	switch {
	case len(set) > 0:
		how = "set the first-boot flag where it came from (" + strings.Join(set, ", ") + ")"
	case len(flags.set()) == 0:
		how = "boot with ignition.firstboot on the kernel command line"
	}
	return actions, how, nil
}

func isMissing(root *rootfs.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Type == rootfs.None
}

func removal(root *rootfs.Root, name string) Action {
	return Action{"remove " + name, func() error { return root.Remove(name) }}
}

// setting returns the actions that set the flag by a flag file.
func setting(root *rootfs.Root, f FlagFile) ([]Action, error) {
	place, err := root.Follow(f.Host)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Missing && isMissing(root, place):
		return nil, nil
	case f.Missing:
		return []Action{removal(root, place)}, nil
	case isMissing(root, path.Dir(place)):
		return nil, fmt.Errorf("set the first-boot flag: %s does not exist; mount the filesystem that holds %s", path.Dir(place), f.Host)
	}
	return []Action{{"create " + place, func() error { return root.WriteFile(place, nil, 0, 0, 0o644) }}}, nil
}

// Do carries out actions, durably.
func Do(root *rootfs.Root, actions []Action) error {
	for _, a := range actions {
		if err := a.do(); err != nil {
			return fmt.Errorf("%s: %w", a.Text, err)
		}
	}
	return root.Sync()
}
