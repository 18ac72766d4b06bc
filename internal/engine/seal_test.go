// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// A testBoot is a machine whose root is a directory, with the command line in its file.
type testBoot struct {
	t   *testing.T
	dir string
	out bytes.Buffer
}

func newTestBoot(t *testing.T, cmdline, config string) *testBoot {
	t.Helper()
	needRoot(t, "setting owners")
	b := &testBoot{t: t, dir: t.TempDir()}
	b.write("cmdline", cmdline)
	b.write("config.ign", config)
	b.write("console", "")
	for _, root := range []string{"root", "other"} {
		b.write(root+"/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	}
	return b
}

func (b *testBoot) path(name string) string { return filepath.Join(b.dir, name) }

func (b *testBoot) write(name, text string) {
	b.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(b.path(name)), 0o755), os.WriteFile(b.path(name), []byte(text), 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

// stage runs a stage on a root and fails the test if it fails. It returns the log.
func (b *testBoot) stage(name, root string) string {
	b.t.Helper()
	b.out.Reset()
	exit := Run(context.Background(), Options{
		Platform: "file", Stage: name, Root: b.path(root), ConfigCache: b.path("run/ignition.json"), Console: b.path("console"),
		StateFile: b.path("run/state"), NeedNet: b.path("run/neednet"), LogToStdout: true, Stdout: &b.out, Stderr: &b.out,
		Getenv: func(name string) string {
			return map[string]string{"IGNITION_CONFIG_FILE": b.path("config.ign"), "IGNITION_KERNEL_CMDLINE_PATH": b.path("cmdline")}[name]
		},
	})
	if exit != ExitOK {
		b.t.Fatalf("stage %s: exit %d\n%s", name, exit, &b.out)
	}
	return b.out.String()
}

// boot runs the stages of a boot and returns their logs.
func (b *testBoot) boot() string {
	b.t.Helper()
	if err := os.RemoveAll(b.path("run")); err != nil {
		b.t.Fatal(err)
	}
	log := b.stage("fetch-offline", "root")
	for _, s := range []string{"kargs", "disks", "files", "umount"} {
		log += b.stage(s, "root")
	}
	return log
}

func (b *testBoot) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(text)
}

const motd = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/motd","overwrite":true,"contents":{"source":"data:,hello"}}]}}`

// TestFlagFileTouched: a flag that is still set from the first boot provisions nothing again; one that was set since does, by whatever
// replaced the flag file and without any unit of ours in the running system.
func TestFlagFileTouched(t *testing.T) {
	b := newTestBoot(t, "quiet ignition.firstboot", motd)
	b.write("root/boot/ignition.firstboot", "")
	b.boot()
	b.write("root/etc/motd", "changed")
	if log := b.boot(); !strings.Contains(log, "already provisioned") || b.read("root/etc/motd") != "changed" {
		t.Fatalf("power was cut before the flag was removed, and the machine was provisioned again:\n%s", log)
	}
	if err := os.Remove(b.path("root/boot/ignition.firstboot")); err != nil {
		t.Fatal(err)
	}
	b.write("root/boot/ignition.firstboot", "")
	if log := b.boot(); b.read("root/etc/motd") != "hello" || !strings.Contains(log, "flag was set (root:/boot/ignition.firstboot): provisioning again") {
		t.Fatalf("the flag was set again, and the machine was not provisioned:\n%s", log)
	}
	b.write("root/etc/motd", "changed")
	if b.boot(); b.read("root/etc/motd") != "changed" {
		t.Error("the second provisioning was not sealed")
	}
}

// TestFlagFileWritten: the seal has the flag file as the config has left it. As it was before, the next boot would take it for a new flag.
func TestFlagFileWritten(t *testing.T) {
	b := newTestBoot(t, "quiet ignition.firstboot", strings.ReplaceAll(motd, "/etc/motd", "/boot/ignition.firstboot"))
	b.write("root/boot/ignition.firstboot", "")
	b.boot()
	if log := b.boot(); !strings.Contains(log, "already provisioned") {
		t.Errorf("the machine was provisioned again:\n%s", log)
	}
}

// TestPublish: result and seal get their names, the seal last, only when their contents are on the disk; if they are on different
// filesystems, the result's name is on the disk too. Cut short anywhere, the machine is sealed with both, or is not sealed.
func TestPublish(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for name, mount := range map[string]string{"one filesystem": "", "two filesystems": "mount -t tmpfs seal"} {
		t.Run(name, func(t *testing.T) {
			b := newTestBoot(t, "", "")
			for stopAt := 0; !publishUntil(t, b, mount, stopAt); stopAt++ {
			}
		})
	}
}

// publishUntil ends provisioning on a new root, until the power is cut before an effect, and reports whether it came to its end. mount
// is a command that mounts another filesystem on the seal's directory.
func publishUntil(t *testing.T, b *testBoot, mount string, stopAt int) (ended bool) {
	t.Helper()
	dir := b.path("root")
	place := dir + seal.Dir
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(place, 0o700)); err != nil {
		t.Fatal(err)
	}
	if mount != "" {
		shell(t, mount+" "+place)
		defer shell(t, "umount "+place)
	}
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"/etc/.ignition-result.json", seal.Dir + "/seal.json"}
	cut := errors.New("the power is cut")
	var order []string
	effects, written, named := 0, 0, 0 // the last two: syncs when a content was written, and when a name was given
	root.Before(func(effect string) error {
		if effects++; effects > stopAt {
			return cut
		}
		kind, name, _ := strings.Cut(effect, " ")
		switch {
		case !slices.Contains(names, name):
		case kind == "write":
			written = root.Syncs()
		case kind == "rename":
			if root.Syncs() == written {
				t.Errorf("%s gets its name before its content is on the disk", name)
			}
			if len(order) > 0 && mount != "" && root.Syncs() == named {
				t.Errorf("%s gets its name before the one of %s is on the disk", name, order[0])
			}
			order, named = append(order, name), root.Syncs()
		}
		return nil
	})
	r := &run{
		o: Options{Root: dir}, distro: Distro{ResultFile: names[0], BootIDPath: b.path("cmdline")}, state: &handover.State{},
		log: slog.New(slog.DiscardHandler), identity: func() identity { return identity{} },
	}
	err = r.finish(context.Background(), &apply.Machine{Root: root, Log: r.log}, "seed")
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	_, unsealed := os.Stat(dir + names[1])
	if text := b.read("root" + names[0]); unsealed == nil && !strings.Contains(text, `"firstlight"`) {
		t.Errorf("after %d effects the machine is sealed with the result %q", stopAt, text)
	}
	if err != nil && !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if err == nil && (unsealed != nil || !slices.Equal(order, names)) {
		t.Errorf("%v, named in the order %v", unsealed, order)
	}
	return err == nil
}

// TestFixedCommandLine: without a flag file the machine is provisioned once, and later boots say so in one line.
func TestFixedCommandLine(t *testing.T) {
	b := newTestBoot(t, "ignition.firstboot", motd)
	b.boot()
	b.write("root/etc/motd", "changed")
	b.write("root/etc/machine-id", "uninitialized\n") // as after a power cut before the system itself has started
	b.write("console", "")
	b.boot()
	if b.read("root/etc/motd") != "changed" {
		t.Error("the machine was provisioned twice")
	}
	if console := b.read("console"); strings.Count(console, "\n") != 1 || !strings.Contains(console, "already provisioned") {
		t.Errorf("the console says %q", console)
	}
}

// TestSealedCache: programs of the distribution that are ordered after the stages find on a sealed machine what they find after a boot
// with an empty config.
func TestSealedCache(t *testing.T) {
	b := newTestBoot(t, "", motd)
	b.boot()
	b.boot()
	sealed := b.read("run/ignition.json")
	empty := newTestBoot(t, "", `{"ignition":{"version":"3.4.0"}}`)
	empty.boot()
	if want := empty.read("run/ignition.json"); sealed != want {
		t.Errorf("the cache is\n%s\nafter an empty config it is\n%s", sealed, want)
	}
}

// TestElsewhere: a run on another root, such as a rehearsal of the distribution's, has no effect on the verdict of the boot's root, and
// the console does not call it provisioned.
func TestElsewhere(t *testing.T) {
	b := newTestBoot(t, "", motd)
	b.stage("fetch-offline", "root")
	b.stage("files", "other")
	if console := b.read("console"); console != "" {
		t.Errorf("the console says %q", console)
	}
	if b.read("other/etc/motd") != "hello" {
		t.Error("the other root was not worked on")
	}
	if log := b.stage("files", "root"); b.read("root/etc/motd") != "hello" {
		t.Errorf("the root was not provisioned:\n%s", log)
	}
	b.write("root/etc/motd", "changed")
	b.write("other/etc/motd", "changed")
	if err := os.RemoveAll(b.path("other/etc/.firstlight")); err != nil {
		t.Fatal(err)
	}
	b.boot()
	b.stage("fetch-offline", "root")
	if b.read("root/etc/motd") != "changed" {
		t.Error("the sealed root was provisioned again")
	}
}

// TestReset: a root that a tool of the distribution emptied after the first look is provisioned, by the stages that the seal had skipped.
func TestReset(t *testing.T) {
	b := newTestBoot(t, "", motd)
	sealed := handover.Progress{Root: b.path("root"), Sealed: &handover.Sealed{Provisioned: "2026-01-01T00:00:00Z", BootID: "b"}}
	if err := sealed.Save(b.path("run/progress.json")); err != nil {
		t.Fatal(err)
	}
	b.write("run/ignition.json", `{"ignition":{"version":"3.4.0"}}`)
	log := b.stage("files", "root")
	if b.read("root/etc/motd") != "hello" || !strings.Contains(log, "disks passed") {
		t.Errorf("the root was not provisioned:\n%s", log)
	}
	if b.read("root/etc/.firstlight/seal.json") == "" {
		t.Error("the machine is called finished on a root without a seal")
	}
}

// TestSeek: the seal is looked for where the boot itself will have it.
func TestSeek(t *testing.T) {
	const text = `{"provisioned":"2026-01-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		cmdline string
		files   map[string]string
		links   map[string]string
		found   bool
	}{
		"plain":                      {"", map[string]string{"etc/.firstlight/seal.json": text}, nil, true},
		"none":                       {"", map[string]string{"etc/passwd": ""}, nil, false},
		"reset in this boot":         {"", map[string]string{"etc/.firstlight/seal.json": text, "selective-os-reset": ""}, nil, false},
		"deployment":                 {"ostree=/ostree/boot.1/os/c/0", map[string]string{"ostree/deploy/os/deploy/h.0/etc/.firstlight/seal.json": text}, map[string]string{"ostree/boot.1/os/c/0": "../../../deploy/os/deploy/h.0"}, true},
		"another deployment":         {"ostree=/ostree/boot.1/os/c/0", map[string]string{"ostree/deploy/os/deploy/h.1/etc/.firstlight/seal.json": text, "ostree/deploy/os/deploy/h.0/etc/passwd": ""}, map[string]string{"ostree/boot.1/os/c/0": "../../../deploy/os/deploy/h.0"}, false},
		"transient etc":              {"ostree=/ostree/boot.1/os/c/0", map[string]string{"ostree/deploy/os/var/lib/firstlight/seal.json": text, "ostree/deploy/os/deploy/h.1/usr/etc/passwd": ""}, map[string]string{"ostree/boot.1/os/c/0": "../../../deploy/os/deploy/h.1"}, true},
		"physical root only":         {"ostree=/ostree/boot.1/os/c/0", map[string]string{"etc/.firstlight/seal.json": text, "ostree/deploy/os/deploy/h.0/etc/passwd": ""}, map[string]string{"ostree/boot.1/os/c/0": "../../../deploy/os/deploy/h.0"}, false},
		"overlay of the fstab":       {"", map[string]string{"var/lib/overlay/1/etc/.firstlight/seal.json": text, "etc/fstab": "overlay /etc overlay defaults,lowerdir=/sysroot/etc,upperdir=/sysroot/var/lib/overlay/1/etc,workdir=/sysroot/w,x-initrd.mount 0 0\n"}, nil, true},
		"overlay of the system only": {"", map[string]string{"var/lib/overlay/1/etc/.firstlight/seal.json": text, "etc/fstab": "overlay /etc overlay lowerdir=/etc,upperdir=/var/lib/overlay/1/etc 0 0\n"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				p := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			for name, target := range c.links {
				p := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.Symlink(target, p)); err != nil {
					t.Fatal(err)
				}
			}
			r := &run{cmdline: acquire.ParseCmdline(c.cmdline), log: slog.New(slog.DiscardHandler)}
			found, err := r.seek(context.Background(), dir)
			if err != nil || (found != nil) != c.found {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

// TestEtcMountedLater: the mount stage, if it is the first one that sees the root, finds the seal in an /etc that the initramfs mounts
// after it.
func TestEtcMountedLater(t *testing.T) {
	for name, c := range map[string]struct {
		device string // of /var, which has the overlay's upper directory
		want   string // in the log of the stage
	}{
		"on the root": {"", "already provisioned on 2026-01-01T00:00:00Z"},
		"on a filesystem that does not appear yet": {"LABEL=gone /var ext4 x-initrd.mount 0 0\n", "not known yet whether this machine was provisioned before: LABEL=gone"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBoot(t, "ignition.firstboot", motd)
			b.write("root/etc/fstab", c.device+"overlay /etc overlay lowerdir=/sysroot/etc,upperdir=/sysroot/var/lib/overlay/1/etc,workdir=/sysroot/w,x-initrd.mount 0 0\n")
			b.write("root/var/lib/overlay/1/etc/.firstlight/seal.json", `{"provisioned":"2026-01-01T00:00:00Z"}`)
			b.stage("fetch-offline", "root")
			if log := b.stage("mount", "root"); !strings.Contains(log, c.want) {
				t.Errorf("the log has no %q:\n%s", c.want, log)
			}
		})
	}
}

// TestSealShowsLate: a seal that only the files stage can see, because a program of the distribution has mounted /etc by then, is
// compared with the flag like one that an earlier stage sees.
func TestSealShowsLate(t *testing.T) {
	b := newTestBoot(t, "ignition.firstboot", motd)
	b.write("root/boot/ignition.firstboot", "")
	b.boot()
	late := func() string {
		b.write("root/etc/motd", "changed")
		b.write("run/progress.json", `{"root":"`+b.path("root")+`","unsealed":true}`)
		return b.stage("files", "root")
	}
	if log := late(); b.read("root/etc/motd") != "changed" {
		t.Fatalf("the flag is still set, and the machine was provisioned again:\n%s", log)
	}
	if err := os.Remove(b.path("root/boot/ignition.firstboot")); err != nil {
		t.Fatal(err)
	}
	b.write("root/boot/ignition.firstboot", "")
	b.stage("fetch-offline", "root")
	if log := late(); b.read("root/etc/motd") != "hello" {
		t.Fatalf("the flag was set again, and the machine was not provisioned:\n%s", log)
	}
}

// TestReadFlagFile: the three answers for both kinds of flag files.
func TestReadFlagFile(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "d"), 0o755), os.WriteFile(filepath.Join(dir, "d/here"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, c := range []struct {
		path    string
		missing bool
		want    string // "set", "absent", "", or "error"
	}{
		{"/d/here", false, "set"}, {"/d/gone", false, ""}, {"/none/gone", false, ""}, {"/d", false, ""},
		{"/d/here", true, ""}, {"/d/gone", true, "absent"}, {"/none/gone", true, "error"},
	} {
		id, err := readFlagFile(root, seal.FlagFile{Path: c.path, Missing: c.missing})
		got := id
		switch {
		case err != nil:
			got = "error"
		case id != "" && id != seal.Absent:
			got = "set"
		}
		if got != c.want {
			t.Errorf("%s, missing %t: %s, want %s", c.path, c.missing, got, c.want)
		}
	}
}

// TestMakes: which configs make the root, by what the kernel command line calls it.
func TestMakes(t *testing.T) {
	for _, c := range []struct {
		storage, device string
		want            bool
	}{
		{`"filesystems":[{"device":"/dev/vdb","format":"ext4","path":"/"}]`, "/dev/vda1", true},
		{`"filesystems":[{"device":"/dev/disk/by-label/root","format":"ext4"}]`, "/dev/disk/by-label/root", true},
		{`"filesystems":[{"device":"/dev/vdb","format":"ext4","label":"my root"}]`, `/dev/disk/by-label/my\x20root`, true},
		{`"filesystems":[{"device":"/dev/vdb","format":"ext4","label":"data"}]`, "/dev/disk/by-label/root", false},
		{`"disks":[{"device":"/dev/vda","partitions":[{"label":"root","number":1}]}]`, "/dev/disk/by-partlabel/root", true},
		{`"raid":[{"name":"root","level":"raid1","devices":["/dev/vdb","/dev/vdc"]}]`, "/dev/md/root", true},
		{`"luks":[{"name":"root","device":"/dev/vdb"}]`, "/dev/mapper/root", true},
		{`"luks":[{"name":"data","device":"/dev/vdb"}]`, "/dev/mapper/root", false},
	} {
		doc, report := config.Parse(diag.NewSource("config", []byte(`{"ignition":{"version":"3.4.0"},"storage":{`+c.storage+`}}`)))
		if report.HasErrors() {
			t.Fatal(report)
		}
		if got := makes(&doc.Config, c.device); got != c.want {
			t.Errorf("%s makes %s: %t", c.storage, c.device, got)
		}
	}
}

// TestDecide: before the first change the root must show whether the machine was provisioned, if the config does not make it.
func TestDecide(t *testing.T) {
	const data, root = `"filesystems":[{"device":"/dev/vdb","format":"ext4","label":"data"}]`, `"filesystems":[{"device":"/dev/vdb","format":"ext4","label":"r"}]`
	for name, c := range map[string]struct {
		cmdline, storage string
		want             string // in the error
	}{
		"a root that does not come":             {"root=LABEL=r", data, "cannot find out whether this machine was provisioned before: the root device /dev/disk/by-label/r"},
		"a root that the config makes":          {"root=LABEL=r", root, ""},
		"a root that is not a block device":     {"root=/dev/nfs", data, ""},
		"nothing to do before it is mounted":    {"root=LABEL=r", `"directories":[{"path":"/d"}]`, ""},
		"a command line that does not name one": {"quiet", data, ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc, report := config.Parse(diag.NewSource("config", []byte(`{"ignition":{"version":"3.4.0"},"storage":{`+c.storage+`}}`)))
			if report.HasErrors() {
				t.Fatal(report)
			}
			log := slog.New(slog.DiscardHandler)
			r := &run{cmdline: acquire.ParseCmdline(c.cmdline), log: log, host: &sys.Host{Log: log, DeviceTimeout: time.Millisecond}}
			r.stage, _ = findStage("disks")
			err := r.decide(context.Background(), &doc.Config)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("the decision is %v", err)
			}
			if err != nil && hint(err) == "" {
				t.Error("the error does not say what to do")
			}
		})
	}
}
