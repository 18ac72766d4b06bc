// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// errSealed ends a stage that finds out, while it works, that an earlier boot provisioned the machine.
var errSealed = errors.New("the machine was provisioned by an earlier boot")

// sealed returns the seal of this machine if an earlier boot provisioned it and nothing asks for another provisioning. nil also
// means "not known yet". Before the root is mounted, stages look at the root's device, if it exists by then. An answer is kept
// for the stages that follow.
func (r *run) sealed(ctx context.Context) (*handover.Sealed, error) {
	if r.elsewhere() {
		found, err := r.readSeal(r.o.Root)
		return verdict(found), err
	}
	if r.progress.Sealed != nil && r.stage.seals {
		return r.stillSealed(ctx)
	}
	if r.progress.Sealed != nil || r.progress.Unsealed {
		return r.progress.Sealed, nil
	}
	found, known, err := r.look(ctx)
	if err != nil && !r.stage.onRoot {
		r.log.Info("not known yet whether this machine was provisioned before: " + err.Error())
		return nil, nil
	}
	if err != nil || !known {
		return nil, err
	}
	return r.keep(found)
}

func verdict(found *seal.Seal) *handover.Sealed {
	if found == nil {
		return nil
	}
	return &handover.Sealed{Provisioned: found.Provisioned, BootID: found.BootID}
}

// keep hands the verdict to later stages. On a sealed machine it replaces the cached config, which programs of the distribution
// read, by an empty one, and does not ask for the network.
func (r *run) keep(found *seal.Seal) (*handover.Sealed, error) {
	r.progress.Sealed, r.progress.Unsealed = verdict(found), found == nil
	err := r.progress.Save(r.progressFile())
	if found != nil {
		err = errors.Join(err, r.writeCache(config.Empty()), os.RemoveAll(r.o.NeedNet))
	}
	return r.progress.Sealed, err
}

// elsewhere reports whether this run works on another root than the boot, as when a distribution's program has part of a config
// written somewhere. Then only the seal of that root counts, and the boot learns nothing from the run.
func (r *run) elsewhere() bool {
	return r.progress.Root != "" && filepath.Clean(r.progress.Root) != filepath.Clean(r.o.Root)
}

// stillSealed looks at the mounted root again: if a reset has emptied it since, the machine must be provisioned after all.
func (r *run) stillSealed(ctx context.Context) (*handover.Sealed, error) {
	found, err := r.readSeal(r.o.Root)
	if err != nil || found != nil {
		return r.progress.Sealed, err
	}
	r.log.Warn("the seal has vanished from the root since this boot began: provisioning the machine")
	if _, err := r.keep(nil); err != nil {
		return nil, err
	}
	if err := os.Remove(r.o.ConfigCache); err != nil {
		return nil, fmt.Errorf("forget the cached config: %w", err)
	}
	return nil, r.doSkipped(ctx, func(stage) bool { return true })
}

// sealedMeanwhile returns errSealed if the root has another seal than this run knew when it decided to provision: another run has
// finished since. A seal that asks for another provisioning is older: the root showed it only now. It is called under the lock of
// the root.
func (r *run) sealedMeanwhile(ctx context.Context, root *rootfs.Root) error {
	found, err := seal.Read(root)
	if err != nil || found == nil || !r.elsewhere() && (found.Name() == r.progress.Seen || r.again(ctx, found)) {
		return err
	}
	r.log.Warn("another run of firstlight provisioned this root meanwhile")
	r.progress.Sealed = verdict(found)
	return errSealed
}

// look reads the seal from wherever the root can be reached now, and compares it with the flag and the machine.
func (r *run) look(ctx context.Context) (found *seal.Seal, known bool, err error) {
	device, format, options := r.rootDevice()
	switch {
	case r.stage.onRoot:
		if found, err = r.readSeal(r.o.Root); err == nil && found == nil && !r.stage.seals {
			if found, err = r.readLater(ctx); err != nil {
				r.log.Info("not known yet whether this machine was provisioned before: " + err.Error())
				return nil, false, nil
			}
		}
	case device == "" || !sys.IsBlockDevice(device):
		return nil, false, nil
	default:
		content, failed := r.mountable(device)
		if failed != nil || content == "" {
			return nil, false, failed
		}
		if format == "auto" {
			format = content
		}
		err = r.within(ctx, device, format, options, func(dir string) error {
			found, err = r.seek(ctx, dir)
			return err
		})
	}
	if err != nil {
		return nil, false, fmt.Errorf("find out whether this machine was provisioned before: %w", err)
	}
	if found == nil {
		return nil, true, nil
	}
	if r.again(ctx, found) {
		return nil, true, nil
	}
	return found, true, nil
}

// again reports whether a machine with this seal must be provisioned again, and remembers the seal if so.
func (r *run) again(ctx context.Context, found *seal.Seal) bool {
	why := found.Again(r.flag(ctx), r.machine(ctx))
	if why == "" {
		return false
	}
	r.log.Info("this machine was provisioned on " + found.Provisioned + " (boot " + found.BootID + "); " + why + ": provisioning again")
	r.progress.Seen = found.Name()
	return true
}

// readSeal reads the seal of the root that is mounted in a directory.
func (r *run) readSeal(dir string) (*seal.Seal, error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return nil, err
	}
	found, err := seal.Read(root)
	return found, errors.Join(err, root.Close())
}

// readLater reads the seal in an /etc that the initramfs will mount on the mounted root between this stage and the one that seals.
func (r *run) readLater(ctx context.Context) (*seal.Seal, error) {
	root, err := rootfs.Open(r.o.Root)
	if err != nil {
		return nil, err
	}
	found, err := r.seekEtc(ctx, root)
	return found, errors.Join(err, root.Close())
}

// resetFiles make a distribution's initramfs empty the root in this boot: Flatcar's flatcar-reset(8).
var resetFiles = []string{"/selective-os-reset"}

// seek reads the seal of the root whose filesystem is mounted in a directory, from where the boot will have it: the deployment
// of OSTree that boots, or an /etc that the initramfs will mount.
func (r *run) seek(ctx context.Context, dir string) (*seal.Seal, error) {
	top, err := rootfs.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	for _, name := range resetFiles {
		if reset, err := exists(top, name); err != nil || reset {
			r.log.Info("this boot resets the root (" + name + ")")
			return nil, err
		}
	}
	deployment, ok := r.cmdline.Last("ostree")
	if !ok {
		found, err := seal.Read(top)
		if err != nil || found != nil {
			return found, err
		}
		return r.seekEtc(ctx, top)
	}
	place, err := top.Follow(deployment)
	if err != nil {
		return nil, err
	}
	root, err := rootfs.Open(filepath.Join(dir, place))
	if err != nil {
		return nil, err
	}
	found, err := seal.Read(root)
	if err := errors.Join(err, root.Close()); err != nil || found != nil {
		return found, err
	}
	return seal.ReadAt(top, stateroot(place))
}

// stateroot returns the directory of seals that all deployments of an operating system share; deployment is the path of one
// (ostree(1)).
func stateroot(deployment string) string {
	return path.Join(deployment, "../../var/lib/firstlight")
}

// decide finds out whether an earlier boot provisioned the machine, before anything is changed. It waits for the root, unless
// the config makes the root.
func (r *run) decide(ctx context.Context, c *types.Config) error {
	if !r.stage.decides || r.elsewhere() || r.progress.Unsealed || !r.changes(c) {
		return nil
	}
	device, _, _ := r.rootDevice()
	if device == "" {
		r.log.Info("not known whether this machine was provisioned before: the kernel command line names no device for the root")
		return nil
	}
	limit := r.host.DeviceTimeout
	if limit <= 0 {
		limit = sys.DeviceTimeout
	}
	if makes(c, device) {
		limit = 0
	}
	var found *seal.Seal
	var known bool
	var failed error
	err := r.host.Await(ctx, limit, "the root device "+device+", to see whether this machine was provisioned before", func() bool {
		if !sys.IsBlockDevice(device) {
			return false
		}
		found, known, failed = r.look(ctx)
		return failed == nil
	})
	switch {
	case known:
		sealed, err := r.keep(found)
		if err == nil && sealed != nil {
			err = errSealed
		}
		return err
	case err == nil || limit == 0:
		r.log.Info("not known whether this machine was provisioned before; the root is going to be made, or holds nothing that can be mounted")
		return nil
	}
	return &undecidedError{device, errors.Join(failed, err)}
}

// changes reports whether the stage changes something for a config before the root is mounted.
func (r *run) changes(c *types.Config) bool {
	if r.stage.kargs {
		return len(c.KernelArguments.ShouldExist)+len(c.KernelArguments.ShouldNotExist) > 0
	}
	return len(c.Storage.Disks)+len(c.Storage.Raid)+len(c.Storage.Luks)+len(c.Storage.Filesystems) > 0
}

// makes reports whether a config makes the root: its filesystem, or something that its device is named by.
func makes(c *types.Config, device string) bool {
	name := path.Base(device)
	for _, m := range plan.Mountables(c) {
		if *m.Path == "/" {
			return true
		}
	}
	named := func(text *string) bool { return text != nil && strings.EqualFold(facts.EncodeLabel(*text), name) }
	for _, f := range c.Storage.Filesystems {
		if f.Device == device || named(f.Label) || named(f.UUID) {
			return true
		}
	}
	for _, d := range c.Storage.Disks {
		for _, p := range d.Partitions {
			if named(p.Label) || named(p.GUID) {
				return true
			}
		}
	}
	for _, a := range c.Storage.Raid {
		if named(&a.Name) {
			return true
		}
	}
	for _, l := range c.Storage.Luks {
		if named(&l.Name) || named(l.Label) || named(l.UUID) {
			return true
		}
	}
	return false
}

// undecidedError reports a root that does not show, before the first change, whether the machine was provisioned.
type undecidedError struct {
	device string
	err    error
}

func (e *undecidedError) Error() string {
	return "cannot find out whether this machine was provisioned before: the root device " + e.device + ": " + e.err.Error()
}

func (e *undecidedError) Unwrap() error { return e.err }

// Hint says what to do.
func (e *undecidedError) Hint() string {
	return "check why " + e.device + " does not appear or cannot be mounted, or correct root= on the kernel command line"
}

// How long a stage that has its config, or failed to get one, waits for the root to appear.
const (
	// lastLook is for a stage that fails, which does not matter on a sealed machine, and for a config that changes the machine
	// before the root is mounted: that work must wait for the disks anyway.
	lastLook = 10 * time.Second
	// blankLook is for a config that makes the root: there may be none yet.
	blankLook = 2 * time.Second
)

// patience returns how long the stage that acquires the config waits for the root when it is done, to find out whether the machine
// was provisioned before. Programs of the distribution that read the cached config depend on the answer.
func (r *run) patience(c *types.Config, failed error) time.Duration {
	device, _, _ := r.rootDevice()
	early := len(c.KernelArguments.ShouldExist)+len(c.KernelArguments.ShouldNotExist)+
		len(c.Storage.Disks)+len(c.Storage.Raid)+len(c.Storage.Luks)+len(c.Storage.Filesystems) > 0
	switch {
	case failed == nil && !early:
		return 0
	case failed == nil && makes(c, device):
		return blankLook
	}
	return lastLook
}

// lookAgain is the pause after a look that gave no answer.
const lookAgain = time.Second

// watch looks for the seal while a stage waits for its config, and cancels the context when it finds one. The stage passes its
// error to stop, which returns errSealed if there is a seal.
func (r *run) watch(ctx context.Context) (watched context.Context, stop func(failed error, patience time.Duration) error) {
	watched, cancel := context.WithCancel(ctx)
	device, _, _ := r.rootDevice()
	if r.elsewhere() || r.progress.Unsealed || device == "" {
		return watched, func(failed error, _ time.Duration) error { cancel(); return failed }
	}
	waiting, end := context.WithCancel(ctx)
	done := make(chan struct{})
	var found *seal.Seal
	var known bool
	go func() {
		defer close(done)
		var looked time.Time
		r.host.Appear(waiting, func() bool {
			if sys.IsBlockDevice(device) && time.Since(looked) > lookAgain {
				found, known, _ = r.look(ctx) // not canceled: an interrupted mount would stay
				looked = time.Now()
			}
			return known
		})
		if found != nil {
			cancel()
		}
	}()
	return watched, func(failed error, patience time.Duration) error {
		if patience == 0 {
			end()
		}
		time.AfterFunc(patience, end)
		<-done
		end()
		cancel()
		if !known {
			return failed
		}
		if _, err := r.keep(found); err != nil || found == nil {
			return errors.Join(failed, err)
		}
		return errSealed
	}
}
