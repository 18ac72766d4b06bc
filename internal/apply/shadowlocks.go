// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// heldLocks are held locks on the account files.
type heldLocks struct {
	root *rootfs.Root
	file *os.File
	held []string
}

// lockAccounts locks the account files of the target as the shadow suite does. It removes an existing lock file, but not a
// directory of that name.
func lockAccounts(m *Machine) (*heldLocks, error) {
	root := m.Root
	file, err := lockPwd(root)
	if err != nil {
		return nil, err
	}
	l := &heldLocks{root: root, file: file}
	for _, f := range account.Files() {
		place, err := root.Resolve(f.Lock())
		if err == nil {
			err = breakLock(m, place)
		}
		if err == nil {
			err = root.WriteFile(place, []byte(strconv.Itoa(os.Getpid())+"\x00"), 0, 0, 0o600)
		}
		if err != nil {
			return nil, errors.Join(err, l.release())
		}
		l.held = append(l.held, place)
	}
	return l, nil
}

// lockPwd takes the first lock. Its file stays: others may be waiting for it.
func lockPwd(root *rootfs.Root) (*os.File, error) {
	place, err := root.Resolve(account.PasswordLock)
	if err != nil {
		return nil, err
	}
	info, err := root.Lstat(place)
	if err != nil {
		return nil, err
	}
	if info.Type == rootfs.None {
		if _, err := root.MkdirAll(path.Dir(place)); err != nil {
			return nil, err
		}
		if err := root.WriteFile(place, nil, 0, 0, 0o600); err != nil {
			return nil, err
		}
	}
	f, err := root.LockFile(place)
	if err != nil {
		return nil, fmt.Errorf("%w (is another program editing the accounts?)", err)
	}
	return f, nil
}

// breakLock removes a lock file that a crashed program left, for example an image build. The process number in it means nothing
// here: before switch root only firstlight edits the target's accounts, and process numbers start over with every boot.
func breakLock(m *Machine, place string) error {
	info, err := m.Root.Lstat(place)
	if err != nil || info.Type == rootfs.None {
		return err
	}
	m.Log.Warn(place + " is a lock that another program left in the image; removing it, because nothing else edits accounts before switch root")
	return m.Root.RemoveFile(place)
}

// release releases the locks.
func (l *heldLocks) release() error {
	var errs []error
	for _, place := range l.held {
		errs = append(errs, l.root.RemoveFile(place))
	}
	return errors.Join(append(errs, l.file.Close())...)
}

// breakAccountLocks removes the lock files of an interrupted run.
func breakAccountLocks(root *rootfs.Root) error {
	var errs []error
	for _, f := range account.Files() {
		place, err := root.Resolve(f.Lock())
		if err == nil {
			err = root.RemoveFile(place)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
