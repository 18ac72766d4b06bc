// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// DeviceTimeout bounds the wait for a device unless Host.DeviceTimeout is set. It is as long as systemd waits for one
// (DefaultDeviceTimeoutSec, systemd-system.conf(5)).
const DeviceTimeout = 90 * time.Second

// progressEvery is the interval between progress messages of a wait.
const progressEvery = 5 * time.Second

// recheck is how often a wait looks even without an event: udev makes links a moment before or after its event.
const recheck = 100 * time.Millisecond

// ErrTimeout is wrapped by the error of a wait that reached its limit.
var ErrTimeout = errors.New("it has not appeared in time")

// AwaitDevices implements Names. It reports what it waits for.
func (h *Host) AwaitDevices(ctx context.Context, paths []string) (nodes, absent map[string]string, err error) {
	nodes = map[string]string{}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
			node, err := h.Resolve(p)
			if err == nil {
				nodes[p] = node
			}
			return err == nil
		})
	}
	limit := h.DeviceTimeout
	if limit == 0 {
		limit = DeviceTimeout
	}
	left := missing()
	err = h.await(ctx, limit, func() bool { left = missing(); return len(left) == 0 }, func() string {
		return "waiting for " + strings.Join(left, ", ")
	})
	if err != nil && !errors.Is(err, ErrTimeout) {
		return nil, nil, err
	}
	absent = map[string]string{}
	for _, p := range left {
		absent[p] = strings.TrimPrefix(h.nearMiss(p)+fmt.Sprintf("; firstlight waited %s for it", limit), "; ")
	}
	return nodes, absent, nil
}

// Await implements Waiter.
func (h *Host) Await(ctx context.Context, limit time.Duration, what string, ready func() bool) error {
	if err := h.await(ctx, limit, ready, func() string { return "waiting for " + what }); err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}

// Appear calls ready after each of udev's events and returns when ready returns true or ctx ends, without delay. It reports no
// progress.
func (h *Host) Appear(ctx context.Context, ready func() bool) {
	events, err := openEvents()
	if err != nil {
		h.Log.Debug("wait without events: " + err.Error())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan struct{})
	go func() {
		defer events.close()
		for ctx.Err() == nil {
			events.wait(recheck)
			select {
			case changed <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	for !ready() && ctx.Err() == nil {
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// await calls ready whenever udev is done with an event, and reports every five seconds what it waits for.
func (h *Host) await(ctx context.Context, limit time.Duration, ready func() bool, message func() string) error {
	if ready() {
		return nil
	}
	events, err := openEvents()
	if err != nil {
		h.Log.Debug("wait without events: " + err.Error())
	}
	defer events.close()
	began, said := time.Now(), time.Now()
	for !ready() {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := time.Now()
		if now.Sub(began) > limit {
			return fmt.Errorf("%w (%s)", ErrTimeout, limit)
		}
		if now.Sub(said) >= progressEvery {
			said = now
			h.say(fmt.Sprintf("%s (%d s of %d)", message(), int(now.Sub(began).Seconds()), int(limit.Seconds())))
		}
		events.wait(recheck)
	}
	return nil
}

// say writes to the console and the log.
func (h *Host) say(text string) {
	h.Log.Info(text)
	if h.Say != nil {
		h.Say(text)
	}
}

// events is a netlink socket on which udev announces the events that it has processed (libudev, group 2).
type events struct{ fd int }

const udevGroup = 2

func openEvents() (events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return events{-1}, fmt.Errorf("open event socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: udevGroup}); err != nil {
		return events{-1}, errors.Join(fmt.Errorf("bind event socket: %w", err), unix.Close(fd))
	}
	return events{fd}, nil
}

// wait returns after the next events, or after limit. It drops their contents: the caller looks at the devices.
func (e events) wait(limit time.Duration) {
	if e.fd < 0 {
		time.Sleep(limit)
		return
	}
	poll := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(limit.Milliseconds())); err != nil || n == 0 {
		return
	}
	buf := make([]byte, 8192)
	for {
		if _, _, err := unix.Recvfrom(e.fd, buf, 0); err != nil {
			return // drained, or an overrun, after which the caller must look anyway
		}
	}
}

func (e events) close() {
	if e.fd >= 0 {
		unix.Close(e.fd)
	}
}

// nearMiss names the devices whose names are similar to that of a missing device.
func (h *Host) nearMiss(path string) string {
	dir, name := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no " + strings.TrimSuffix(dir, "/") + " at all"
	} else if err != nil {
		return ""
	}
	var near []string
	for _, e := range entries {
		if !diag.Similar(name, e.Name()) {
			continue
		}
		if node, err := h.Resolve(dir + e.Name()); err == nil && !strings.HasPrefix(e.Name(), ".") {
			near = append(near, describeLink(dir, e.Name(), node))
		}
	}
	switch strings.TrimSuffix(dir, "/") {
	case "/dev/disk/by-partlabel":
		return join("no partition is labeled "+name, near)
	case "/dev/disk/by-label":
		return join("no filesystem is labeled "+name, near)
	}
	return join("", near)
}

func describeLink(dir, name, node string) string {
	kind := strings.TrimPrefix(strings.TrimSuffix(dir, "/"), "/dev/disk/by-")
	switch kind {
	case "partlabel", "label":
		return filepath.Base(node) + " is labeled " + name
	}
	if dir+name == node {
		return "there is " + node
	}
	return "there is " + dir + name + ", which is " + node
}

func join(what string, near []string) string {
	if len(near) > 3 {
		near = near[:3]
	}
	list := strings.Join(near, ", ")
	if what == "" || list == "" {
		return what + list
	}
	return what + "; " + list
}

// aliasDir has a link for every device in use. It stays when udev replaces its own links.
const aliasDir = "/run/ignition/dev_aliases"

// Alias returns the path of the link that stands for a device path.
func Alias(path string) string { return filepath.Join(aliasDir, path) }

// MakeAlias implements Names.
func (h *Host) MakeAlias(path, node string) error {
	link := Alias(path)
	if err := h.effect("alias " + path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o750); err != nil {
		return fmt.Errorf("make alias of %s: %w", path, err)
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make alias of %s: %w", path, err)
	}
	if err := os.Symlink(node, link); err != nil {
		return fmt.Errorf("make alias of %s: %w", path, err)
	}
	return nil
}
