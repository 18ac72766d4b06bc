// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Directory opens the directory at a resolved path as a Root. If it is missing, Directory makes it for root only.
func (r *Root) Directory(name string) (*os.Root, error) {
	info, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Type == None {
		if _, err := r.MkdirAll(path.Dir(name)); err != nil {
			return nil, err
		}
		if err := r.Mkdir(name, 0o700); err != nil {
			return nil, err
		}
	}
	fd, err := r.openat2(relative(name), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, r.wrap("open directory", name, err)
	}
	defer unix.Close(fd)
	dir, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
	return dir, r.wrap("open directory", name, err)
}

// ErrLocked is wrapped by Lock's error for a directory that another process has locked.
var ErrLocked = errors.New("another run of firstlight is using it")

// Lock locks the directory at a resolved path against other processes that lock it, until the file is closed.
func (r *Root) Lock(name string) (*os.File, error) {
	fd, err := r.openat2(relative(name), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, r.wrap("lock", name, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if err == unix.EWOULDBLOCK {
			err = ErrLocked
		}
		return nil, r.wrap("lock", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// LockFile takes the write lock of the regular file at a resolved path, as lckpwdf(3) does, until the file is closed.
func (r *Root) LockFile(name string) (*os.File, error) {
	f, err := r.openRegular(name, unix.O_RDWR)
	if err != nil {
		return nil, r.wrap("lock", name, err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		return nil, errors.Join(r.wrap("lock", name, err), f.Close())
	}
	return f, nil
}
