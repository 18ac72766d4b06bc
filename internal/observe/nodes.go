// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// nodes looks at places of the target root.
func (m Machine) nodes(q *facts.Questions, f *facts.Facts) error {
	if len(q.Nodes)+len(q.Trees) == 0 {
		return nil
	}
	if f.Tree == nil {
		f.Tree = &facts.Tree{}
	}
	f.Tree.Prepare()
	v := &visitor{root: m.Root, tree: f.Tree, dirs: map[string]string{}}
	for _, n := range q.Nodes {
		if err := v.visit(n); err != nil {
			return err
		}
		f.Tree.Asked[n.Path] = f.Tree.Asked[n.Path] || n.Content
	}
	for _, name := range q.Trees {
		if err := v.walk(name); err != nil {
			return err
		}
	}
	return nil
}

// visitor looks at places and remembers where directories lead.
type visitor struct {
	root *rootfs.Root
	tree *facts.Tree
	dirs map[string]string
}

func (v *visitor) visit(p facts.NodeQuestion) error {
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

// parents finds where the path to an empty place ends: at a directory in which a component is missing, or at something that is
// not a directory.
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

// look returns the node at a resolved place.
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

// mostBelow bounds how many nodes a directory that is asked for as a whole may hold, at all depths.
const mostBelow = 100_000

// walk looks at everything below a directory. Links are not followed.
func (v *visitor) walk(name string) error {
	v.tree.Asked[name] = true
	top, err := v.root.Follow(name)
	if err != nil {
		return err
	}
	if name != top {
		v.tree.Resolved[name] = top
	}
	below := []string{}
	var descend func(rel string) error
	descend = func(rel string) error {
		names, err := v.root.ReadDir(path.Join(top, rel))
		if err != nil {
			return err
		}
		for _, n := range names {
			inside := path.Join(rel, n)
			if below = append(below, inside); len(below) > mostBelow {
				return fmt.Errorf("look at %s: it holds more than %d files", name, mostBelow)
			}
			node, err := v.look(path.Join(top, inside), true)
			if err != nil {
				return err
			}
			v.tree.Nodes[path.Join(top, inside)] = node
			if node.Type == string(rootfs.Directory) {
				if err := descend(inside); err != nil {
					return err
				}
			}
		}
		return nil
	}
	n, err := v.look(top, false)
	if err != nil {
		return err
	}
	if n.Type != "" {
		v.tree.Nodes[top] = n
	}
	if n.Type == string(rootfs.Directory) {
		if err := descend(""); err != nil {
			return err
		}
	}
	slices.Sort(below)
	v.tree.Below[top] = below
	return nil
}
