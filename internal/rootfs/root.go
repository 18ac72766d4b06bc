// SPDX-License-Identifier: Apache-2.0

// Package rootfs changes the tree below a target root, and nothing else.
//
// Every operation starts from the descriptor of the root and is confined by the kernel (openat2(2) with RESOLVE_IN_ROOT): no
// symbolic link, however absolute, chained or exchanged while the operation runs, leads outside. Operations follow no link
// at all; a path that may have links goes through Resolve first, which resolves it as a process in a chroot would. The
// package opens nothing that could block or react, such as a FIFO or a device, and nothing partial is visible under its
// final name. It refuses to work on a kernel without openat2 (Linux before 5.6), which cannot confine it.
package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Root is an open target root. Its methods may be called concurrently as long as no two of them change the
// same path.
type Root struct {
	name string
	dir  *os.File
	salt string // of temporary names
	// before is called before every change to the tree.
	before func(effect string) error

	mu      sync.Mutex
	touched map[uint64]*os.File // a descriptor on each changed filesystem, by device number
	syncs   atomic.Int64
}

// ErrOldKernel is wrapped by errors on kernels without openat2(2).
var ErrOldKernel = errors.New("the kernel has no openat2 system call; Linux 5.6 or newer is needed")

// Open opens the directory name as a target root.
func Open(name string) (*Root, error) {
	dir, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open target root: %w", err)
	}
	r := &Root{name: name, dir: dir, touched: map[uint64]*os.File{}}
	probe, err := r.openat2(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open target root %s: %w", name, err), dir.Close())
	}
	if r.salt, err = identify(probe); err != nil {
		return nil, errors.Join(fmt.Errorf("open target root %s: %w", name, err), dir.Close())
	}
	return r, nil
}

// Before sets a function that is called before every change to the tree, with its description. If the function returns an
// error, the change does not happen and the operation fails with that error; tests stop a run at any effect that way. Set it
// before using the Root. The function must be safe for concurrent calls.
func (r *Root) Before(f func(effect string) error) { r.before = f }

// Name returns the path of the root on the running system, as given to Open.
func (r *Root) Name() string { return r.name }

// Close releases the root. It does not sync.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.dir.Close()
	for _, f := range r.touched {
		err = errors.Join(err, f.Close())
	}
	r.touched = nil
	return err
}

// Sync makes all changes since the last Sync durable, with one syncfs(2) for each filesystem that was changed. Nothing may
// change meanwhile.
func (r *Root) Sync() error {
	r.mu.Lock()
	touched := r.touched
	r.touched = map[uint64]*os.File{}
	r.mu.Unlock()
	var errs []error
	for _, f := range touched {
		if err := unix.Syncfs(int(f.Fd())); err != nil {
			errs = append(errs, fmt.Errorf("sync the filesystem below %s: %w", r.name, err))
		}
		errs = append(errs, f.Close())
		r.waited()
	}
	return errors.Join(errs...)
}

// Flush makes all changes so far durable, as Sync does, and leaves concurrent changes to the next Sync.
func (r *Root) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, f := range r.touched {
		if err := unix.Syncfs(int(f.Fd())); err != nil {
			errs = append(errs, fmt.Errorf("sync the filesystem below %s: %w", r.name, err))
		}
		r.waited()
	}
	return errors.Join(errs...)
}

// waited counts a wait for a disk.
func (r *Root) waited() { r.syncs.Add(1) }

// Syncs returns how often files and filesystems were synced so far.
func (r *Root) Syncs() int { return int(r.syncs.Load()) }

// effect announces a change. Its description consists of the kind of change and the path.
func (r *Root) effect(kind, path string) error {
	if r.before == nil {
		return nil
	}
	return r.before(kind + " " + path)
}

// touch records that the filesystem dev has changed; fd is any descriptor on it. syncfs does not accept an O_PATH
// descriptor, so touch opens the directory again if needed.
func (r *Root) touch(dev uint64, fd int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.touched == nil || r.touched[dev] != nil {
		return nil
	}
	again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r.touched[dev] = os.NewFile(uintptr(again), "changed filesystem")
	return nil
}

// openat2 opens a path without links, below the root.
func (r *Root) openat2(name string, flags uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS,
	}
	for range 64 {
		fd, err := unix.Openat2(int(r.dir.Fd()), name, &how)
		switch {
		case err == unix.EINTR, err == unix.EAGAIN: // a concurrent rename: the kernel asks for another try
			continue
		case err == unix.ENOSYS:
			return -1, ErrOldKernel
		case err == unix.ELOOP:
			return -1, errChanged
		case err != nil:
			return -1, err
		}
		return fd, nil
	}
	return -1, unix.EAGAIN
}

// errChanged is the error for a symbolic link in a resolved path.
var errChanged = errors.New("a symbolic link is in the way, or was just put there")

// parent is an open directory and the name in it on which an operation works.
type parent struct {
	root *Root
	fd   int // O_PATH
	dev  uint64
	path string // the whole path, for errors
	name string
}

// open opens the directory that holds path, which must be resolved.
func (r *Root) open(name string) (parent, error) {
	clean := path.Clean("/" + name)
	if clean == "/" {
		return parent{}, errRoot
	}
	fd, err := r.openat2(relative(path.Dir(clean)), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return parent{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return parent{}, err
	}
	return parent{root: r, fd: fd, dev: st.Dev, path: clean, name: path.Base(clean)}, nil
}

var errRoot = errors.New("the target root itself cannot be replaced")

func (p parent) close() { unix.Close(p.fd) }

// change announces and records a change in the directory.
func (p parent) change(kind string) error {
	if err := p.root.effect(kind, p.path); err != nil {
		return err
	}
	return p.root.touch(p.dev, p.fd)
}

// relative makes an absolute path relative to the root.
func relative(name string) string {
	if name = strings.TrimLeft(name, "/"); name == "" {
		return "."
	}
	return name
}

// An Error is a failed operation on a path.
type Error struct {
	verb, path string
	err        error
	do         string
}

func (e *Error) Error() string { return e.verb + " " + e.path + ": " + e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Hint returns what the user can do, or "".
func (e *Error) Hint() string { return e.do }

// wrap adds to an error its operation, its path, and a hint.
func (r *Root) wrap(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) && known.path == name {
		return err
	}
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err // the path below the root says more than a descriptor's name
	}
	e := &Error{verb: verb, path: name, err: err}
	switch {
	case errors.Is(err, unix.ENOSPC):
		e.do = r.full(name)
	case errors.Is(err, unix.EDQUOT):
		e.do = "raise the quota of the owner"
	case errors.Is(err, unix.EEXIST):
		e.do = "move it away and boot again, or remove the path from the config"
	case errors.Is(err, unix.EBUSY):
		e.do = "unmount it, or remove the path from the config"
	case errors.Is(err, unix.EROFS):
		e.do = "mount the filesystem that holds it read-write"
	case errors.Is(err, unix.EFBIG):
		e.do = "the filesystem cannot hold a file of that size"
	}
	return e
}

// full returns the hint for a full filesystem at path: blocks or inodes have run out.
func (r *Root) full(name string) string {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		fd, err := r.openat2(relative(dir), unix.O_PATH|unix.O_DIRECTORY)
		if err != nil && dir != "/" {
			continue
		} else if err != nil {
			return "make the filesystem larger"
		}
		defer unix.Close(fd)
		var st unix.Statfs_t
		if err := unix.Fstatfs(fd, &st); err == nil && st.Files > 0 && st.Ffree == 0 {
			return "the filesystem has no inodes left; make it with more inodes"
		}
		return "make the filesystem larger"
	}
}
