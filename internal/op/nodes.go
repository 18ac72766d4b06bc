// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// Place is where a node is in the target root, and whether it replaces an existing one. Path is resolved: none of its components
// is a link.
type Place struct {
	Path    string `json:"path"`
	Replace bool   `json:"replace,omitempty"` // the existing node is removed, a directory with its contents
}

// PathClass is the class of resources that are places in the target root.
const PathClass = "path:"

// PlaceResource is the resource of a resolved place in the target root.
func PlaceResource(place string) Resource { return Resource(PathClass + place) }

// Target returns the path.
func (p Place) Target() Place { return p }

// Touches implements Op.
func (p Place) Touches() []Resource { return []Resource{PlaceResource(p.Path)} }

func (p Place) over() string {
	if p.Replace {
		return " in place of the existing one"
	}
	return ""
}

// Owner is the owner to set on a node; -1 leaves the user or the group as it is.
type Owner struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// NoMode leaves permissions as they are.
const NoMode = -1

// on returns a node with owner and mode set as far as they are asked for.
func (o Owner) on(n facts.Node, mode int) facts.Node {
	if o.UID != -1 {
		n.UID = o.UID
	}
	if o.GID != -1 {
		n.GID = o.GID
	}
	if mode != NoMode {
		n.Mode = mode
	}
	return n
}

// attributes describes owner and mode as far as they are set.
func attributes(o Owner, mode int) string {
	var parts []string
	if o.UID > 0 {
		parts = append(parts, fmt.Sprintf("user %d", o.UID))
	}
	if o.GID > 0 {
		parts = append(parts, fmt.Sprintf("group %d", o.GID))
	}
	if mode != NoMode {
		parts = append(parts, fmt.Sprintf("mode %#o", mode))
	}
	if len(parts) == 0 {
		return ""
	}
	return " with " + strings.Join(parts, ", ")
}

// MakeDirectory makes a directory, or sets owner and mode of an existing one.
type MakeDirectory struct {
	Place
	Exists bool  `json:"exists,omitempty"`
	Owner  Owner `json:"owner"`
	Mode   int   `json:"mode"` // or NoMode
}

// Kind implements Op.
func (MakeDirectory) Kind() Kind { return "make-directory" }

// Describe implements Op.
func (o MakeDirectory) Describe() string {
	verb := "make directory "
	if o.Exists {
		verb = "keep directory "
	}
	return verb + o.Path + attributes(o.Owner, o.Mode) + o.over()
}

// Predict implements Op.
func (o MakeDirectory) Predict(f *facts.Facts) {
	if !o.Exists {
		f.Tree.Put(o.Path, facts.Node{Type: "directory", Mode: 0o755})
	}
	if n, ok := f.Tree.Nodes[o.Path]; ok {
		f.Tree.Nodes[o.Path] = o.Owner.on(n, o.Mode)
	}
}

// WriteFile makes a regular file from its content, followed by all fragments.
type WriteFile struct {
	Place
	Content   *Content  `json:"content,omitempty"` // nil: none
	Fragments []Content `json:"fragments,omitempty"`
	Owner     Owner     `json:"owner"`
	Mode      int       `json:"mode"` // or NoMode
}

// Kind implements Op.
func (WriteFile) Kind() Kind { return "write-file" }

// Describe implements Op.
func (o WriteFile) Describe() string {
	return "write file " + o.Path + attributes(o.Owner, o.Mode) + o.over()
}

// Predict implements Op.
func (o WriteFile) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, o.Owner.on(facts.Node{Type: "file", Mode: 0o644}, o.Mode))
}

// KeepFile appends the fragments to an existing file and sets its owner and mode.
type KeepFile struct {
	Place
	Fragments []Content `json:"fragments,omitempty"`
	Size      int64     `json:"size"`   // bytes before the fragments; with the digest it shows whether a file is half-appended
	Digest    string    `json:"digest"` // hex SHA-256 of these bytes
	Owner     Owner     `json:"owner"`
	Mode      int       `json:"mode"` // or NoMode
}

// Kind implements Op.
func (KeepFile) Kind() Kind { return "keep-file" }

// Describe implements Op.
func (o KeepFile) Describe() string {
	verb := "keep file "
	switch n := len(o.Fragments); n {
	case 0:
	case 1:
		verb = "append a fragment to file "
	default:
		verb = fmt.Sprintf("append %d fragments to file ", n)
	}
	return verb + o.Path + attributes(o.Owner, o.Mode)
}

// Predict implements Op.
func (o KeepFile) Predict(f *facts.Facts) {
	n := f.Tree.Nodes[o.Path]
	if len(o.Fragments) > 0 {
		n.Size, n.Digest = 0, "" // not known before the fragments are
	}
	f.Tree.Nodes[o.Path] = o.Owner.on(n, o.Mode)
}

// MakeLink makes a symbolic link.
type MakeLink struct {
	Place
	Target string `json:"target"` // the link's text
	Owner  Owner  `json:"owner"`
}

// Kind implements Op.
func (MakeLink) Kind() Kind { return "make-link" }

// Describe implements Op.
func (o MakeLink) Describe() string {
	return "make link " + o.Path + " to " + o.Target + attributes(o.Owner, NoMode) + o.over()
}

// Predict implements Op.
func (o MakeLink) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, o.Owner.on(facts.Node{Type: "link", Target: o.Target, Mode: 0o777}, NoMode))
}

// MakeHardLink gives a node another name.
type MakeHardLink struct {
	Place
	Target string `json:"target"` // in the target root, to be resolved when it is there
}

// Kind implements Op.
func (MakeHardLink) Kind() Kind { return "make-hard-link" }

// Describe implements Op.
func (o MakeHardLink) Describe() string {
	return "make hard link " + o.Path + " to " + path.Clean("/"+o.Target) + o.over()
}

// Predict implements Op.
func (o MakeHardLink) Predict(f *facts.Facts) {
	n := f.Tree.Nodes[f.Tree.Place(path.Clean("/"+o.Target))]
	if n.Type == "" {
		n.Type = "file"
	}
	f.Tree.Put(o.Path, n)
}
