// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"io/fs"
	"os"
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
