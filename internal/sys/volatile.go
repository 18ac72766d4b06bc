// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Volatile reports whether the contents of a directory are lost when the machine is switched off: the directory is on a
// tmpfs, or on an overlay whose upper directory is on one. A missing directory is not volatile.
func Volatile(dir string) (bool, error) {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("look at the filesystem of %s: %w", dir, err)
	}
	switch int64(st.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return true, nil
	case unix.OVERLAYFS_SUPER_MAGIC:
	default:
		return false, nil
	}
	infos, err := mountinfo.GetMounts(mountinfo.ParentsFilter(dir))
	if err != nil {
		return false, fmt.Errorf("read mounts: %w", err)
	}
	upper, longest := "", -1
	for _, i := range infos {
		if len(i.Mountpoint) < longest {
			continue
		}
		upper, longest = "", len(i.Mountpoint)
		for o := range strings.SplitSeq(i.VFSOptions, ",") {
			if v, ok := strings.CutPrefix(o, "upperdir="); ok {
				upper = v
			}
		}
	}
	if upper == "" || upper == dir {
		return false, nil // read-only, or an overlay on itself
	}
	return Volatile(upper)
}
