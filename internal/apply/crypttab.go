// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"io"
	"path"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// writeVolumeKey writes a key that an earlier stage left.
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
	return create(m, o.Place, op.Owner{}, 0o600, func(w io.Writer) error { return m.fetch(ctx, o.Key, w) })
}

func recoverVolumeKey(ctx context.Context, m *Machine, o op.WriteVolumeKey) (Outcome, error) {
	return recoverText(m, o.Place, func(w io.Writer) error { return m.fetch(ctx, o.Key, w) })
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
