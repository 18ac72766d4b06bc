// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"io"
	"runtime"

	"golang.org/x/sys/unix"
)

// As calls f with the filesystem rights of a user and none of root's: nodes that f makes belong to the user, and f can
// change only what the user could. f must do all its work before it returns, on the goroutine it is called on.
func (r *Root) As(uid, gid int, f func() error) error {
	if uid == 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		// The thread stays locked and so ends with the goroutine: nothing else runs with its rights.
		runtime.LockOSThread()
		done <- func() error {
			// In the kernel, setgroups, setfsgid and setfsuid apply to one thread (setfsuid(2)). setfsuid drops the
			// capabilities that override permissions.
			if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
				return r.wrap("become the owner of", r.name, errno)
			}
			if err := setFS(unix.SetfsgidRetGid, gid); err != nil {
				return r.wrap("become the owner of", r.name, err)
			}
			if err := setFS(unix.SetfsuidRetUid, uid); err != nil {
				return r.wrap("become the owner of", r.name, err)
			}
			return f()
		}()
	}()
	return <-done
}

// setFS calls setfsuid(2) or setfsgid(2). They report no failure; a second call with an invalid id returns the current one.
func setFS(set func(int) (int, error), id int) error {
	if _, err := set(id); err != nil {
		return err
	}
	if now, err := set(-1); err != nil || now != id {
		return unix.EPERM
	}
	return nil
}

func skipEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
