// SPDX-License-Identifier: Apache-2.0

package sys

import "golang.org/x/sys/unix"

// Running reports whether a process exists.
func Running(pid int) bool { return unix.Kill(pid, 0) != unix.ESRCH }
