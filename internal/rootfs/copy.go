// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrOtherFilesystem is wrapped by Move's error if the two paths are on different filesystems.
var ErrOtherFilesystem error = unix.EXDEV

// CopyOptions configures CopyTree. UID and GID own the copies; -1 keeps the original's.
type CopyOptions struct{ UID, GID int }

// CopyTree copies the contents of the directory at the resolved path from into the directory at to. If to is missing,
// CopyTree makes it for root only; the caller sets its owner and mode. Files replace existing files. Links are copied as
// links; a link text that begins with from begins with to in the copy. A missing from counts as empty. Extended attributes
// are not copied.
func (r *Root) CopyTree(from, to string, o CopyOptions) error {
	info, err := r.Lstat(from)
	if err != nil || info.Type == None {
		return err
	}
	if err := r.Mkdir(to, 0o700); err != nil {
		return err
	}
	return r.copyEntries(from, to, copying{o, from, to})
}

// copying is one call of CopyTree.
type copying struct {
	CopyOptions
	from, to string
}

func (r *Root) copyEntries(from, to string, c copying) error {
	names, err := r.ReadDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.copyNode(path.Join(from, name), path.Join(to, name), c); err != nil {
			return err
		}
	}
	return nil
}

func (r *Root) copyNode(from, to string, c copying) error {
	info, err := r.Lstat(from)
	if err != nil {
		return err
	}
	uid, gid := c.UID, c.GID
	if uid == -1 {
		uid = info.UID
	}
	if gid == -1 {
		gid = info.GID
	}
	switch info.Type {
	case Regular:
		return r.copyFile(from, to, uid, gid, info.Mode)
	case Symlink:
		target, err := r.Readlink(from)
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(target, c.from+"/"); ok {
			target = c.to + "/" + rest
		}
		return r.symlink(target, to, uid, gid, files)
	case Directory:
		if err := r.Mkdir(to, 0o700); err != nil {
			return err
		}
		if err := r.copyEntries(from, to, c); err != nil {
			return err
		}
		if err := r.Chown(to, uid, gid); err != nil {
			return err
		}
		return r.Chmod(to, info.Mode)
	}
	return nil // FIFOs, sockets and devices are left to the programs that use them
}

func (r *Root) copyFile(from, to string, uid, gid int, mode uint32) error {
	source, err := r.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := r.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, source)
	if err == nil {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.put(files)
}

// ChownTree changes the owner of all nodes at and below a resolved path that belong to the old user and group. It does not
// follow links.
func (r *Root) ChownTree(name string, fromUID, fromGID, toUID, toGID int) error {
	info, err := r.Lstat(name)
	if err != nil || info.Type == None {
		return err
	}
	uid, gid := -1, -1
	if info.UID == fromUID {
		uid = toUID
	}
	if info.GID == fromGID {
		gid = toGID
	}
	if err := r.Chown(name, uid, gid); err != nil {
		return err
	}
	if info.Type == Regular && info.Mode&0o6000 != 0 { // chown(2) has cleared these bits
		if err := r.Chmod(name, info.Mode); err != nil {
			return err
		}
	}
	if info.Type != Directory {
		return nil
	}
	names, err := r.ReadDir(name)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := r.ChownTree(path.Join(name, n), fromUID, fromGID, toUID, toGID); err != nil {
			return err
		}
	}
	return nil
}
