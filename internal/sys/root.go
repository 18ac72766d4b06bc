// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// DevicePath turns a device as root= or fstab(5) name it into a path: LABEL=x, UUID=x, PARTLABEL=x and PARTUUID=x
// stand for udev's links. Anything that does not lead to a device is "".
func DevicePath(spec string) string {
	for _, by := range []struct{ prefix, dir string }{
		{"LABEL=", "by-label"}, {"UUID=", "by-uuid"}, {"PARTLABEL=", "by-partlabel"}, {"PARTUUID=", "by-partuuid"},
	} {
		if name, ok := strings.CutPrefix(spec, by.prefix); ok {
			return "/dev/disk/" + by.dir + "/" + facts.EncodeLabel(strings.Trim(name, `"`))
		}
	}
	if strings.HasPrefix(spec, "/dev/") {
		return spec
	}
	return ""
}

// IsBlockDevice reports whether a path leads to a block device now.
func IsBlockDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
}

// udevQueue exists while udev has events to work on.
const udevQueue = "/run/udev/queue"

// AwaitUdev waits until udev has worked off all events it knows of, until enough says so, or until limit has passed.
func (h *Host) AwaitUdev(ctx context.Context, limit time.Duration, enough func() bool) {
	h.poll(ctx, limit, func() bool {
		_, err := os.Stat(udevQueue)
		return err != nil || enough()
	})
}

// poll calls ready every 10 ms until it says yes, and returns false if limit passes before that.
func (h *Host) poll(ctx context.Context, limit time.Duration, ready func() bool) bool {
	end := time.Now().Add(limit)
	for !ready() {
		if ctx.Err() != nil || time.Now().After(end) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// labelPatience bounds the wait for a labelled filesystem that the kernel command line names.
const labelPatience = 30 * time.Second

// ReadLabelled reads a file of the filesystem with a label, once its device is there. A link in the filesystem
// does not lead out of it.
func (h *Host) ReadLabelled(ctx context.Context, label, file string) ([]byte, error) {
	device := "/dev/disk/by-label/" + facts.EncodeLabel(label)
	h.Log.Info("waiting for the filesystem labelled " + label)
	if !h.poll(ctx, labelPatience, func() bool { return IsBlockDevice(device) }) {
		return nil, fmt.Errorf("find the filesystem labelled %s: %s has not appeared within %s", label, device, labelPatience)
	}
	var data []byte
	err := Peek(ctx, h, device, "auto", "", func(dir string) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		data, err = root.ReadFile(strings.TrimPrefix(filepath.Clean("/"+file), "/"))
		return errors.Join(err, root.Close())
	})
	return data, err
}
