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

// sysfs gives sizes in units of 512 bytes, regardless of the device's sector size.
const sysfsUnit = 512

// A Block is a block device of the running kernel.
type Block struct {
	Node       string // /dev/vda1
	Name       string // of the kernel, vda1
	Size       int64  // bytes
	SectorSize int    // bytes, logical
	Disk       string // node of a partition's disk, or ""
	Number     int    // of the partition
	Start      int64  // bytes, of the partition
	Mapping    string // name of a device-mapper device, or ""; its partitions are mappings too
	// Holders lists the nodes of the devices that are built on this one, without its partitions. Members lists the devices
	// that this one is built on. A partition is not built on its disk.
	Holders, Members []string
}

// Resolve implements Names.
func (*Host) Resolve(path string) (string, error) {
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

// Block implements Devices.
func (*Host) Block(node string) (Block, error) {
	b, err := blockInfo(node)
	if err == nil {
		err = b.relations()
	}
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
	name, _ := os.ReadFile(filepath.Join(dir, "dm/name")) // only device-mapper devices have one
	b.Mapping = strings.TrimSpace(string(name))
	return b, b.partitionMapping(dir)
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

// Partitions implements Devices.
func (*Host) Partitions(disk string) ([]Block, error) {
	d, err := blockInfo(disk)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", disk, err)
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
		p, err := blockInfo("/dev/" + kernelNode(e.Name()))
		if err != nil {
			return nil, fmt.Errorf("list partitions of %s: %w", disk, err)
		}
		if p.Disk == "/dev/"+kernelNode(d.Name) {
			all = append(all, p)
		}
	}
	return all, nil
}

// relations fills in the devices that this one is part of, and those that it is built on.
func (b *Block) relations() (err error) {
	if b.Holders, err = b.related("holders"); err != nil {
		return err
	}
	b.Members, err = b.related("slaves")
	return err
}

// related lists a directory of sysfs that links to other devices. A disk and its partitions are not related in this sense.
func (b *Block) related(kind string) ([]string, error) {
	entries, err := os.ReadDir("/sys/class/block/" + b.Name + "/" + kind)
	if os.IsNotExist(err) {
		return nil, nil // the kernel's partitions have no directory "slaves"
	} else if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	var nodes []string
	for _, e := range entries {
		other, err := blockInfo("/dev/" + kernelNode(e.Name()))
		if err != nil {
			return nil, err
		}
		if self := "/dev/" + kernelNode(b.Name); other.Disk != self && b.Disk != other.Node {
			nodes = append(nodes, other.Node)
		}
	}
	return nodes, nil
}
