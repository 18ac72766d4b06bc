// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"io"

	"golang.org/x/sys/unix"
)

// A descriptor is the file descriptor of an open regular file. An os.File would cost an object, a system call and a clean-up
// for each of thousands of small files.
type descriptor int

// again repeats a system call that a signal has interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func (d descriptor) WriteAt(data []byte, offset int64) (done int, err error) {
	for done < len(data) {
		n, err := unix.Pwrite(int(d), data[done:], offset+int64(done))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, err
		case n == 0:
			return done, io.ErrShortWrite
		default:
			done += n
		}
	}
	return done, nil
}

func (d descriptor) ReadAt(data []byte, offset int64) (done int, err error) {
	for done < len(data) {
		n, err := unix.Pread(int(d), data[done:], offset+int64(done))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		default:
			done += n
		}
	}
	return done, nil
}

func (d descriptor) Truncate(size int64) error {
	return again(func() error { return unix.Ftruncate(int(d), size) })
}

func (d descriptor) Close() error { return unix.Close(int(d)) }

// reserve allocates space for size bytes from an offset on, without changing the file's size. On filesystems that cannot do
// that, it does nothing: a full disk shows when the data is written.
func (d descriptor) reserve(offset, size int64) error {
	err := again(func() error { return unix.Fallocate(int(d), unix.FALLOC_FL_KEEP_SIZE, offset, size) })
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return nil
	}
	return err
}

// A stream is a descriptor with an offset for the next Read or Write. The kernel writes earlier data to the disk while more
// arrives.
type stream struct {
	descriptor
	at      int64
	started int64 // the kernel was asked to write up to here
}

const writeback = 8 << 20 // bytes

func (s *stream) Write(data []byte) (int, error) {
	n, err := s.WriteAt(data, s.at)
	if s.at += int64(n); s.at-s.started >= writeback {
		// Only a hint: if it fails, the sync at the end has more to do.
		_ = unix.SyncFileRange(int(s.descriptor), s.started, s.at-s.started, unix.SYNC_FILE_RANGE_WRITE)
		s.started = s.at
	}
	return n, err
}

func (s *stream) Read(data []byte) (int, error) {
	n, err := s.ReadAt(data, s.at)
	if s.at += int64(n); n > 0 {
		err = nil // the next Read will meet it again
	}
	return n, err
}

func (s *stream) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		var st unix.Stat_t
		if err := unix.Fstat(int(s.descriptor), &st); err != nil {
			return 0, err
		}
		offset += st.Size
	}
	if offset < 0 {
		return 0, unix.EINVAL
	}
	s.at, s.started = offset, min(s.started, offset)
	return offset, nil
}

// reserve reserves space from the offset of the next Write on.
func (s *stream) reserve(size int64) error { return s.descriptor.reserve(s.at, size) }
