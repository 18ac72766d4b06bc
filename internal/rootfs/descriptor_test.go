// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStream: reads, writes and seeks share one offset, also when the kernel is asked to write early.
func TestStream(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &stream{descriptor: descriptor(file.Fd())}
	if err := s.reserve(10); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), (writeback+4096)/16)
	seek := func(offset int64, whence int, want int64) {
		t.Helper()
		if got, err := s.Seek(offset, whence); err != nil || got != want {
			t.Fatalf("at %d, want %d: %v", got, want, err)
		}
	}
	if n, err := s.Write(large); n != len(large) || err != nil {
		t.Fatal(n, err)
	}
	seek(0, io.SeekCurrent, int64(len(large)))
	seek(-6, io.SeekEnd, int64(len(large)-6))
	var tail [16]byte
	if n, err := s.Read(tail[:]); n != 6 || err != nil || string(tail[:n]) != "abcdef" {
		t.Fatalf("%q, %v", tail[:n], err)
	}
	if n, err := s.Read(tail[:]); n != 0 || err != io.EOF {
		t.Fatal(n, err)
	}
	if _, err := s.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	seek(4, io.SeekStart, 4)
	if err := errors.Join(s.Truncate(4), second(s.Write([]byte("end")))); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file.Name()); err != nil || string(got) != "0123end" {
		t.Fatalf("%q, %v", got[:min(len(got), 20)], err)
	}
	if _, err := s.Seek(-1, io.SeekStart); err != unix.EINVAL {
		t.Error(err)
	}
}

func second(_ int, err error) error { return err }
