// SPDX-License-Identifier: Apache-2.0

package facts

// Tree is what is known of the target root.
type Tree struct {
	// Nodes maps the path of a config entry to what is there, links in its parents resolved within the root.
	Nodes map[string]Node `json:"nodes,omitempty"`
}

// Node is one place in the target root. The zero Type means that nothing is there.
type Node struct {
	Resolved string `json:"resolved"`         // path below the root, links of the parents resolved
	Type     string `json:"type,omitempty"`   // "file", "directory", "link", "other"; empty: absent
	Target   string `json:"target,omitempty"` // of a link
	Size     int64  `json:"size,omitempty"`   // bytes, of a file
}
