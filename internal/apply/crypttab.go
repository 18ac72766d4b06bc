// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"

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
	return put(m, withMark(m.Root.Create), o.Place, op.Owner{}, 0o600, func(w io.Writer) error { return m.fetch(ctx, o.Key, w) })
}

// recoverVolumeKey recognizes a key by its mark: the disks stage may have made the volume again since, with another key.
func recoverVolumeKey(ctx context.Context, m *Machine, o op.WriteVolumeKey) (Outcome, error) {
	return recoverNode(m, o.Place, func(i rootfs.Info) (bool, error) {
		if marked, err := m.Root.Marked(o.Path); err != nil || marked || i.Type != rootfs.Regular {
			return marked, err
		}
		return isLeaving(m, o.Path, func(w io.Writer) error { return m.fetch(ctx, o.Key, w) })
	})
}

// addCrypttab adds lines. A line that differs only in its UUID is from an earlier run, whose volume does not exist any more.
func addCrypttab(_ context.Context, m *Machine, o op.AddCrypttab) error {
	text, err := readConfig(m.Root, o.Path)
	if err != nil {
		return err
	}
	wanted := map[string]string{}
	for _, l := range o.Lines {
		wanted[withoutUUID(l)] = l
	}
	ours := func(l string) bool { return withoutUUID(l) != "" && wanted[withoutUUID(l)] != "" }
	lines := slices.Collect(strings.Lines(text))
	if slices.ContainsFunc(lines, func(l string) bool { return ours(l) && wanted[withoutUUID(l)] != strings.TrimSuffix(l, "\n") }) {
		text = strings.Join(slices.DeleteFunc(lines, ours), "")
	}
	if err := addLines(m.Root, o.Path, text, o.Lines, 0o600); err != nil {
		return err
	}
	return m.Root.Chmod(o.Path, 0o600)
}

// withoutUUID returns a line of crypttab without the UUID of the volume, or "" if it names no UUID.
func withoutUUID(line string) string {
	f := strings.Fields(line)
	if len(f) < 2 || !strings.HasPrefix(f[1], "UUID=") {
		return ""
	}
	f[1] = "UUID="
	return strings.Join(f, " ")
}
