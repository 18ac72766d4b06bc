// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"path"
	"strings"
)

// Tree is what is known of the places in the target root that a config is about.
type Tree struct {
	// Resolved maps paths of the config to the places that they lead to, as in a chroot, the last component not
	// followed. Paths that lead to themselves have no entry.
	Resolved map[string]string `json:"resolved,omitempty"`
	// Nodes maps resolved places to what is there; where nothing is, there is no entry.
	Nodes map[string]Node `json:"nodes,omitempty"`
	// Missing maps resolved directories that are missing on the way to a place to the topmost one of them.
	Missing map[string]string `json:"missing,omitempty"`
	// Unreachable maps paths of the config that lead nowhere to the reason, such as links in a circle.
	Unreachable map[string]string `json:"unreachable,omitempty"`
}

// Node is what is at one place.
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

// Put states that a node is at a resolved place now, and with that that its parents are directories.
func (t *Tree) Put(place string, n Node) {
	t.Drop(place)
	if t.Nodes == nil {
		t.Nodes = map[string]Node{}
	}
	t.Nodes[place] = n
}

// Drop states that nothing is at a resolved place any more, nor below it.
func (t *Tree) Drop(place string) {
	if n, ok := t.Nodes[place]; !ok || n.Type != "directory" {
		delete(t.Nodes, place)
		return
	}
	for p := range t.Nodes {
		if p == place || strings.HasPrefix(p, strings.TrimSuffix(place, "/")+"/") {
			delete(t.Nodes, p)
		}
	}
}

// Blocked returns the nearest parent of a resolved place that is there and not a directory, or "".
func (t *Tree) Blocked(place string) string {
	for dir := path.Dir(place); dir != "/"; dir = path.Dir(dir) {
		if n, ok := t.Nodes[dir]; ok && n.Type != "directory" {
			return dir
		} else if ok {
			return ""
		}
	}
	return ""
}
