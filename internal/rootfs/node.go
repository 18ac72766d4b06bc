// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

// Mkdir makes a directory at a resolved path. It does not change an existing directory.
func (r *Root) Mkdir(name string, mode uint32) error {
	p, err := r.open(name)
	if err == nil {
		defer p.close()
		err = p.mkdir(mode)
	}
	return r.wrap("make directory", name, err)
}

func (p parent) mkdir(mode uint32) error {
	if err := p.change("mkdir"); err != nil {
		return err
	}
	err := unix.Mkdirat(p.fd, p.name, mode)
	if err != unix.EEXIST {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(p.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if t := infoOf(&st).Type; t != Directory {
		return &typeError{t}
	}
	return nil
}

// typeError says that another node is where a directory should be.
type typeError struct{ found Type }

func (e *typeError) Error() string {
	return "there is a " + map[Type]string{
		Regular: "file", Symlink: "symbolic link", Other: "FIFO, socket or device",
	}[e.found] + " in its place"
}

// MkdirAll makes the directory at a resolved path and its missing parents, all with mode 0755. It returns the topmost
// directory that it made, or "".
func (r *Root) MkdirAll(name string) (string, error) { return r.mkdirAll(name, 0o755) }

// MkdirPrivate is MkdirAll with mode 0700.
func (r *Root) MkdirPrivate(name string) error {
	_, err := r.mkdirAll(name, 0o700)
	return err
}

func (r *Root) mkdirAll(name string, mode uint32) (string, error) {
	if name = path.Clean("/" + name); name == "/" {
		return "", nil
	}
	info, err := r.Lstat(name)
	if err != nil {
		return "", err
	}
	switch info.Type {
	case Directory:
		return "", nil
	case None:
	default:
		return "", r.wrap("make directory", name, &typeError{info.Type})
	}
	top, err := r.mkdirAll(path.Dir(name), mode)
	if err != nil {
		return "", err
	}
	if top == "" {
		top = name
	}
	return top, r.Mkdir(name, mode)
}

// Symlink makes a symbolic link at a resolved path, with the text target and the owner; -1 leaves the user or group of the
// process. The name appears with its owner already set. An existing node is replaced only if replace is set, even a
// directory with its contents.
func (r *Root) Symlink(target, name string, uid, gid int, replace bool) error {
	return r.symlink(target, name, uid, gid, allowed(replace))
}

func (r *Root) symlink(target, name string, uid, gid int, replace replacing) error {
	p, err := r.open(name)
	if err == nil {
		defer p.close()
		err = p.symlink(target, uid, gid, replace)
	}
	return r.wrap("make link", name, err)
}

func (p parent) symlink(target string, uid, gid int, replace replacing) error {
	temp := p.temporary()
	err := p.place(temp, "symlink", func() error {
		if err := unix.Symlinkat(target, p.fd, temp); err != nil {
			return err
		}
		if uid <= 0 && gid <= 0 {
			return nil
		}
		return unix.Fchownat(p.fd, temp, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return err
	}
	return p.finish(temp, replace)
}

// Link gives the node at the resolved path target another name. An existing node there is replaced only if replace is set,
// even a directory with its contents.
func (r *Root) Link(target, name string, replace bool) error {
	p, err := r.open(name)
	if err == nil {
		defer p.close()
		err = p.link(target, allowed(replace))
	}
	return r.wrap("make hard link", name, err)
}

func (p parent) link(target string, replace replacing) error {
	from, err := p.root.open(target)
	if err != nil {
		return err
	}
	defer from.close()
	temp := p.temporary()
	err = p.place(temp, "link", func() error { return unix.Linkat(from.fd, from.name, p.fd, temp, 0) })
	if err != nil {
		return err
	}
	return p.finish(temp, replace)
}

// place makes a node under a temporary name, after removing what an interrupted run left there.
func (p parent) place(temp, kind string, make func() error) error {
	if err := p.change(kind); err != nil {
		return err
	}
	err := make()
	if err == unix.EEXIST {
		if err = p.removeTemporary(temp); err == nil {
			err = make()
		}
	}
	return err
}

// finish gives a node its final name, or removes it again.
func (p parent) finish(temp string, replace replacing) error {
	var err error
	if replace == everything {
		err = removeDirectory(p)
	}
	if err == nil {
		err = p.change("rename")
	}
	if err == nil {
		err = p.rename(temp, replace != nothing)
	}
	// Renaming onto another name of the same node does nothing and leaves both (rename(2)).
	if effect := p.root.effect("unlink", p.path); effect != nil {
		return errors.Join(err, effect)
	}
	if undo := unix.Unlinkat(p.fd, temp, 0); undo != nil && undo != unix.ENOENT {
		err = errors.Join(err, undo)
	}
	return err
}

// Move renames the node at the resolved path from to the name to, which must not exist. The error wraps ErrOtherFilesystem
// if the two are on different filesystems.
func (r *Root) Move(from, to string) error {
	source, err := r.open(from)
	if err != nil {
		return r.wrap("move", from, err)
	}
	defer source.close()
	target, err := r.open(to)
	if err != nil {
		return r.wrap("move "+from+" to", to, err)
	}
	defer target.close()
	if err := errors.Join(source.change("move"), target.root.touch(target.dev, target.fd)); err != nil {
		return err
	}
	err = unix.Renameat2(source.fd, source.name, target.fd, target.name, unix.RENAME_NOREPLACE)
	return r.wrap("move "+from+" to", to, err)
}

// Chown sets the owner of the node at a resolved path, without following it if it is a link; -1 leaves the
// user or the group as it is.
func (r *Root) Chown(name string, uid, gid int) error {
	fd, err := r.openat2(relative(name), unix.O_PATH)
	if err == nil {
		defer unix.Close(fd)
		err = r.chown(fd, name, uid, gid)
	}
	return r.wrap("change owner of", name, err)
}

func (r *Root) chown(fd int, name string, uid, gid int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if (uid == -1 || uid == int(st.Uid)) && (gid == -1 || gid == int(st.Gid)) {
		return nil
	}
	if err := r.changed(name, "chown"); err != nil {
		return err
	}
	if err := r.touchMount(&st, fd); err != nil {
		return err
	}
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// Chmod sets permissions and special bits of the file or directory at a resolved path.
func (r *Root) Chmod(name string, mode uint32) error {
	return r.wrap("change mode of", name, r.chmod(name, mode))
}

func (r *Root) chmod(name string, mode uint32) error {
	info, err := r.Lstat(name)
	if err != nil {
		return err
	}
	if info.Mode == mode && info.Type != None {
		return nil
	}
	fd := -1
	switch info.Type {
	case Directory:
		fd, err = r.openat2(relative(name), unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
	default:
		f, err := r.openRegular(name, unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer f.Close()
		fd = int(f.Fd())
	}
	if err := r.changed(name, "chmod"); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := r.touchMount(&st, fd); err != nil {
		return err
	}
	return unix.Fchmod(fd, mode)
}

// touchMount records the filesystem of the directory itself, which differs from its parent's if it is a mount point.
func (r *Root) touchMount(st *unix.Stat_t, fd int) error {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	return r.touch(st.Dev, fd)
}

// changed is change for a path that may be the root.
func (r *Root) changed(name, kind string) error {
	if path.Clean("/"+name) != "/" {
		return r.change(name, kind)
	}
	if err := r.effect(kind, name); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(r.dir.Fd()), &st); err != nil {
		return err
	}
	return r.touch(st.Dev, int(r.dir.Fd()))
}
