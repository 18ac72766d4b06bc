// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// nodes looks at all places of the target root that the config is about.
func nodes(_ context.Context, env Env, doc config.Document, f *facts.Facts) error {
	v := &visitor{root: env.Root, tree: &facts.Tree{
		Resolved: map[string]string{}, Nodes: map[string]facts.Node{}, Missing: map[string]string{}, Unreachable: map[string]string{},
	}, dirs: map[string]string{}}
	f.Tree = v.tree
	for _, p := range plan.Places(&doc.Config) {
		if err := v.visit(p); err != nil {
			return err
		}
	}
	for _, name := range env.StateFiles {
		if err := v.visit(plan.Place{Path: name}); err != nil {
			return err
		}
	}
	return nil
}

// visitor looks at places and remembers what directories lead to.
type visitor struct {
	root *rootfs.Root
	tree *facts.Tree
	dirs map[string]string
}

func (v *visitor) visit(p plan.Place) error {
	place, err := v.resolve(p.Path)
	if errors.Is(err, rootfs.ErrLoop) {
		v.tree.Unreachable[p.Path] = err.Error()
		return nil
	} else if err != nil {
		return err
	}
	if place != p.Path {
		v.tree.Resolved[p.Path] = place
	}
	if _, known := v.tree.Missing[path.Dir(place)]; known {
		return nil
	}
	if n, known := v.tree.Nodes[place]; known && (!p.Content || n.Digest != "") {
		return nil
	}
	n, err := v.look(place, p.Content)
	if err != nil {
		return err
	}
	if n.Type != "" {
		v.tree.Nodes[place] = n
		return nil
	}
	return v.parents(place)
}

// resolve resolves a path, each directory of the config once.
func (v *visitor) resolve(name string) (string, error) {
	dir, base := path.Dir(name), path.Base(name)
	if name == "/" {
		return name, nil
	}
	resolved, ok := v.dirs[dir]
	if !ok {
		var err error
		if resolved, err = v.root.Follow(dir); err != nil {
			return "", err
		}
		v.dirs[dir] = resolved
	}
	return path.Join(resolved, base), nil
}

// parents finds out where the way to a place that is empty ends: at a directory in which something is missing, or
// at something that is not a directory.
func (v *visitor) parents(place string) error {
	top := ""
	var missing []string
	for dir := path.Dir(place); dir != "/"; dir = path.Dir(dir) {
		if _, known := v.tree.Nodes[dir]; known {
			break
		}
		if known, ok := v.tree.Missing[dir]; ok {
			top = known
			break
		}
		n, err := v.look(dir, false)
		if err != nil {
			return err
		}
		if n.Type != "" {
			v.tree.Nodes[dir] = n
			break
		}
		missing, top = append(missing, dir), dir
	}
	for _, dir := range missing {
		v.tree.Missing[dir] = top
	}
	return nil
}

// look tells what is at a resolved place.
func (v *visitor) look(place string, content bool) (facts.Node, error) {
	info, err := v.root.Lstat(place)
	if err != nil || info.Type == rootfs.None {
		return facts.Node{}, err
	}
	n := facts.Node{Type: string(info.Type), Mode: int(info.Mode), UID: info.UID, GID: info.GID}
	switch {
	case info.Type == rootfs.Symlink:
		if n.Target, err = v.root.Readlink(place); err != nil {
			return n, err
		}
		fallthrough
	case info.Links > 1 && info.Type != rootfs.Directory:
		n.Inode = fmt.Sprintf("%d:%d", info.Dev, info.Ino)
	}
	if content && info.Type == rootfs.Regular {
		n.Size = info.Size
		n.Digest, err = v.root.Digest(place, info.Size)
	}
	return n, err
}

// exists turns an error for something that is not there into false.
func exists(err error) (bool, error) {
	if errors.Is(err, errNotExist) {
		return false, nil
	}
	return err == nil, err
}
