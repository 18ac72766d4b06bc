// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Type is the type of a node.
type Type string

// The types. None means that the path does not exist.
const (
	None      Type = ""
	Regular   Type = "file"
	Directory Type = "directory"
	Symlink   Type = "link"
	Other     Type = "other" // FIFO, socket or device
)

// Info describes a node.
type Info struct {
	Type     Type
	Mode     uint32 // permissions and special bits, 07777
	UID, GID int
	Size     int64 // bytes
	Dev, Ino uint64
	Links    uint64
	Device   uint64 // number of a device node
}

func infoOf(st *unix.Stat_t) Info {
	i := Info{
		Type: Other, Mode: st.Mode & 0o7777, UID: int(st.Uid), GID: int(st.Gid), Size: st.Size,
		Dev: st.Dev, Ino: st.Ino, Links: uint64(st.Nlink), Device: st.Rdev,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.Type = Regular
	case unix.S_IFDIR:
		i.Type = Directory
	case unix.S_IFLNK:
		i.Type = Symlink
	}
	return i
}

// Lstat describes the node at a resolved path. A missing node is not an error: its type is None.
func (r *Root) Lstat(name string) (Info, error) {
	fd, err := r.openat2(relative(name), unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return Info{}, nil
	} else if err != nil {
		return Info{}, r.wrap("look at", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Info{}, r.wrap("look at", name, err)
	}
	return infoOf(&st), nil
}

// Readlink returns the text of the symbolic link at a resolved path.
func (r *Root) Readlink(name string) (string, error) {
	target, err := r.readlink(name)
	return target, r.wrap("read link", name, err)
}

// Open opens the regular file at a resolved path for reading. It fails, without opening it, for any other type of node.
func (r *Root) Open(name string) (*os.File, error) {
	f, err := r.openRegular(name, unix.O_RDONLY)
	return f, r.wrap("open", name, err)
}

// openRegular checks the type before it opens the node, because opening makes some devices act, and again afterwards,
// because the node may have been exchanged. O_NONBLOCK keeps an exchanged FIFO from blocking.
func (r *Root) openRegular(name string, flags uint64) (*os.File, error) {
	info, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Type == None {
		return nil, fs.ErrNotExist
	}
	if info.Type != Regular {
		return nil, notRegular(info.Type)
	}
	fd, err := r.openat2(relative(name), flags|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		if err != nil {
			return nil, err
		}
		return nil, notRegular(infoOf(&st).Type)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func notRegular(t Type) error {
	return fmt.Errorf("it is not a regular file but a %s", map[Type]string{
		Directory: "directory", Symlink: "symbolic link", Other: "FIFO, socket or device",
	}[t])
}

// ReadFile returns the content of the regular file at a resolved path, which must not be longer than limit.
func (r *Root) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, r.wrap("read", name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("read %s: it is longer than %d bytes", name, limit)
	}
	return text, nil
}

// Digest returns the hex SHA-256 of the first size bytes of the regular file at a resolved path.
func (r *Root) Digest(name string, size int64) (string, error) {
	f, err := r.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, size))
	if err == nil && n < size {
		err = fmt.Errorf("it is shorter than %d bytes", size)
	}
	if err != nil {
		return "", r.wrap("read", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ReadDir returns the sorted names in the directory at a resolved path. A missing directory has none.
func (r *Root) ReadDir(name string) ([]string, error) {
	fd, err := r.openat2(relative(name), unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	} else if err != nil {
		return nil, r.wrap("list", name, err)
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, r.wrap("list", name, err)
	}
	slices.Sort(names)
	return names, nil
}
