// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The partitions of a device-mapper disk, such as a multipath device, are device-mapper devices themselves: kpartx(8)
// makes a linear mapping for each, whose UUID is part, its number, a dash and the UUID of the disk.

// partitionMapping fills in the disk, number and start of a partition of a device-mapper disk.
func (b *Block) partitionMapping(dir string) error {
	number, whole, ok := partitionUUID(mappingUUID(dir))
	if !ok {
		return nil
	}
	slaves, err := os.ReadDir(filepath.Join(dir, "slaves"))
	if err != nil {
		return err
	}
	for _, s := range slaves {
		if mappingUUID(filepath.Join(dir, "slaves", s.Name())) != whole {
			continue
		}
		if b.Start, err = linearStart(b.Mapping); err != nil {
			return fmt.Errorf("read the table of the mapping %s: %w", b.Mapping, err)
		}
		b.Disk, b.Number = "/dev/"+kernelNode(s.Name()), number
	}
	return nil
}

// mappingUUID returns the UUID of the device-mapper device with a directory in sysfs, or "".
func mappingUUID(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, "dm/uuid")) // only device-mapper devices have one
	return strings.TrimSpace(string(text))
}

// partitionUUID splits the UUID of a partition's mapping.
func partitionUUID(uuid string) (number int, disk string, ok bool) {
	rest, ok := strings.CutPrefix(uuid, "part")
	if !ok {
		return 0, "", false
	}
	digits, disk, ok := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), disk, ok && err == nil && n > 0 && disk != ""
}

// The kernel's interface for mappings (linux/dm-ioctl.h).
const (
	dmDevRemove       = 0xc138fd04 // _IOWR(0xfd, 4, struct dm_ioctl)
	dmTableStatus     = 0xc138fd0c // _IOWR(0xfd, 12, struct dm_ioctl)
	dmStatusTableFlag = 1 << 4
	dmBufferFullFlag  = 1 << 8
)

// dmTable is a struct dm_ioctl with room for the first struct dm_target_spec and its parameters.
type dmTable struct {
	version             [3]uint32
	dataSize, dataStart uint32
	targets             uint32
	openCount           int32
	flags, event, _     uint32
	dev                 uint64
	name                [128]byte
	uuid                [129]byte
	_                   [7]byte
	sector, length      uint64
	status              int32
	next                uint32
	kind                [16]byte
	parameters          [256]byte
}

// askMapper sends a request about the mapping with a name to the kernel.
func askMapper(request uintptr, name string, flags uint32) (dmTable, error) {
	t := dmTable{version: [3]uint32{4}, flags: flags}
	control, err := os.OpenFile("/dev/mapper/control", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return t, err
	}
	defer control.Close()
	t.dataSize, t.dataStart = uint32(unsafe.Sizeof(t)), uint32(unsafe.Offsetof(t.sector))
	if copy(t.name[:len(t.name)-1], name) < len(name) {
		return t, unix.ENAMETOOLONG
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, control.Fd(), request, uintptr(unsafe.Pointer(&t))); errno != 0 {
		return t, errno
	}
	return t, nil
}

// RemoveMapping implements Mapper. It waits while another program, such as udev, briefly has the mapping open.
func (h *Host) RemoveMapping(ctx context.Context, name string) error {
	if err := h.effect("remove mapping " + name); err != nil {
		return err
	}
	err := whileBusy(ctx, func() error { _, err := askMapper(dmDevRemove, name, 0); return err })
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("remove the mapping %s: %w", name, err)
	}
	return nil
}

// linearStart returns the offset, in bytes, at which a mapping of one linear piece begins on the device below.
func linearStart(name string) (int64, error) {
	t, err := askMapper(dmTableStatus, name, dmStatusTableFlag)
	if err != nil {
		return 0, err
	}
	if t.flags&dmBufferFullFlag != 0 {
		return 0, errors.New("it is longer than that of any partition")
	}
	return t.start()
}

// start reads the parameters of a linear target: the device, as MAJOR:MINOR, and the first sector of 512 bytes there.
func (t *dmTable) start() (int64, error) {
	kind, fields := text(t.kind[:]), strings.Fields(text(t.parameters[:]))
	if t.targets != 1 || kind != "linear" || len(fields) != 2 {
		return 0, fmt.Errorf("it is not one linear piece, but %d of kind %q", t.targets, kind)
	}
	sector, err := strconv.ParseInt(fields[1], 10, 64)
	return sector * sysfsUnit, err
}

// text is the string that ends at the first zero byte.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}
