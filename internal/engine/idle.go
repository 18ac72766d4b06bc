// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// idle returns the stages between fetching and files that a config gives nothing to do.
func idle(c *types.Config) []string {
	var all []string
	if len(c.KernelArguments.ShouldExist)+len(c.KernelArguments.ShouldNotExist) == 0 {
		all = append(all, provision.Kargs)
	}
	if len(c.Storage.Disks)+len(c.Storage.Raid)+len(c.Storage.Luks)+len(c.Storage.Filesystems) == 0 {
		all = append(all, provision.Disks)
	}
	if len(c.Storage.Filesystems) == 0 {
		all = append(all, provision.Mount)
	}
	return all
}

// idleDir has a file for each stage that does not run: conditions of the units look for it.
func (r *run) idleDir() string { return filepath.Join(filepath.Dir(r.o.StateFile), "idle") }

// skipIdle has systemd skip the stages that the config gives nothing to do: starting the engine takes longer than finding that out.
// A cloud that wants to hear of every stage hears of every stage.
func (r *run) skipIdle(c *types.Config) error {
	if r.elsewhere() || r.platform.Status != nil {
		return nil
	}
	if err := os.RemoveAll(r.idleDir()); err != nil {
		return fmt.Errorf("forget which stages have nothing to do: %w", err)
	}
	r.progress.Idle = idle(c)
	for _, name := range r.progress.Idle {
		if err := handover.WriteFile(filepath.Join(r.idleDir(), name), nil, 0o644, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// catchUp does the work of skipped stages if the config gives them something to do now: another program has rewritten the cache since.
func (r *run) catchUp(ctx context.Context, c *types.Config) error {
	now := idle(c)
	missed := slices.DeleteFunc(slices.Clone(r.progress.Idle), func(name string) bool { return slices.Contains(now, name) })
	if r.elsewhere() || len(missed) == 0 {
		return nil
	}
	r.log.Warn("the cached config has changed since it was fetched")
	return r.doSkipped(ctx, func(s stage) bool { return slices.Contains(missed, s.name) })
}

// doSkipped does the work of earlier stages that were skipped.
func (r *run) doSkipped(ctx context.Context, skipped func(stage) bool) error {
	for _, s := range stages() {
		if s.seals {
			break
		}
		if s.offline || !skipped(s) { // the stage after the offline one asks the same places
			continue
		}
		missed := *r
		missed.stage = s
		if err := missed.prepareFetch(); err != nil {
			return err
		}
		if err := missed.work(ctx); err != nil {
			return fmt.Errorf("stage %s, which was skipped: %w", s.name, err)
		}
		r.progress = missed.progress
	}
	return nil
}
