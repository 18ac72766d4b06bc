// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// A Seal on a root says that the machine was provisioned. It is the last thing that provisioning writes, durably,
// before switch root; a run that meets it does nothing, even if the first-boot flag is still there.
type Seal struct {
	Provisioned string `json:"provisioned"` // RFC 3339
	BootID      string `json:"bootID"`
	Engine      string `json:"engine"` // version
	Config      string `json:"config"` // digest of the merged config
}

// Names below the target root. The directory is on the root filesystem itself, where it can be read before
// anything else is mounted.
const (
	sealDir     = "etc/.firstlight"
	sealFile    = "seal.json"
	clearedFile = "cleared"  // the flag was removed after the seal was written: a flag met now was set on purpose
	journalFile = "journal-" // and the name of the part
)

// readSeal returns the seal of a root, or nil if there is none, or if it is liftable and was lifted: the flag that
// this boot met was set after an earlier one had been removed.
func readSeal(root string, liftable bool) (*Seal, error) {
	dir := filepath.Join(root, sealDir)
	text, err := os.ReadFile(filepath.Join(dir, sealFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, clearedFile)); err == nil && liftable {
		return nil, nil
	}
	var s Seal
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read seal: %w (to provision this machine again, remove /%s from its root)", err, sealDir)
	}
	return &s, nil
}

// sealed tells whether this machine was provisioned by an earlier boot. Stages before the root is mounted look at
// the root's device; once the answer is known it is kept for the stages that follow.
func (r *run) sealed(ctx context.Context) (*Seal, error) {
	if r.progress.Sealed != nil {
		return r.progress.Sealed, nil
	}
	if r.progress.Unsealed {
		return nil, nil
	}
	seal, known, err := r.lookForSeal(ctx)
	if err != nil || !known {
		return nil, err
	}
	r.progress.Sealed, r.progress.Unsealed = seal, seal == nil
	return seal, r.progress.save(r.progressFile())
}

// lookForSeal reads the seal from wherever the root can be reached now.
func (r *run) lookForSeal(ctx context.Context) (seal *Seal, known bool, err error) {
	flag, _ := r.cmdline.Last("ignition.firstboot")
	liftable := flag != "auto" // then nothing ever removes the flag, and the seal alone decides
	if r.stage.onRoot {
		seal, err = readSeal(r.o.Root, liftable)
		return seal, true, err
	}
	device, format := r.rootDevice()
	if device == "" {
		return nil, false, nil
	}
	if r.stage.name == "fetch-offline" {
		// The root of an image comes with the other disks; one that the config is going to make never comes.
		r.host.AwaitUdev(ctx, udevPatience, func() bool { return sys.IsBlockDevice(device) })
	}
	if !sys.IsBlockDevice(device) {
		r.log.Debug("the root device " + device + " is not there (yet): cannot look for a seal")
		return nil, false, nil
	}
	if readable, err := r.mountable(device); err != nil || !readable {
		return nil, false, err
	}
	err = r.host.Peek(ctx, device, format, func(dir string) error {
		seal, err = readSeal(dir, liftable)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("find out whether this machine was provisioned before: %w", err)
	}
	return seal, true, nil
}

// mountable tells whether a device has a filesystem that can be looked into. A blank one was never provisioned, and one
// that is still encrypted cannot tell.
func (r *run) mountable(device string) (bool, error) {
	node, err := sys.Resolve(device)
	if err != nil {
		return false, fmt.Errorf("find the root device: %w", err)
	}
	info, err := sys.BlockInfo(node)
	if err != nil {
		return false, fmt.Errorf("look at the root device: %w", err)
	}
	f, err := sys.OpenRead(node)
	if err != nil {
		return false, fmt.Errorf("look at the root device: %w", err)
	}
	found, err := probe.Probe(f, info.Size, info.SectorSize)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("look at the root device %s: %w", device, err)
	}
	content, _, ok := probe.Content(found)
	if !ok || !content.Mountable() {
		r.log.Info("no seal can be read from the root device " + device + ", which holds " + describe(content, ok))
		return false, nil
	}
	return true, nil
}

func describe(s probe.Signature, ok bool) string {
	if !ok {
		return "nothing"
	}
	return s.String()
}

// udevPatience bounds the wait for udev to have seen the disks that are there.
const udevPatience = 10 * time.Second

// unitDirs is where systemd's generators and the initramfs keep sysroot.mount, in systemd's order (systemd.unit(5)).
var unitDirs = []string{
	"/etc/systemd/system", "/run/systemd/generator.early", "/run/systemd/system",
	"/run/systemd/generator", "/usr/lib/systemd/system", "/run/systemd/generator.late",
}

// rootDevice returns the device that will be mounted as the target root and its filesystem type, from
// sysroot.mount or, where there is none, the kernel command line.
func (r *run) rootDevice() (device, format string) {
	for _, dir := range unitDirs {
		text, err := os.ReadFile(filepath.Join(dir, "sysroot.mount"))
		if err != nil {
			continue
		}
		format = "auto"
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "What="); ok {
				device = sys.DevicePath(v)
			} else if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Type="); ok && v != "" {
				format = v
			}
		}
		return device, format
	}
	if spec, ok := r.cmdline.Last("root"); ok {
		return sys.DevicePath(spec), "auto"
	}
	return "", ""
}

// lift takes an old seal away before the root is changed: from then on the machine counts as unfinished, and is provisioned
// by the next boot if this one is cut short. The mark goes after the seal that it belongs to.
func (r *run) lift() error {
	dir, err := openSealDir(r.o.Root)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, name := range []string{sealFile, clearedFile} {
		err := dir.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := errors.Join(err, journal.SyncDir(dir)); err != nil {
			return fmt.Errorf("lift the seal: %w", err)
		}
	}
	return nil
}

// seal writes the seal, durably: after it, no boot provisions this machine again.
func (r *run) seal(digest string) error {
	dir, err := openSealDir(r.o.Root)
	if err != nil {
		return err
	}
	defer dir.Close()
	bootID, err := os.ReadFile(r.distro.BootIDPath)
	if err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	text, err := json.MarshalIndent(Seal{
		Provisioned: time.Now().Format(time.RFC3339), BootID: strings.TrimSpace(string(bootID)),
		Engine: version, Config: digest,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	if err := writeDurably(dir, sealFile, append(text, '\n')); err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	for _, p := range r.stage.parts {
		if err := dir.Remove(journalFile + string(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove journal: %w", err)
		}
	}
	return journal.SyncDir(dir)
}

// openSealDir opens the directory of seal and journal, making it if need be. Opening it as a root of its own keeps
// a link in the target from leading elsewhere.
func openSealDir(root string) (*os.Root, error) {
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the target root: %w", err)
	}
	defer top.Close()
	if err := top.MkdirAll(sealDir, 0o700); err != nil {
		return nil, fmt.Errorf("make /%s: %w", sealDir, err)
	}
	return top.OpenRoot(sealDir)
}

func writeDurably(dir *os.Root, name string, text []byte) error {
	f, err := dir.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := dir.Rename(name+".new", name); err != nil {
		return err
	}
	return journal.SyncDir(dir)
}
