// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// mounts returns what is mounted below the target root; the last filesystem of several on one mount point.
func (m Machine) mounts(q *facts.Questions, f *facts.Facts) error {
	if !q.Mounts {
		return nil
	}
	all, err := m.System.Mounts()
	if err != nil {
		return err
	}
	if f.Block == nil {
		f.Block = &facts.Block{}
	}
	f.Block.Mounts = map[string]string{}
	for _, mount := range all {
		if inside, ok := below(m.Root.Name(), mount.Point); ok {
			f.Block.Mounts[inside] = mount.Source
		}
	}
	return nil
}

// below returns a path as seen from a root that contains it.
func below(root, path string) (string, bool) {
	root = strings.TrimSuffix(filepath.Clean(root), "/")
	rest, ok := strings.CutPrefix(path, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return filepath.Clean("/" + rest), true
}
