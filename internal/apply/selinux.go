// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// SetLabels sets the SELinux labels of existing places in the target root, of directories with their contents. It does not
// follow links in the last component.
func SetLabels(ctx context.Context, m *Machine, policy string, paths ...string) error {
	return relabel(ctx, m, op.Relabel{Policy: policy, Paths: paths})
}

// relabel has setfiles(8) label all existing places in one call.
func relabel(ctx context.Context, m *Machine, o op.Relabel) error {
	var list strings.Builder
	root := strings.TrimSuffix(m.Root.Name(), "/")
	for _, name := range append(enabledLinks(m.Root, o.Units), o.Paths...) {
		place, err := m.Root.Resolve(name)
		if err != nil {
			return err
		}
		info, err := m.Root.Lstat(place)
		if err != nil {
			return err
		}
		if info.Type != rootfs.None {
			list.WriteString(literal(root+place) + "\x00")
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

// literal keeps setfiles(8) from taking a path as a pattern (glob(7)): escaped names of units have backslashes.
func literal(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if strings.IndexByte(`\*?[{}`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// enabledLinks returns the links that enable units, and the directories that hold only such links: if such a directory was
// missing, it holds only them now. It returns all links, because it is not known which of them an interrupted run made.
func enabledLinks(root *rootfs.Root, names []string) (all []string) {
	units := unit.Read(root)
	for _, name := range names {
		e, _ := units.Enable(name) // what could not be enabled was reported then
		for _, l := range e.Links {
			all = append(all, l.Path)
		}
	}
	links := all
	for _, l := range links {
		dir := path.Dir(l)
		place, err := root.Follow(dir)
		if err != nil {
			continue
		}
		there, err := root.ReadDir(place)
		if err == nil && !slices.ContainsFunc(there, func(name string) bool { return !slices.Contains(links, path.Join(dir, name)) }) {
			all = append(all, place)
		}
	}
	return all
}
