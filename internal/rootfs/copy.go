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

// CopyOptions configures CopyTree.
type CopyOptions struct {
	UID, GID int    // own the copies; -1 keeps the original's
	As       string // the path that the copy gets later; empty: it stays where it is
}

// CopyTree copies the contents of the directory at the resolved path from into the directory at to. If to is missing,
// CopyTree makes it for root only; the caller sets its owner and mode. Files replace existing files. Links are copied as
// links; a link text that begins with from begins with the path of the copy instead. A missing from counts as empty. Extended
// attributes are not copied.
func (r *Root) CopyTree(from, to string, o CopyOptions) error {
	info, err := r.Lstat(from)
	if err != nil || info.Type == None {
		return err
	}
	if err := r.Mkdir(to, 0o700); err != nil {
		return err
	}
	if o.As == "" {
		o.As = to
	}
	return r.copyEntries(from, to, copying{o, from})
}

// copying is one call of CopyTree.
type copying struct {
	CopyOptions
	from string
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
		return r.copyFile(from, to, uid, gid, info.Mode, false)
	case Symlink:
		target, err := r.Readlink(from)
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(target, c.from+"/"); ok {
			target = c.As + "/" + rest
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

// copyFile copies a file, with its extended attributes if attributes is set.
func (r *Root) copyFile(from, to string, uid, gid int, mode uint32, attributes bool) error {
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
	if err == nil && attributes {
		err = r.wrap("copy attributes of", from, copyAttributes(int(source.Fd()), int(f.file.descriptor)))
	}
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.put(files)
}

// copyAttributes copies the extended attributes of a file, such as its label, except for those that a change of the owner clears.
func copyAttributes(from, to int) error {
	list := make([]byte, 1<<16) // the largest list, xattr(7)
	n, err := unix.Flistxattr(from, list)
	if err == unix.EOPNOTSUPP {
		return nil
	} else if err != nil {
		return err
	}
	value := make([]byte, 1<<16) // the largest value
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00") {
		if name == "" || name == "security.capability" {
			continue
		}
		size, err := unix.Fgetxattr(from, name, value)
		if err != nil {
			return err
		}
		if err := unix.Fsetxattr(to, name, value[:size], 0); err != nil {
			return err
		}
	}
	return nil
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
	if info.Type == Regular && info.Mode&0o6000 != 0 && (uid != -1 || gid != -1) {
		return r.chownSpecial(name, info, uid, gid)
	}
	if err := r.Chown(name, uid, gid); err != nil {
		return err
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

// chownSpecial changes the owner of a file with special bits, which chown(2) clears. It replaces the file by a copy, because
// a power cut between chown and chmod would lose the bits. A file with several names keeps them, and takes that risk.
func (r *Root) chownSpecial(name string, info Info, uid, gid int) error {
	if info.Links > 1 {
		return errors.Join(r.Chown(name, uid, gid), r.Chmod(name, info.Mode))
	}
	if uid == -1 {
		uid = info.UID
	}
	if gid == -1 {
		gid = info.GID
	}
	return r.copyFile(name, name, uid, gid, info.Mode, true)
}
