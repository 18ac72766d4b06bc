// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Identity identifies the filesystem that has, or will have, the resolved path name. A recreated filesystem has another
// identity; a remounted one has the same. The identity consists of the type, the format's identifier, and the birth time of
// the root directory, as far as each exists.
func (r *Root) Identity(name string) (string, error) {
	dir := path.Dir(path.Clean("/" + name))
	fd, err := r.openat2(relative(dir), unix.O_PATH|unix.O_DIRECTORY)
	for (err == unix.ENOENT || err == unix.ENOTDIR || err == errChanged) && dir != "/" {
		dir = path.Dir(dir)
		fd, err = r.openat2(relative(dir), unix.O_PATH|unix.O_DIRECTORY)
	}
	if err != nil {
		return "", r.wrap("identify filesystem of", name, err)
	}
	id, err := identify(fd)
	return id, r.wrap("identify filesystem of", name, err)
}

// identify takes the descriptor of a directory and closes it.
func identify(fd int) (string, error) {
	top, born, err := mountRoot(fd)
	if err != nil {
		return "", err
	}
	defer unix.Close(top)
	var st unix.Statfs_t
	if err := unix.Fstatfs(top, &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x-%08x%08x-%s-%x.%x", st.Type, uint32(st.Fsid.Val[0]), uint32(st.Fsid.Val[1]),
		formatID(top, int64(st.Type)), born.Sec, born.Nsec), nil
}

// mountRoot goes up from a directory, whose descriptor it closes, to the root of its mount, and returns that with its birth
// time.
func mountRoot(fd int) (int, unix.StatxTimestamp, error) {
	for {
		var st unix.Statx_t
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME|unix.STATX_INO, &st); err != nil {
			unix.Close(fd)
			return -1, unix.StatxTimestamp{}, err
		}
		switch {
		case st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0: // before Linux 5.8
			return fd, unix.StatxTimestamp{}, nil
		case st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
			return fd, st.Btime, nil
		}
		up, err := unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			var above unix.Statx_t
			if err := unix.Statx(up, "", unix.AT_EMPTY_PATH, unix.STATX_INO, &above); err == nil && above.Ino == st.Ino &&
				above.Dev_major == st.Dev_major && above.Dev_minor == st.Dev_minor {
				unix.Close(up) // the root of the process
				return fd, st.Btime, nil
			}
		}
		unix.Close(fd)
		if err != nil {
			return -1, unix.StatxTimestamp{}, err
		}
		fd = up
	}
}

// formatID returns the identifier of the formats whose statfs(2) lacks it (xfs and vfat return the device number), and ""
// for all others.
func formatID(fd int, format int64) string {
	const (
		xfsGeometry = 0x8070587c // XFS_IOC_FSGEOMETRY_V4, ioctl_xfs_fsgeometry(2)
		xfsUUID     = 64         // its offset in the answer of 112 bytes
		fatVolumeID = 0x80047213 // FAT_IOCTL_GET_VOLUME_ID, linux/msdos_fs.h; the answer has 4 bytes
	)
	var answer [112]byte
	var request uintptr
	from, to := 0, 4
	switch format {
	case unix.XFS_SUPER_MAGIC:
		request, from, to = xfsGeometry, xfsUUID, xfsUUID+16
	case unix.MSDOS_SUPER_MAGIC:
		request = fatVolumeID
	default:
		return ""
	}
	dir, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)) // an O_PATH descriptor takes no ioctl
	if err != nil {
		return ""
	}
	defer dir.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), request, uintptr(unsafe.Pointer(&answer))); errno != 0 {
		return ""
	}
	return hex.EncodeToString(answer[from:to])
}

// getVersion is FS_IOC_GETVERSION of linux/fs.h, _IOR('v', 1, long); FS_IOC_GETFLAGS is _IOR('f', 1, long).
const getVersion = unix.FS_IOC_GETFLAGS + ('v'-'f')<<8

// Fingerprint identifies the current state of the regular file at a resolved path. It changes when the file is recreated or
// written, and survives a reboot. It consists of the filesystem, the inode with its generation (ioctl_iflags(2),
// FS_IOC_GETVERSION) where the format has one, and the times of birth and of the last modification. It is "" if there is no
// regular file.
func (r *Root) Fingerprint(name string) (string, error) {
	info, err := r.Lstat(name)
	if err != nil || info.Type != Regular {
		return "", err
	}
	filesystem, err := r.Identity(name)
	if err != nil {
		return "", err
	}
	f, err := r.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return "", r.wrap("look at", name, err)
	}
	inode := ""
	if generation, err := unix.IoctlGetUint32(int(f.Fd()), getVersion); err == nil {
		inode = fmt.Sprintf("%x.%x", st.Ino, generation) // formats without generations, such as vfat, number their inodes at each mount
	}
	return fmt.Sprintf("%s/%s-%x.%x-%x.%x", filesystem, inode, st.Btime.Sec, st.Btime.Nsec, st.Mtime.Sec, st.Mtime.Nsec), nil
}
