// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// accountLocks are the lock files of the shadow suite, one for each account file, in its order; pwdLock is the lock
// that all programs take first (lckpwdf(3)).
var accountLocks = []string{
	"/etc/passwd.lock", "/etc/shadow.lock", "/etc/group.lock", "/etc/gshadow.lock", "/etc/subuid.lock", "/etc/subgid.lock",
}

const pwdLock = "/etc/.pwd.lock"

// AccountLocks are held locks on the account files.
type AccountLocks struct {
	root *Root
	file *os.File
	held []string
}

// LockAccounts locks the account files of the target as the shadow suite does, so that no program of a running
// system edits them at the same time. A lock file whose process has ended is removed.
func (r *Root) LockAccounts() (*AccountLocks, error) {
	f, err := r.lockPwd()
	if err != nil {
		return nil, err
	}
	l := &AccountLocks{root: r, file: f}
	for _, name := range accountLocks {
		place, err := r.Resolve(name)
		if err == nil {
			err = r.checkLock(place)
		}
		if err == nil {
			err = r.WriteFile(place, []byte(strconv.Itoa(os.Getpid())+"\x00"), 0, 0, 0o600)
		}
		if err != nil {
			return nil, errors.Join(err, l.Release())
		}
		l.held = append(l.held, place)
	}
	return l, nil
}

// lockPwd takes the first lock. Its file stays: others may be waiting for it.
func (r *Root) lockPwd() (*os.File, error) {
	place, err := r.Resolve(pwdLock)
	if err != nil {
		return nil, err
	}
	info, err := r.Lstat(place)
	if err != nil {
		return nil, err
	}
	if info.Type == None {
		if _, err := r.MkdirAll(path.Dir(place)); err != nil {
			return nil, err
		}
		if err := r.WriteFile(place, nil, 0, 0, 0o600); err != nil {
			return nil, err
		}
	}
	f, err := r.openRegular(place, unix.O_RDWR)
	if err != nil {
		return nil, r.wrap("lock", place, err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w (another program is editing the accounts)", place, err)
	}
	return f, nil
}

// checkLock fails if a lock file is held by a running process.
func (r *Root) checkLock(place string) error {
	info, err := r.Lstat(place)
	if err != nil || info.Type == None {
		return err
	}
	text, err := r.ReadFile(place, 64)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimRight(string(text), "\x00\n"))
	if err == nil && pid > 0 && pid != os.Getpid() && unix.Kill(pid, 0) != unix.ESRCH {
		return fmt.Errorf("lock account files: %s is held by process %d; remove it if that is another program", place, pid)
	}
	return nil
}

// Release gives the locks up.
func (l *AccountLocks) Release() error {
	var errs []error
	for _, place := range l.held {
		errs = append(errs, l.root.Remove(place))
	}
	return errors.Join(append(errs, l.file.Close())...)
}

// BreakAccountLocks removes the lock files of a run that was cut short.
func (r *Root) BreakAccountLocks() error {
	var errs []error
	for _, name := range accountLocks {
		place, err := r.Resolve(name)
		if err == nil {
			err = r.Remove(place)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
