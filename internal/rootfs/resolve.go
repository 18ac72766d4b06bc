// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links one path may lead through, as in the kernel (path_resolution(7)).
const maxLinks = 40

// ErrLoop is wrapped by the error for a path whose links lead in a circle.
var ErrLoop error = unix.ELOOP

// Resolve returns the place below the root that path leads to, as a process in a chroot would see it. It follows links in
// every component but the last; absolute links start at the root. Missing components are taken literally, and ".." in a link
// stops at the root. The result is absolute, clean, and free of links.
func (r *Root) Resolve(name string) (string, error) {
	resolved, err := r.resolve(name, false)
	return resolved, r.wrap("resolve", name, err)
}

// Follow is Resolve with the last component followed, too.
func (r *Root) Follow(name string) (string, error) {
	resolved, err := r.resolve(name, true)
	return resolved, r.wrap("resolve", name, err)
}

func (r *Root) resolve(name string, last bool) (string, error) {
	at := "/"
	rest := components(name)
	links := 0
	missing := false // below a missing component there is nothing to read
	for len(rest) > 0 {
		next := rest[0]
		rest = rest[1:]
		if next == ".." {
			at, missing = path.Dir(at), false
			continue
		}
		here := path.Join(at, next)
		if missing || (len(rest) == 0 && !last) {
			at = here
			continue
		}
		target, err := r.readlink(here)
		if err == unix.EINVAL { // not a link
			at = here
			continue
		}
		if err == unix.ENOENT || err == unix.ENOTDIR {
			at, missing = here, true
			continue
		}
		if err != nil {
			return "", err
		}
		if links++; links > maxLinks {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			at = "/"
		}
		rest = append(components(target), rest...)
	}
	return at, nil
}

// components splits a path, dropping what means nothing: empty parts and ".".
func components(name string) []string {
	var parts []string
	for p := range strings.SplitSeq(name, "/") {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	return parts
}

// readlink reads the link at a resolved path. EINVAL means that the node is not a link.
func (r *Root) readlink(name string) (string, error) {
	fd, err := r.openat2(relative(name), unix.O_PATH)
	if err != nil {
		// RESOLVE_NO_SYMLINKS also refuses a link in the last component, unless O_PATH|O_NOFOLLOW asks for the link itself.
		// So this is a link in an earlier component, made since that was resolved.
		return "", err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", unix.EINVAL
	}
	return readlinkat(fd, "")
}

func readlinkat(fd int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(fd, name, buffer)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buffer[:n]), nil
		}
	}
}
