// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A File is a regular file that is being written. Until Commit it has a temporary name in its final directory.
type File struct {
	parent parent
	file   stream
	temp   string
	info   Info
	mode   uint32 // that the file gets with its name
	marked bool   // see Mark
	ended  bool   // it has its final name, or was discarded
}

// Modes of a file: until it is complete, since its content may be secret, and afterwards, unless Chmod was called.
const (
	privateMode = 0o600
	usualMode   = 0o644
)

// temporary returns the name of a node until it is complete. The name depends on the path and on the filesystem of the root,
// so that the next run replaces what an interrupted run left over, and no image contains a file of that name.
func (p parent) temporary() string {
	sum := sha256.Sum256([]byte(p.root.salt + "\x00" + p.path))
	return "tmp" + hex.EncodeToString(sum[:10])
}

// removeTemporary removes the file or link that an interrupted run left under a temporary name. Such a run leaves nothing
// else.
func (p parent) removeTemporary(temp string) error {
	if err := p.change("unlink"); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(p.fd, temp, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if t := infoOf(&st).Type; t != Regular && t != Symlink {
		return fmt.Errorf("%s, a name for temporary files of firstlight, is taken by a %s", temp, t)
	}
	return unix.Unlinkat(p.fd, temp, 0)
}

// Create begins a regular file at a resolved path whose directory exists. Only its owner can read it until it is complete;
// then its mode is 0644 or the one set with Chmod, regardless of the umask. The caller ends with Commit or Discard.
func (r *Root) Create(name string) (*File, error) {
	p, err := r.open(name)
	if err != nil {
		return nil, r.wrap("create", name, err)
	}
	f, err := p.create()
	if err != nil {
		p.close()
		return nil, r.wrap("create", name, err)
	}
	return f, nil
}

func (p parent) create() (*File, error) {
	if err := p.change("create"); err != nil {
		return nil, err
	}
	temp := p.temporary()
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(p.fd, temp, flags, privateMode)
	if err == unix.EEXIST { // left by an interrupted run
		if err = p.removeTemporary(temp); err == nil {
			fd, err = unix.Openat(p.fd, temp, flags, privateMode)
		}
	}
	if err != nil {
		return nil, err
	}
	f := &File{parent: p, file: stream{descriptor: descriptor(fd)}, temp: temp}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	f.info, f.mode = infoOf(&st), usualMode
	return f, nil
}

// Write adds to the content.
func (f *File) Write(data []byte) (int, error) {
	if err := f.parent.root.effect("write", f.parent.path); err != nil {
		return 0, err
	}
	n, err := f.file.Write(data)
	return n, f.parent.root.wrap("write", f.parent.path, err)
}

// Seek sets the offset of the next Write.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	n, err := f.file.Seek(offset, whence)
	return n, f.parent.root.wrap("seek in", f.parent.path, err)
}

// Truncate cuts the content to a size in bytes.
func (f *File) Truncate(size int64) error {
	if err := f.parent.root.effect("truncate", f.parent.path); err != nil {
		return err
	}
	return f.parent.root.wrap("truncate", f.parent.path, f.file.Truncate(size))
}

// Chown sets the owner; -1 leaves the user or the group as it is.
func (f *File) Chown(uid, gid int) error {
	if (uid == -1 || uid == f.info.UID) && (gid == -1 || gid == f.info.GID) {
		return nil
	}
	if err := f.parent.root.effect("chown", f.parent.path); err != nil {
		return err
	}
	return f.parent.root.wrap("change owner of", f.parent.path, again(func() error { return unix.Fchown(int(f.file.descriptor), uid, gid) }))
}

// Reserve reserves space for more content, in bytes, so that a full disk shows before anything is transferred.
func (f *File) Reserve(size int64) error {
	if err := f.parent.root.effect("reserve", f.parent.path); err != nil {
		return err
	}
	return f.parent.root.wrap("write", f.parent.path, f.file.reserve(size))
}

// Chmod sets the permissions and special bits that the file gets with its name.
func (f *File) Chmod(mode uint32) error {
	f.mode = mode
	return nil
}

// replacing says what an operation may replace.
type replacing int

const (
	nothing    replacing = iota
	files                // everything but directories
	everything           // also directories, with their contents
)

// Sync makes the content durable. Without it, a power cut right after Commit can leave the name without the content, as the
// filesystem may write the name first.
func (f *File) Sync() error {
	f.parent.root.waited()
	return f.parent.root.wrap("sync", f.parent.path, again(func() error { return unix.Fdatasync(int(f.file.descriptor)) }))
}

// Beside reports whether both files are on one filesystem.
func (f *File) Beside(other *File) bool { return f.parent.dev == other.parent.dev }

// allowed returns what an operation may replace, by the config's overwrite.
func allowed(replace bool) replacing {
	if replace {
		return everything
	}
	return nothing
}

// Commit gives the file its final name. Without replace it fails if the name exists. With replace it replaces a node that is
// not a directory in one step, and removes a directory first.
func (f *File) Commit(replace bool) error { return f.put(allowed(replace)) }

// Replace gives the file its final name, in place of whatever has that name unless it is a directory.
func (f *File) Replace() error { return f.put(files) }

func (f *File) put(replace replacing) error {
	err := f.commit(replace)
	if err != nil {
		return errors.Join(f.parent.root.wrap("put into place", f.parent.path, err), f.Discard())
	}
	f.ended = true
	defer f.parent.close()
	return f.parent.root.wrap("close", f.parent.path, f.file.Close())
}

func (f *File) commit(replace replacing) error {
	if replace == everything {
		if err := removeDirectory(f.parent); err != nil {
			return err
		}
	}
	// After setting the owner, which clears special bits.
	if f.mode != f.info.Mode {
		if err := f.parent.root.effect("chmod", f.parent.path); err != nil {
			return err
		}
		if err := unix.Fchmod(int(f.file.descriptor), f.mode); err != nil {
			return err
		}
	}
	if f.marked {
		if err := f.setMark(); err != nil {
			return err
		}
	}
	if err := f.parent.change("rename"); err != nil {
		return err
	}
	return f.parent.rename(f.temp, replace != nothing)
}

// rename gives the node temp its final name.
func (p parent) rename(temp string, replace bool) error {
	if replace {
		return unix.Renameat(p.fd, temp, p.fd, p.name)
	}
	err := unix.Renameat2(p.fd, temp, p.fd, p.name, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL {
		return err
	}
	// The filesystem cannot do both at once (9p and some network filesystems).
	var st unix.Stat_t
	if err := unix.Fstatat(p.fd, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != unix.ENOENT {
		if err == nil {
			err = unix.EEXIST
		}
		return err
	}
	return unix.Renameat(p.fd, temp, p.fd, p.name)
}

// Discard abandons the file and removes the written data. It does nothing to no file, or to one that has its final name.
func (f *File) Discard() error {
	if f == nil || f.ended {
		return nil
	}
	f.ended = true
	defer f.parent.close()
	if err := f.parent.root.effect("unlink", f.parent.path); err != nil {
		return errors.Join(err, f.file.Close())
	}
	err := unix.Unlinkat(f.parent.fd, f.temp, 0)
	return errors.Join(f.parent.root.wrap("remove temporary file of", f.parent.path, err), f.file.Close())
}

// WriteFile writes a whole file, in place of whatever has its name unless it is a directory. A power cut before the next Sync can leave
// an empty file: that is for content which the next run can make again.
func (r *Root) WriteFile(name string, data []byte, uid, gid int, mode uint32) error {
	f, err := r.Draft(name, data, uid, gid, mode)
	if err != nil {
		return err
	}
	return f.Replace()
}

// ReplaceFile is WriteFile for content that depends on the file's old content: after a power cut, the file has the one or the other.
func (r *Root) ReplaceFile(name string, data []byte, uid, gid int, mode uint32) error {
	f, err := r.Draft(name, data, uid, gid, mode)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Replace()
}

// Draft writes a whole file that does not have its name yet. The caller ends with Replace or Discard.
func (r *Root) Draft(name string, data []byte, uid, gid int, mode uint32) (*File, error) {
	f, err := r.Create(name)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chown(uid, gid)); err == nil {
		err = f.Chmod(mode)
	}
	if err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// ErrTail is wrapped by Append's error if the file has grown by other data.
var ErrTail = errors.New("it has changed since it was checked")

// Append sets the regular file at a resolved path to its first size bytes followed by data. It can complete an earlier,
// interrupted call with the same arguments: after size bytes the file may have a beginning of data, with zeros where a power
// cut lost blocks. Anything else there fails with ErrTail.
func (r *Root) Append(name string, size int64, data io.ReadSeeker) error {
	return r.wrap("append to", name, r.appendFile(name, size, data))
}

func (r *Root) appendFile(name string, size int64, data io.ReadSeeker) error {
	f, err := r.openRegular(name, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkTail(f, size, data); err != nil {
		return err
	}
	if _, err := data.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := r.change(name, "append"); err != nil {
		return err
	}
	if err := reserveTail(f, size, data); err != nil {
		return err
	}
	if _, err = io.Copy(struct{ io.Writer }{io.NewOffsetWriter(f, size)}, struct{ io.Reader }{data}); err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return nil
}

// reserveTail reserves space for data behind the first size bytes of a file, so that a full disk leaves the file as it was.
func reserveTail(f *os.File, size int64, data io.Seeker) error {
	length, err := data.Seek(0, io.SeekEnd)
	if err != nil || length == 0 {
		return err
	}
	if _, err := data.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return descriptor(f.Fd()).reserve(size, length)
}

// change announces and records a change of the node at a resolved path.
func (r *Root) change(name, kind string) error {
	p, err := r.open(name)
	if err != nil {
		return err
	}
	defer p.close()
	return p.change(kind)
}

// checkTail compares what follows the first size bytes of f with the beginning of data.
func checkTail(f *os.File, size int64, data io.Reader) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() < size {
		return fmt.Errorf("%w: it is shorter", ErrTail)
	}
	tail := io.NewSectionReader(f, size, st.Size()-size)
	have, want := make([]byte, 1<<15), make([]byte, 1<<15)
	for {
		n, err := io.ReadFull(tail, have)
		if n > 0 {
			if m, _ := io.ReadFull(data, want[:n]); m < n {
				return fmt.Errorf("%w: it is longer", ErrTail)
			}
			for i, b := range have[:n] {
				if b != want[i] && b != 0 {
					return ErrTail
				}
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
