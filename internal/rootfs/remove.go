// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes the node at a resolved path with all that is below it. Links are removed, not followed. A
// node that is not there is no error.
func (r *Root) Remove(name string) error {
	p, err := r.open(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err == nil {
		defer p.close()
		err = removeAt(p, p.name)
	}
	return r.wrap("remove", name, err)
}

// removeDirectory makes room for something else to be renamed onto the path: only a directory is in the way of
// that.
func removeDirectory(p parent) error {
	var st unix.Stat_t
	err := unix.Fstatat(p.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && infoOf(&st).Type != Directory {
		return nil
	} else if err != nil {
		return err
	}
	return removeAt(p, p.name)
}

// removeAt removes the entry name of a directory, depth first.
func removeAt(p parent, name string) error {
	if err := p.change("unlink"); err != nil {
		return err
	}
	err := unix.Unlinkat(p.fd, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM {
		return err
	}
	unlinked := err
	fd, err := unix.Openat(p.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return unlinked // not a directory: the file could not be removed
	} else if err != nil {
		return err
	}
	if err := empty(p, name, fd); err != nil {
		return err
	}
	return unix.Unlinkat(p.fd, name, unix.AT_REMOVEDIR)
}

// empty removes all entries of the directory that fd is open on, and closes it.
func empty(p parent, name string, fd int) error {
	dir := os.NewFile(uintptr(fd), p.path)
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	for {
		names, err := dir.Readdirnames(256)
		if len(names) == 0 {
			return skipEOF(err)
		}
		below := parent{root: p.root, fd: fd, dev: st.Dev, path: p.path + "/" + name}
		for _, n := range names {
			if err := removeAt(below, n); err != nil {
				return err
			}
		}
		if _, err := dir.Seek(0, 0); err != nil { // entries may have moved
			return err
		}
	}
}
