// SPDX-License-Identifier: Apache-2.0

package types

// Node is what directories, files and links have in common.
type Node struct {
	// Owning group. Ignored for hard links.
	Group Owner `json:"group" since:"3.0"`
	// Whether to remove, recursively, whatever is at the path first.
	Overwrite *bool `json:"overwrite,omitempty" since:"3.0"`
	// Path below the target root, absolute and clean.
	Path string `json:"path" since:"3.0" need:"3.0"`
	// Owning user. Ignored for hard links.
	User Owner `json:"user" since:"3.0"`
}

// Key identifies a node: its path, in one key space over directories, files and links.
func (n Node) Key() string { return n.Path }

// Owner names a user or group by number or by name.
type Owner struct {
	// Numeric id.
	ID *int `json:"id,omitempty" since:"3.0"`
	// Name, looked up in the target; not together with id. An empty name counts as unset.
	Name *string `json:"name,omitempty" since:"3.0"`
}

// Directory is a directory of the target.
type Directory struct {
	Node
	// Permissions, in decimal: 0 to 4095. Unset: 493 (0755), or what an existing directory has. The bits above 511 (0777) count from 3.6.0.
	Mode *int `json:"mode,omitempty" since:"3.0"`
}

// File is a regular file of the target.
type File struct {
	Node
	// Fragments that are appended in order. Never keyed; repeats are allowed. A fragment without source adds nothing.
	Append []Resource `json:"append,omitempty" since:"3.0" list:"append"`
	// Contents. Without a source an existing file is kept, else an empty one is made.
	Contents Resource `json:"contents" since:"3.0"`
	// Permissions, in decimal: 0 to 4095. Unset: 420 (0644), or what a kept file has. The bits above 511 (0777) count from 3.6.0.
	Mode *int `json:"mode,omitempty" since:"3.0"`
}

// Link is a symbolic or hard link of the target.
type Link struct {
	Node
	// Whether it is a hard link.
	Hard *bool `json:"hard,omitempty" since:"3.0"`
	// Target of the link.
	Target *string `json:"target,omitempty" since:"3.0" need:"3.3"`
}
