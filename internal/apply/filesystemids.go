// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// filesystems finds out which filesystems steps write to.
type filesystems struct {
	root  *rootfs.Root
	known map[string]string // by directory
}

// of identifies the filesystems that an operation writes to. Without a target root there are none.
func (f filesystems) of(o op.Op) (string, error) {
	if f.root == nil {
		return "", nil
	}
	var ids []string
	for _, r := range o.Touches() {
		place, is := strings.CutPrefix(string(r), op.PathClass)
		if r == op.Accounts {
			place, is = string(account.Passwd), true
		}
		if !is {
			continue
		}
		id, err := f.at(place)
		if err != nil {
			return "", err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, " "), nil
}

func (f filesystems) at(place string) (string, error) {
	dir := path.Dir(place)
	if id, ok := f.known[dir]; ok {
		return id, nil
	}
	resolved, err := f.root.Follow(dir)
	if err != nil {
		return "", err
	}
	id, err := f.root.Identity(path.Join(resolved, path.Base(place)))
	if err == nil {
		f.known[dir] = id
	}
	return id, err
}
