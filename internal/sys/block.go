// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sysfs sizes are in units of 512 bytes, whatever the device's sectors are.
const sysfsUnit = 512

// A Block is a block device of the running kernel.
type Block struct {
	Node       string // /dev/vda1
	Name       string // of the kernel, vda1
	Size       int64  // bytes
	SectorSize int    // bytes, logical
	Disk       string // node of the disk that it is a partition of, or ""
	Number     int    // of the partition
	Start      int64  // bytes, of the partition
	Mapping    string // name of a device-mapper device, or ""; its partitions are mappings too
}

// Resolve returns the node behind a device path, following links. The error wraps fs.ErrNotExist if there is none.
func Resolve(path string) (string, error) {
	node, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(node)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeDevice == 0 || info.Mode()&fs.ModeCharDevice != 0 {
		return "", fmt.Errorf("%s is not a block device", path)
	}
	return node, nil
}

// BlockInfo returns what the kernel says of a device.
func BlockInfo(node string) (Block, error) {
	b, err := blockInfo(node)
	if err != nil {
		return Block{}, fmt.Errorf("look at %s: %w", node, err)
	}
	return b, nil
}

func blockInfo(node string) (Block, error) {
	var st unix.Stat_t
	if err := unix.Stat(node, &st); err != nil {
		return Block{}, err
	}
	dir, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)))
	if err != nil {
		return Block{}, err
	}
	b := Block{Node: node, Name: filepath.Base(dir)}
	size, err := readNumber(dir, "size")
	if err != nil {
		return Block{}, err
	}
	b.Size = size * sysfsUnit
	queue := dir
	if number, err := readNumber(dir, "partition"); err == nil {
		queue = filepath.Dir(dir)
		start, err := readNumber(dir, "start")
		if err != nil {
			return Block{}, err
		}
		b.Number, b.Start, b.Disk = int(number), start*sysfsUnit, "/dev/"+kernelNode(filepath.Base(queue))
	}
	sector, err := readNumber(queue, "queue/logical_block_size")
	if err != nil {
		return Block{}, err
	}
	b.SectorSize = int(sector)
	name, _ := os.ReadFile(filepath.Join(dir, "dm/name")) // absent for all but device-mapper devices
	b.Mapping = strings.TrimSpace(string(name))
	return b, b.partitionMapping(dir)
}

// MappingName returns the name of a device-mapper device, or "" for any other.
func MappingName(node string) string {
	b, err := blockInfo(node)
	if err != nil {
		return ""
	}
	return b.Mapping
}

// kernelNode returns the path below /dev for a kernel name, in which a slash is written as !.
func kernelNode(name string) string { return strings.ReplaceAll(name, "!", "/") }

func readNumber(dir, file string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
}

// Partitions returns the partitions that the kernel has of a disk.
func Partitions(disk string) ([]Block, error) {
	d, err := BlockInfo(disk)
	if err != nil {
		return nil, err
	}
	dir := "/sys/class/block/" + d.Name
	if d.Mapping != "" {
		dir += "/holders"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", disk, err)
	}
	var all []Block
	for _, e := range entries {
		if _, err := readNumber(dir+"/"+e.Name(), "partition"); err != nil && d.Mapping == "" {
			continue
		}
		p, err := BlockInfo("/dev/" + kernelNode(e.Name()))
		if err != nil {
			return nil, err
		}
		if p.Disk == "/dev/"+kernelNode(d.Name) {
			all = append(all, p)
		}
	}
	return all, nil
}

// Holders returns the nodes of the devices that are built on a device. Its partitions are not among them.
func Holders(node string) ([]string, error) { return related(node, "holders") }

// Members returns the nodes of the devices that a device is built on. A partition is not built on its disk.
func Members(node string) ([]string, error) { return related(node, "slaves") }

func related(node, kind string) ([]string, error) {
	b, err := BlockInfo(node)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/sys/class/block/" + b.Name + "/" + kind)
	if os.IsNotExist(err) {
		return nil, nil // partitions of the kernel have no slaves directory
	} else if err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", kind, node, err)
	}
	var nodes []string
	for _, e := range entries {
		other, err := BlockInfo("/dev/" + kernelNode(e.Name()))
		if err != nil {
			return nil, err
		}
		if self := "/dev/" + kernelNode(b.Name); other.Disk != self && b.Disk != other.Node {
			nodes = append(nodes, other.Node)
		}
	}
	return nodes, nil
}

// Mounts returns what is mounted where: mount points, the later over the earlier, with the nodes mounted there. A
// mount without a device has its source as it is (proc(5), mountinfo).
func Mounts() (map[string]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	mounts := map[string]string{}
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		fields, tail := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(tail) < 2 {
			continue
		}
		source := unescape(tail[1])
		if node, err := Resolve(source); err == nil {
			source = node
		}
		mounts[unescape(fields[4])] = source
	}
	return mounts, nil
}

// unescape turns \040 and the like into the bytes they stand for.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
