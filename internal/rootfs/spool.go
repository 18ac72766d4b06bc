// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"

	"golang.org/x/sys/unix"
)

// A Spool is an unnamed file for content that must be complete before it is used. Closing it deletes it.
type Spool struct {
	file stream
	root *Root
	path string
}

func (s *Spool) wrap(err error) error {
	if err == io.EOF {
		return err
	}
	return s.root.wrap("keep what is to be written to", s.path, err)
}

// Write adds to the content.
func (s *Spool) Write(data []byte) (int, error) {
	n, err := s.file.Write(data)
	return n, s.wrap(err)
}

// Read reads the content from the offset that the last Read, Write or Seek left.
func (s *Spool) Read(data []byte) (int, error) {
	n, err := s.file.Read(data)
	return n, s.wrap(err)
}

// Seek sets the offset of the next Read or Write.
func (s *Spool) Seek(offset int64, whence int) (int64, error) {
	n, err := s.file.Seek(offset, whence)
	return n, s.wrap(err)
}

// Truncate cuts the content to a size in bytes.
func (s *Spool) Truncate(size int64) error { return s.wrap(s.file.Truncate(size)) }

// Reserve reserves space for more content, in bytes, so that a full disk shows before anything is transferred.
func (s *Spool) Reserve(size int64) error { return s.wrap(s.file.reserve(size)) }

// Close deletes the content.
func (s *Spool) Close() error { return s.file.Close() }

// Reader returns a reader of the whole content with its own offset.
func (s *Spool) Reader() (io.Reader, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(s.file.descriptor), &st); err != nil {
		return nil, s.root.wrap("read what is to be written to", s.path, err)
	}
	return io.NewSectionReader(s.file, 0, st.Size), nil
}

// Spool returns an empty spool for the future content of the file at a path, on the filesystem of that file. The path may
// have links and need not exist.
func (r *Root) Spool(name string) (*Spool, error) {
	fd, err := r.unnamed(path.Dir(path.Clean("/" + name)))
	if err != nil {
		return nil, r.wrap("keep what is to be written to", name, err)
	}
	return &Spool{stream{descriptor: descriptor(fd)}, r, name}, nil
}

// unnamed opens an unnamed file in a directory, or in its nearest existing parent.
func (r *Root) unnamed(dir string) (int, error) {
	for {
		fd, err := r.unnamedIn(dir)
		if dir == "/" || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			return fd, err
		}
		dir = path.Dir(dir)
	}
}

func (r *Root) unnamedIn(dir string) (int, error) {
	resolved, err := r.Follow(dir)
	if err != nil {
		return -1, err
	}
	at, err := r.openat2(relative(resolved), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	fd, err := unix.Openat(at, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == unix.EOPNOTSUPP || err == unix.EISDIR { // vfat, older overlayfs; open(2)
		return nameless(at)
	}
	return fd, err
}

// nameless makes a file in a directory and removes its name.
func nameless(at int) (int, error) {
	name := "tmp" + rand.Text()
	fd, err := unix.Openat(at, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, err
	}
	if err := unix.Unlinkat(at, name, 0); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Adopt is Create for a file whose content is in a spool; the spool then belongs to the file. Nothing is copied if both are
// on one filesystem.
func (r *Root) Adopt(name string, s *Spool) (*File, error) {
	f, err := r.adopt(name, s)
	return f, r.wrap("create", name, err)
}

func (r *Root) adopt(name string, s *Spool) (*File, error) {
	p, err := r.open(name)
	if err != nil {
		return nil, err
	}
	f, err := p.adopt(s)
	if err == nil {
		return f, nil
	}
	p.close()
	f, err = r.Create(name) // another filesystem, or one that cannot name an unnamed file
	if err != nil {
		return nil, err
	}
	content, err := s.Reader()
	if err == nil {
		_, err = io.Copy(f, content)
	}
	if err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, s.Close()
}

// adopt gives a spool the temporary name of a file.
func (p parent) adopt(s *Spool) (*File, error) {
	if err := p.change("create"); err != nil {
		return nil, err
	}
	f := &File{parent: p, file: s.file, temp: p.temporary()}
	var st unix.Stat_t
	if err := unix.Fstat(int(s.file.descriptor), &st); err != nil {
		return nil, err
	}
	f.info = infoOf(&st)
	f.mode = usualMode
	from := fmt.Sprintf("/proc/self/fd/%d", s.file.descriptor) // open(2), on O_TMPFILE
	err := unix.Linkat(unix.AT_FDCWD, from, p.fd, f.temp, unix.AT_SYMLINK_FOLLOW)
	if err == unix.EEXIST { // left by an interrupted run
		if err = p.removeTemporary(f.temp); err == nil {
			err = unix.Linkat(unix.AT_FDCWD, from, p.fd, f.temp, unix.AT_SYMLINK_FOLLOW)
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
