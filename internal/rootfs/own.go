// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// Aside returns the path next to a resolved path under which a directory is built before it gets that name, or kept until it
// can be removed. The name depends on the path and on the filesystem of the root, as that of a temporary file does, so that only
// firstlight makes a node there.
func (r *Root) Aside(name string) string {
	clean := path.Clean("/" + name)
	sum := sha256.Sum256([]byte(r.salt + "\x00aside\x00" + clean))
	return path.Join(path.Dir(clean), "tmp"+hex.EncodeToString(sum[:10]))
}

// mark returns the nanoseconds of the modification time of a marked file. They depend on the path and on the filesystem of the
// root; the time of any other file has them by chance once in 10⁹.
func (r *Root) mark(name string) int64 {
	sum := sha256.Sum256([]byte(r.salt + "\x00mark\x00" + path.Clean("/"+name)))
	return int64(binary.BigEndian.Uint64(sum[:8]) % 1e9)
}

// Mark has Commit set the nanoseconds of the modification time, so that Marked recognizes the file after a power cut. Everything
// that writes to the file afterwards removes the mark.
func (f *File) Mark() { f.marked = true }

// setMark is called while the file has its temporary name.
func (f *File) setMark() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.file.descriptor), &st); err != nil {
		return err
	}
	seconds, _ := st.Mtim.Unix()
	modified, err := unix.TimeToTimespec(time.Unix(seconds, f.parent.root.mark(f.parent.path)))
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, modified}
	return unix.UtimesNanoAt(f.parent.fd, f.temp, times, unix.AT_SYMLINK_NOFOLLOW)
}

// Marked reports whether the node at a resolved path is a file that was marked for this path, and that nobody has written to
// since. On filesystems that do not store nanoseconds it is false.
func (r *Root) Marked(name string) (bool, error) {
	p, err := r.open(name)
	if err != nil {
		return false, r.wrap("look at", name, err)
	}
	defer p.close()
	var st unix.Stat_t
	err = unix.Fstatat(p.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && infoOf(&st).Type == Regular && int64(st.Mtim.Nsec) == r.mark(name), r.wrap("look at", name, err)
}
