// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// udevRun is the directory of udev's runtime data, with its database.
const (
	udevRun  = "/run/udev"
	udevData = udevRun + "/data"
)

// recordLimit bounds the part of a database record that is read. The record of a device with hundreds of links has some 20
// KiB.
const recordLimit = 1 << 20

// HasUdev implements Udev.
func (*Host) HasUdev() bool {
	_, err := os.Stat(udevRun + "/control")
	return err == nil
}

// UdevProperty implements Udev.
func (*Host) UdevProperty(node, name string) string {
	return property(readRecord(recordName(node)), name)
}

// recordName returns the name of a device's record, or "" if the device does not exist.
func recordName(node string) string {
	var st unix.Stat_t
	if err := unix.Stat(node, &st); err != nil {
		return ""
	}
	return fmt.Sprintf("b%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
}

func readRecord(name string) string {
	file, err := os.Open(filepath.Join(udevData, name))
	if err != nil {
		return ""
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, recordLimit))
	if err != nil {
		return ""
	}
	return string(text)
}

// property returns a property of a record, or "".
func property(record, name string) string {
	for line := range strings.Lines(record) {
		if value, ok := strings.CutPrefix(line, "E:"+name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ContentProperties are the properties that mark a device as not empty in udev's database.
func ContentProperties() []string {
	return []string{"ID_FS_TYPE", "ID_FS_AMBIVALENT", "ID_PART_TABLE_TYPE"}
}

// settlePatience bounds the wait for udev to process its events. On a machine under load, udev may never be done.
const settlePatience = 10 * time.Second

// UdevContents implements Udev. If it has something to report, it first waits for udev to process its events, which may
// change the result.
func (h *Host) UdevContents(ctx context.Context, node string) []string {
	if len(recorded(node)) == 0 {
		return nil
	}
	idle := func() bool { _, err := os.Stat(udevRun + "/queue"); return errors.Is(err, fs.ErrNotExist) }
	if err := h.Await(ctx, settlePatience, "udev", idle); err != nil {
		h.Log.Debug(err.Error())
	}
	return recorded(node)
}

func recorded(node string) []string {
	name := recordName(node)
	if outdated(udevData, outdatedDir, name) {
		return nil
	}
	disk := ""
	if b, err := blockInfo(node); err == nil && b.Disk != "" {
		disk = readRecord(recordName(b.Disk))
	}
	return ownContents(readRecord(name), disk)
}

// ownContents returns the content properties of a record, without those that a partition has inherited: udev copies the
// disk's properties (60-persistent-storage.rules, IMPORT{parent}).
func ownContents(record, disk string) []string {
	var all []string
	for _, name := range ContentProperties() {
		if value := property(record, name); value != "" && value != property(disk, name) {
			all = append(all, name+"="+value)
		}
	}
	return all
}

// outdatedDir has, for every device that firstlight has opened for writing, a hard link to its record of that time. udev
// never changes a record but replaces it. So while link and record are the same file, the record is older than the write.
const outdatedDir = "/run/ignition/dev_records"

// outdate records in a directory that udev's record is about to become outdated.
func outdate(data, notes, name string) error {
	if err := os.MkdirAll(notes, 0o750); err != nil {
		return err
	}
	link := filepath.Join(notes, name)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(filepath.Join(data, name), link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // without a record, udev does not know the device yet
	}
	return nil
}

// outdated reports whether a record is still the one that outdate recorded.
func outdated(data, notes, name string) bool {
	then, err := os.Stat(filepath.Join(notes, name))
	if err != nil {
		return false
	}
	now, err := os.Stat(filepath.Join(data, name))
	return err == nil && os.SameFile(then, now)
}
