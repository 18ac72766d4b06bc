// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// mount makes missing directories, mounts, and records what it made: users get the parts that lie in their home directories
// later. SELinux labels are set at once, because the next mount may hide the place.
func mount(ctx context.Context, m *Machine, o op.Mount) error {
	made, err := makeMountPoint(m, o.Path)
	if err != nil {
		return err
	}
	m.Keep.KeepDirectories(made)
	if len(made) > 0 && o.Policy != "" {
		if err := SetLabels(ctx, m, o.Policy, made[0]); err != nil {
			return err
		}
	}
	target := filepath.Join(m.Root.Name(), o.Path)
	if err := m.Sys.Mount(ctx, o.Device, target, o.Format, strings.Join(o.Options, ",")); err != nil {
		return err
	}
	if o.Policy == "" {
		return nil
	}
	if empty, err := isEmpty(target); err != nil || !empty {
		return err
	}
	return SetLabels(ctx, m, o.Policy, o.Path)
}

// makeMountPoint makes the missing directories of a path, which must not lead through a link, and returns them, the topmost
// first.
func makeMountPoint(m *Machine, target string) ([]string, error) {
	var made []string
	at := "/"
	for _, name := range strings.Split(strings.Trim(target, "/"), "/") {
		if name == "" {
			continue
		}
		at = path.Join(at, name)
		info, err := m.Root.Lstat(at)
		switch {
		case err != nil:
			return made, err
		case info.Type == rootfs.None:
			if err := m.Root.Mkdir(at, 0o755); err != nil {
				return made, err
			}
			made = append(made, at)
		case info.Type != rootfs.Directory:
			return made, fmt.Errorf("%s is in the way: only a directory can be mounted on or lead there", at)
		}
	}
	return made, nil
}

// isEmpty reports whether a filesystem that was just mounted holds only what mkfs puts there.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "lost+found" {
			return false, err
		}
	}
	return err == nil, err
}

// unmount follows links as the mount point's own paths do.
func unmount(_ context.Context, m *Machine, o op.Unmount) error {
	resolved, err := m.Root.Follow(o.Path)
	if err != nil {
		return err
	}
	return m.Sys.Unmount(filepath.Join(m.Root.Name(), resolved))
}
