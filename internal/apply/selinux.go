// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

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
