// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// writeVolumeKey writes a key that an earlier stage has left as a data URL.
func writeVolumeKey(ctx context.Context, m *Machine, o op.WriteVolumeKey) error {
	dir := path.Dir(o.Path)
	info, err := m.Root.Lstat(dir)
	if err != nil {
		return err
	}
	if info.Type == rootfs.None {
		if err := parents(m, dir); err != nil {
			return err
		}
		if err := m.Root.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	key := m.State.LuksKeys[o.Name]
	return create(m, o.Place, op.Owner{}, 0o600, func(w io.Writer) error {
		return m.fetch(ctx, types.Resource{Source: &key}, w)
	})
}

func recoverVolumeKey(_ context.Context, m *Machine, o op.WriteVolumeKey) (Outcome, error) {
	return recoverNode(m, o.Place)
}

func addCrypttab(_ context.Context, m *Machine, o op.AddCrypttab) error {
	text, err := readConfig(m.Root, o.Path)
	if err != nil {
		return err
	}
	if err := addLines(m.Root, o.Path, text, o.Lines, 0o600); err != nil {
		return err
	}
	return m.Root.Chmod(o.Path, 0o600)
}

func writeStateFile(ctx context.Context, m *Machine, o op.WriteStateFile) error {
	if o.Key != "" {
		content := m.State.LuksVolumeKeys[o.Key]
		return create(m, o.Place, op.Owner{}, o.Mode, func(w io.Writer) error {
			return m.fetch(ctx, types.Resource{Source: &content}, w)
		})
	}
	f := m.State.ProviderFiles[o.File]
	if f.Mode != nil {
		o.Mode = *f.Mode
	}
	return create(m, o.Place, op.Owner{}, o.Mode, func(w io.Writer) error { return m.fetch(ctx, f.Contents, w) })
}

// SetLabels sets the SELinux labels of places that exist in the target root, directories with all that is in them.
func SetLabels(ctx context.Context, m *Machine, policy string, paths ...string) error {
	return relabel(ctx, m, op.Relabel{Policy: policy, Paths: paths})
}

// relabel has setfiles(8) label all places that exist, in one call.
func relabel(ctx context.Context, m *Machine, o op.Relabel) error {
	var list strings.Builder
	root := strings.TrimSuffix(m.Root.Name(), "/")
	for _, name := range o.Paths {
		place, err := m.Root.Resolve(name)
		if err != nil {
			return err
		}
		info, err := m.Root.Lstat(place)
		if err != nil {
			return err
		}
		if info.Type == rootfs.Symlink { // of a home directory: what it leads to
			list.WriteString(root + place + "\x00")
			if place, err = m.Root.Follow(place); err != nil {
				return err
			}
			if info, err = m.Root.Lstat(place); err != nil {
				return err
			}
		}
		if info.Type != rootfs.None {
			list.WriteString(root + place + "\x00")
		}
	}
	if list.Len() == 0 {
		return nil
	}
	contexts := root + "/etc/selinux/" + o.Policy + "/contexts/files/file_contexts"
	_, err := m.Sys.Run(ctx, sys.Command{
		Name: "setfiles", Args: []string{"-vF0", "-r", m.Root.Name(), contexts, "-f", "-"}, Stdin: []byte(list.String()),
	})
	return err
}

// SELinuxPolicy returns the name of the target's policy (selinux_config(5)), or "" if the target does without SELinux.
func SELinuxPolicy(root *rootfs.Root) (string, error) {
	const config = "/etc/selinux/config"
	place, err := root.Follow(config)
	if err != nil {
		return "", err
	}
	text, err := readConfig(root, place)
	if err != nil || text == "" {
		return "", err
	}
	for line := range strings.Lines(text) {
		if policy, ok := strings.CutPrefix(strings.TrimSpace(line), "SELINUXTYPE="); ok {
			policy = strings.TrimSpace(policy)
			if policy != "" && path.Base(policy) == policy && policy != ".." {
				return policy, nil
			}
		}
	}
	return "", fmt.Errorf("find the SELinux policy: %s of the target has no SELINUXTYPE; "+
		"an engine for systems without SELinux is built with relabelling off", config)
}
