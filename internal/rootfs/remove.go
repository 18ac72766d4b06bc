// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes the node at a resolved path with everything below it. Links are removed, not followed. A missing node is
// not an error.
func (r *Root) Remove(name string) error {
	p, err := r.open(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err == nil {
		defer p.close()
		err = p.remove()
	}
	return r.wrap("remove", name, err)
}

// RemoveFile is Remove for a node that is not a directory. For a directory it changes nothing and returns an error.
func (r *Root) RemoveFile(name string) error {
	info, err := r.Lstat(name)
	if err != nil || info.Type == None {
		return err
	}
	p, err := r.open(name)
	if err == nil {
		defer p.close()
		if err = p.change("unlink"); err == nil {
			err = unix.Unlinkat(p.fd, p.name, 0)
		}
	}
	return r.wrap("remove", name, err)
}

// remove removes the entry with everything below it. If a filesystem is mounted on or below the entry, it removes nothing.
func (p parent) remove() error {
	if err := checkMounts(p.fd, p.name, p.path); err != nil {
		return err
	}
	return removeAt(p, p.name)
}

// checkMounts fails if a filesystem is mounted on the entry name of a directory or below it. Removal would empty that
// filesystem and only then find the mount point busy.
func checkMounts(parent int, name, path string) error {
	fd, err := openHere(parent, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		fd, err = openHere(parent, name, unix.O_PATH)
		if err == nil {
			return unix.Close(fd)
		}
	}
	switch {
	case err == unix.EXDEV:
		return fmt.Errorf("a filesystem is mounted on %s: %w", path, unix.EBUSY)
	case err == unix.ENOENT:
		return nil
	case err != nil:
		return err
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(256)
		for _, n := range names {
			if err := checkMounts(fd, n, path+"/"+n); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			return skipEOF(err)
		}
	}
}

// openHere opens an entry of a directory unless it is a link or a mount point.
func openHere(parent int, name string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_XDEV}
	for {
		if fd, err := unix.Openat2(parent, name, &how); err != unix.EINTR {
			return fd, err
		}
	}
}

// removeDirectory removes a directory so that another node can be renamed to its path. Nodes of other types are not in the
// way of a rename.
func removeDirectory(p parent) error {
	var st unix.Stat_t
	err := unix.Fstatat(p.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && infoOf(&st).Type != Directory {
		return nil
	} else if err != nil {
		return err
	}
	return p.remove()
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
	fd, err := openHere(p.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return unlinked // not a directory: the file could not be removed
	} else if err == unix.EXDEV {
		return unix.EBUSY // a filesystem was mounted on it meanwhile
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
