// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Tree is what is known of the places in the target root that a config is about.
type Tree struct {
	// Resolved maps paths of the config to the places that they lead to, as in a chroot; the last component is not followed.
	// Paths that lead to themselves have no entry.
	Resolved map[string]string `json:"resolved,omitempty"`
	// Nodes maps resolved places to their nodes; an empty place has no entry.
	Nodes map[string]Node `json:"nodes,omitempty"`
	// Missing maps resolved directories that are missing on the way to a place to the topmost one of them.
	Missing map[string]string `json:"missing,omitempty"`
	// Unreachable maps paths of the config that lead to no place to the reason, such as links in a circle.
	Unreachable map[string]string `json:"unreachable,omitempty"`
	// Asked has every path that was looked at; the value says whether its content was looked at, too.
	Asked map[string]bool `json:"asked,omitempty"`
	// Below maps resolved directories of which everything was asked for to the paths below them, relative and sorted.
	Below map[string][]string `json:"below,omitempty"`
	// Hidden are the mount points of filesystems with unknown contents: nothing is known of what lies below.
	Hidden []string `json:"hidden,omitempty"`

	index *index // of Nodes; nil: none yet
}

// clone returns a deep copy without a detour through JSON: a tree may have tens of thousands of places.
func (t *Tree) clone() *Tree {
	if t == nil {
		return nil
	}
	c := *t
	c.index = nil
	for _, m := range []*map[string]string{&c.Resolved, &c.Missing, &c.Unreachable} {
		*m = maps.Clone(*m)
	}
	c.Nodes, c.Asked, c.Below, c.Hidden = maps.Clone(t.Nodes), maps.Clone(t.Asked), maps.Clone(t.Below), slices.Clone(t.Hidden)
	for dir, paths := range c.Below {
		c.Below[dir] = slices.Clone(paths)
	}
	return &c
}

// Prepare makes the maps that observing fills.
func (t *Tree) Prepare() {
	for _, m := range []*map[string]string{&t.Resolved, &t.Missing, &t.Unreachable} {
		if *m == nil {
			*m = map[string]string{}
		}
	}
	if t.Nodes == nil {
		t.Nodes = map[string]Node{}
	}
	if t.Asked == nil {
		t.Asked = map[string]bool{}
	}
	if t.Below == nil {
		t.Below = map[string][]string{}
	}
}

// Knows reports whether a question about a place is answered.
func (t *Tree) Knows(q NodeQuestion) bool {
	if t == nil {
		return false
	}
	content, asked := t.Asked[q.Path]
	return asked && (content || !q.Content)
}

// Hides reports whether a place lies on a filesystem with unknown contents.
func (t *Tree) Hides(place string) bool {
	return t != nil && slices.ContainsFunc(t.Hidden, func(point string) bool { return Within(place, point) })
}

// Within reports whether a path is a directory or lies below it.
func Within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// Mounted states that a filesystem is now mounted on a place. The filesystem is empty or, if its contents are not known, hides
// what is below.
func (t *Tree) Mounted(place string, empty bool) {
	t.Put(place, Node{Type: "directory", Mode: 0o755})
	for _, p := range t.AtOrBelow(place) {
		if p != place {
			t.remove(p)
		}
	}
	for _, stale := range []map[string]string{t.Missing, t.Resolved, t.Unreachable} {
		maps.DeleteFunc(stale, func(p, _ string) bool { return Within(p, place) })
	}
	if !empty {
		t.Hidden = append(t.Hidden, place)
	}
}

// Node is a file, directory, link or other node; the zero Node is none.
type Node struct {
	Type   string `json:"type"`           // "file", "directory", "link", "other"
	Mode   int    `json:"mode,omitempty"` // permissions and special bits
	UID    int    `json:"uid,omitempty"`  // owner
	GID    int    `json:"gid,omitempty"`
	Target string `json:"target,omitempty"` // of a link
	Size   int64  `json:"size,omitempty"`   // bytes, of a file that is to be appended to
	Digest string `json:"digest,omitempty"` // hex SHA-256 of such a file
	Inode  string `json:"inode,omitempty"`  // device and inode, of ends of hard links
}

// Place returns the resolved place of a path.
func (t *Tree) Place(name string) string {
	if r, ok := t.Resolved[name]; ok {
		return r
	}
	return name
}

// Put states that a resolved place holds a node now.
func (t *Tree) Put(place string, n Node) {
	t.Drop(place)
	t.set(place, n)
}

// Drop states that a resolved place is empty now, and so is everything below it.
func (t *Tree) Drop(place string) {
	if n, ok := t.Nodes[place]; !ok || n.Type != "directory" {
		t.remove(place)
		return
	}
	for _, p := range t.AtOrBelow(place) {
		t.remove(p)
	}
}

// maxLinks is how many links one path may lead through (path_resolution(7)).
const maxLinks = 40

// Final returns the resolved place that a path leads to. Links in its last component are followed as far as they are known.
func (t *Tree) Final(name string) string {
	place := path.Clean(name)
	if t == nil {
		return place
	}
	place = t.Place(place)
	for range maxLinks {
		n, dir := t.Nodes[place], path.Dir(place)
		if n.Type != "link" {
			break
		}
		if path.IsAbs(n.Target) {
			dir = "/"
		}
		place = t.Place(path.Join(dir, n.Target))
	}
	return place
}

// At returns what is known of a path of the config.
func (t *Tree) At(name string) Node { return t.Nodes[t.Place(path.Clean(name))] }

// Copy states that everything below one resolved place exists below another as well, with an owner; FIFOs, sockets and devices
// are not copied. Everything below the first must have been asked for.
func (t *Tree) Copy(from, to string, uid, gid int) {
	for _, rest := range t.Below[from] {
		n := t.Nodes[path.Join(from, rest)]
		if n.Type == "other" {
			continue
		}
		n.UID, n.GID, n.Inode = uid, gid, ""
		if Within(n.Target, from) { // links into the first lead into the copy
			n.Target = path.Join(to, n.Target[len(from):])
		}
		t.set(path.Join(to, rest), n)
	}
}

// Move states that a resolved place is now at another path.
func (t *Tree) Move(from, to string) {
	for _, p := range slices.Sorted(slices.Values(t.AtOrBelow(from))) {
		n := t.Nodes[p]
		t.remove(p)
		t.set(path.Join(to, p[len(from):]), n)
	}
}

// Blocked returns the nearest existing parent of a resolved place if it is not a directory, or "".
func (t *Tree) Blocked(place string) string {
	if dir, n := t.Near(place); n.Type != "" && n.Type != "directory" {
		return dir
	}
	return ""
}

// Writable reports whether a user may make entries in an existing directory, by owner, mode, and the modes of the directories
// above that are known. The group's rights count as the user's: which groups the user is in does not matter here.
func (t *Tree) Writable(dir string, uid int) bool {
	allowed := func(n Node, owner, others int) bool {
		return uid == 0 || n.Mode&others != 0 || n.UID == uid && n.Mode&owner != 0
	}
	n, known := t.Nodes[dir]
	if !known {
		return uid == 0
	}
	ok := allowed(n, 0o200, 0o022)
	for ; ok && dir != "/" && dir != "."; dir = path.Dir(dir) {
		if n, known := t.Nodes[dir]; known {
			ok = allowed(n, 0o100, 0o011)
		}
	}
	return ok
}

// Near returns the nearest parent of a resolved place that is known to exist, or "/"; of a relative path, ".".
func (t *Tree) Near(place string) (string, Node) {
	dir := path.Dir(place)
	for ; dir != "/" && dir != "."; dir = path.Dir(dir) {
		if n, ok := t.Nodes[dir]; ok {
			return dir, n
		}
	}
	return dir, Node{}
}
