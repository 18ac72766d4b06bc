// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var errStop = errors.New("stop")

// newHost returns a host whose log is in the builder.
func newHost() (*Host, *strings.Builder) {
	log := &strings.Builder{}
	return &Host{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, log
}

// disk is a host's disk that is a regular file of 4 KiB.
func disk(t *testing.T, h *Host) (*hostDisk, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, []byte(strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	d := &hostDisk{h, file, held, "/dev/test"}
	t.Cleanup(func() { d.Close() })
	return d, name
}

// Before is called once before every effect, and its error prevents the effect.
func TestBefore(t *testing.T) {
	ctx := context.Background()
	h, _ := newHost()
	d, name := disk(t, h)
	dir := t.TempDir()
	for _, c := range []struct {
		effect string
		do     func() error
	}{
		{"write 3 bytes at 8 of /dev/test", func() error { _, err := d.WriteAt([]byte("abc"), 8); return err }},
		{"write 16 bytes at 0 of /dev/test", func() error { return d.Zero(0, 16) }},
		{"sync /dev/test", d.Sync},
		{"add partition 1 of /dev/test in the kernel", func() error { return d.AddPartition(1, 0, 512) }},
		{"resize partition 1 of /dev/test in the kernel", func() error { return d.ResizePartition(1, 0, 512) }},
		{"delete partition 1 of /dev/test in the kernel", func() error { return d.DeletePartition(ctx, 1) }},
		{"run touch", func() error {
			_, err := h.Run(ctx, Command{Name: "touch", Args: []string{dir + "/touched"}})
			return err
		}},
		{"run mount", func() error { return h.Mount(ctx, "tmpfs", dir, "tmpfs", "ro") }},
		{"unmount " + dir, func() error { return h.Unmount(dir) }},
		{"alias /dev/none/firstlight-test", func() error { return h.MakeAlias("/dev/none/firstlight-test", "/dev/null") }},
		{"remove mapping firstlight-test", func() error { return h.RemoveMapping(ctx, "firstlight-test") }},
	} {
		var seen []string
		h.Before = func(effect string) error { seen = append(seen, effect); return errStop }
		if err := c.do(); !errors.Is(err, errStop) || !slices.Equal(seen, []string{c.effect}) {
			t.Errorf("want %q announced; the error is %v, and %q was", c.effect, err, seen)
		}
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != strings.Repeat("x", 4096) {
		t.Errorf("a stopped effect has changed the disk (%v)", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("a stopped effect has left %v (%v)", left, err)
	}
	if _, err := os.Lstat(Alias("/dev/none/firstlight-test")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stopped effect has made a link (%v)", err)
	}
}

// Reads return what was written, and zeroing stays within its bounds.
func TestDisk(t *testing.T) {
	h, _ := newHost()
	var effects []string
	h.Before = func(effect string) error { effects = append(effects, effect); return nil }
	d, name := disk(t, h)
	if _, err := d.WriteAt([]byte("abc"), 8); err != nil {
		t.Error(err)
	}
	if err := errors.Join(d.Zero(16, 16), d.Sync()); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(name)
	want := "xxxxxxxxabcxxxxx" + strings.Repeat("\x00", 16) + strings.Repeat("x", 4096-32)
	if err != nil || string(text) != want {
		t.Errorf("the disk holds %q (%v)", text[:40], err)
	}
	var read [3]byte
	if n, err := d.ReadAt(read[:], 8); n != 3 || err != nil || string(read[:]) != "abc" {
		t.Errorf("read %q, %v", read, err)
	}
	if len(effects) != 3 {
		t.Errorf("the effects are %q", effects)
	}
	if err := d.AddPartition(1, 0, 512); err == nil || !strings.Contains(err.Error(), "add partition 1 of /dev/test") {
		t.Errorf("a file with a partition: %v", err)
	}
}

// The program, and the programs it runs, can read the secret through SecretFile, several times. The secret is in no log and
// has no file name.
func TestSecret(t *testing.T) {
	h, log := newHost()
	const secret = "canary\nof two lines\n"
	script := "cat " + SecretFile + "; sh -c 'cat " + SecretFile + "'; cat " + SecretFile + "; ls -l /proc/self/fd/3 >&2; exit 3"
	out, err := h.Run(context.Background(), Command{Name: "sh", Args: []string{"-c", script}, Secret: []byte(secret)})
	if string(out) != strings.Repeat(secret, 3) {
		t.Errorf("the program reads %q", out)
	}
	var failed *CommandError
	if !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "memfd:secret (deleted)") {
		t.Errorf("the secret is in %v", err)
	}
	if strings.Contains(log.String(), "canary") || strings.Contains(err.Error(), "canary") {
		t.Errorf("the secret is in the log or the error: %s %v", log, err)
	}
}

// An error does not show what the program was told in secret, in whole or in part, nor control characters, nor all of a long line.
func TestFailed(t *testing.T) {
	const config = `{"url":"http://canaryuser:canarypass@tang.example/","thp":"canarythumb"}`
	for _, c := range []struct {
		name, script string
		c            Command
		want         string
	}{
		{"an argument", `echo "bad config: $1" >&2`, Command{Args: []string{config}, Quiet: true}, "bad config: redacted"},
		{"a part of one", `echo "cannot reach 'http://canaryuser:canarypass@tang.example/adv' now" >&2`, Command{Args: []string{config}, Quiet: true}, "cannot reach 'redactedadv' now"},
		{"hidden", `echo "no key canarythumb here" >&2`, Command{Hide: []string{config}}, "no key redacted here"},
		{"a key", `cat /proc/self/fd/3 >&2; echo wrong >&2`, Command{Secret: []byte("canarykey\n")}, "redacted; wrong"},
		{"a short key", `echo "<cnr>" >&2`, Command{Secret: []byte("cnr\n")}, "<redacted>"},
		{"input", `cat >&2`, Command{Stdin: []byte("canaryinput")}, "redacted"},
		{"no secret", `echo "bad config: $1" >&2`, Command{Args: []string{"text"}}, "bad config: text"},
		{"control characters", `printf 'a\033[2Jb\r\n' >&2`, Command{}, "a·[2Jb"},
		{"a long line", `printf '%10000s' x | tr ' ' y >&2`, Command{}, strings.Repeat("y", 400) + "…"},
	} {
		h, log := newHost()
		c.c.Name = filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(c.c.Name, []byte("#!/bin/sh\n"+c.script+"\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := h.Run(context.Background(), c.c)
		var failed *CommandError
		if !errors.As(err, &failed) || failed.Stderr != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if strings.Contains(log.String()+fmt.Sprint(err), "canary") {
			t.Errorf("%s: a secret is shown: %s %v", c.name, log, err)
		}
	}
}

// Running a program: input and output, the error with the last lines, the log, and when it is not run.
func TestRun(t *testing.T) {
	ctx := context.Background()
	h, log := newHost()
	out, err := h.Run(ctx, Command{Name: "cat", Stdin: []byte("text")})
	if err != nil || string(out) != "text" {
		t.Errorf("cat says %q, %v", out, err)
	}
	h.Programs = map[string]string{"mkfs.test": "sh"}
	_, err = h.Run(ctx, Command{Name: "mkfs.test", Args: []string{"-c", "for i in 1 2 3 4 5 6; do echo line $i >&2; echo >&2; done; exit 7"}})
	var failed *CommandError
	var exit *exec.ExitError
	if !errors.As(err, &failed) || failed.Name != "sh" || failed.Stderr != "line 3; line 4; line 5; line 6" || !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the error is %v", err)
	}
	if _, err = h.Run(ctx, Command{Name: "firstlight-no-such-program"}); err == nil || !strings.Contains(err.Error(), "the program is not in the initramfs") {
		t.Errorf("a missing program: %v", err)
	}
	log.Reset()
	if _, err = h.Run(ctx, Command{Name: "true", Args: []string{"canary"}, Quiet: true}); err != nil || strings.Contains(log.String(), "canary") ||
		!strings.Contains(log.String(), "redacted") {
		t.Errorf("quiet: %v, and the log is %s", err, log)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	h.Before = func(string) error { t.Error("an effect after the end"); return nil }
	if _, err = h.Run(stopped, Command{Name: "true"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if got := h.Missing("sh", "firstlight-no-such-program", "mkfs.test"); !slices.Equal(got, []string{"firstlight-no-such-program"}) {
		t.Errorf("missing are %q", got)
	}
}

// Waits end when their condition is met, at their limit, and with their context.
func TestAwait(t *testing.T) {
	ctx := context.Background()
	h, _ := newHost()
	if err := h.Await(ctx, time.Hour, "nothing", func() bool { return true }); err != nil {
		t.Error(err)
	}
	looks := 0
	if err := h.Await(ctx, time.Hour, "the third look", func() bool { looks++; return looks == 3 }); err != nil {
		t.Error(err)
	}
	if err := h.Await(ctx, time.Millisecond, "Godot", func() bool { return false }); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "Godot") {
		t.Errorf("in vain: %v", err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := h.Await(stopped, time.Hour, "Godot", func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	h.DeviceTimeout = time.Millisecond
	const path = "/dev/firstlight-none/x"
	nodes, absent, err := h.AwaitDevices(ctx, []string{path})
	if err != nil || len(nodes) > 0 || absent[path] != "there is no /dev/firstlight-none at all; firstlight waited 1ms for it" {
		t.Errorf("a missing device: %v, %q, %v", nodes, absent, err)
	}
}

func TestResolve(t *testing.T) {
	h, _ := newHost()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Resolve(file); err == nil || !strings.Contains(err.Error(), "is not a block device") {
		t.Errorf("a file: %v", err)
	}
	if _, err := h.Resolve("/dev/null"); err == nil {
		t.Error("a character device is a block device")
	}
	if _, err := h.Resolve(file + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if IsBlockDevice(file) || IsBlockDevice("/dev/null") {
		t.Error("files are block devices")
	}
}

// mounter records mounts; mounting fails if fail is set.
type mounter struct {
	fail error
	did  []string
}

func (m *mounter) MountToRead(_ context.Context, device, target, format, options string) error {
	m.did = append(m.did, "mount "+device+" "+format+" "+options)
	return m.fail
}

func (m *mounter) Unmount(string) error { m.did = append(m.did, "unmount"); return nil }

// Peek mounts read-only, always unmounts, and leaves no directory.
func TestPeek(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making a directory in /run needs root")
	}
	inside := errors.New("inside")
	for _, c := range []struct {
		fail, f error
		want    []string
	}{
		{nil, nil, []string{"mount /dev/x ext4 noload", "unmount"}},
		{nil, inside, []string{"mount /dev/x ext4 noload", "unmount"}},
		{errStop, nil, []string{"mount /dev/x ext4 noload"}},
	} {
		m := &mounter{fail: c.fail}
		var seen string
		err := Peek(context.Background(), m, "/dev/x", "ext4", "noload", func(dir string) error { seen = dir; return c.f })
		if want := errors.Join(c.fail, c.f); (err == nil) != (want == nil) || c.fail != nil && !errors.Is(err, c.fail) || c.f != nil && !errors.Is(err, c.f) {
			t.Errorf("the error is %v, want %v", err, want)
		}
		if !slices.Equal(m.did, c.want) || c.fail != nil && seen != "" {
			t.Errorf("it did %q", m.did)
		}
		if _, err := os.Stat(seen); seen != "" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left (%v)", seen, err)
		}
	}
}

// Appear returns as soon as its context ends: a first boot whose config was found at once does not wait for the next look.
func TestAppearEnds(t *testing.T) {
	h, _ := newHost()
	least := time.Hour
	for range 10 {
		ctx, cancel := context.WithCancel(context.Background())
		began := time.Now()
		h.Appear(ctx, func() bool { time.AfterFunc(time.Millisecond, cancel); return false })
		least = min(least, time.Since(began))
	}
	if least > recheck/2 {
		t.Errorf("it took %s at least", least)
	}
}

// MountToRead starts no program if the format is known, and has mount(8) find it out if the kernel does not mount the device under
// that name.
func TestMountToRead(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "at")
	for _, c := range [][]string{{"truncate", "-s", "8M", image}, {"mkfs.ext4", "-q", image}, {"mkdir", at}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Fatal(err)
	}
	device := strings.TrimSpace(string(out))
	defer exec.Command("losetup", "-d", device).Run()
	for _, c := range []struct {
		format, mount string
		works         bool
	}{{"ext4", "false", true}, {"auto", "false", false}, {"auto", "mount", true}, {"of another name", "mount", true}} {
		h, _ := newHost()
		h.Programs = map[string]string{"mount": c.mount}
		err := h.MountToRead(context.Background(), device, at, c.format, "")
		if (err == nil) != c.works {
			t.Errorf("%s with %s: %v", c.format, c.mount, err)
		}
		if err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(at, "file"), nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s with %s: writing there: %v", c.format, c.mount, err)
		}
		if err := h.Unmount(at); err != nil {
			t.Fatal(err)
		}
	}
}

// The kernel's lists can be read.
func TestKernel(t *testing.T) {
	h, _ := newHost()
	mounts, err := h.Mounts()
	if err != nil || !slices.ContainsFunc(mounts, func(m Mount) bool { return m.Point == "/" }) {
		t.Errorf("nothing is mounted on /: %v, %v", mounts, err)
	}
	if n := PeakMemory(); n < 1<<20 {
		t.Errorf("this process has had %d bytes", n)
	}
	disks, err := h.Disks()
	if err != nil {
		t.Error(err)
	}
	for _, d := range disks {
		b, err := h.Block(d)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a container sees its host's disks in sysfs, but not in /dev
		}
		if err != nil || b.Size <= 0 || b.SectorSize < 512 {
			t.Errorf("%s: %+v, %v", d, b, err)
		}
	}
}
