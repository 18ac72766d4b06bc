// SPDX-License-Identifier: Apache-2.0

package op

import (
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// mounts is a resource that keeps mounts and unmounts one after another: a mount point may lie in another filesystem that is
// mounted.
const mounts Resource = "mounts"

// Mount mounts a filesystem below the target root.
type Mount struct {
	Device  string   `json:"device"` // as in the config; of a virtiofs share the tag
	Path    string   `json:"path"`   // below the target root
	Format  string   `json:"format"`
	Options []string `json:"options,omitempty"`
	Policy  string   `json:"policy,omitempty"` // of SELinux, for the labels of new directories; empty: none are set
}

// Kind implements Op.
func (Mount) Kind() Kind { return "mount" }

// Describe implements Op.
func (o Mount) Describe() string { return "mount " + o.Device + " (" + o.Format + ") on " + o.Path }

// Touches implements Op.
func (Mount) Touches() []Resource { return []Resource{mounts} }

// Predict implements Op.
func (o Mount) Predict(f *facts.Facts) {
	node, _, ok := f.Block.Lookup(o.Device)
	if !ok {
		node = o.Device
	}
	if f.Block.Mounts == nil {
		f.Block.Mounts = map[string]string{}
	}
	f.Block.Mounts[o.Path] = node
	if f.Tree == nil {
		return
	}
	if f.Handover != nil {
		f.Handover.HomeParts = append(f.Handover.HomeParts, o.missing(f.Tree)...)
	}
	f.Tree.Mounted(o.Path, f.Block.Devices[node].Blank)
}

// missing lists the directories that are made for the mount point, the topmost first.
func (o Mount) missing(t *facts.Tree) []string {
	if t.Nodes[o.Path].Type != "" || o.Path == "/" {
		return nil
	}
	made := []string{o.Path}
	for dir := path.Dir(o.Path); t.Missing[dir] != ""; dir = path.Dir(dir) {
		made = append(made, dir)
	}
	slices.Reverse(made)
	return made
}

// Unmount undoes a mount.
type Unmount struct {
	Path string `json:"path"` // below the target root
}

// Kind implements Op.
func (Unmount) Kind() Kind { return "unmount" }

// Describe implements Op.
func (o Unmount) Describe() string { return "unmount " + o.Path }

// Touches implements Op.
func (Unmount) Touches() []Resource { return []Resource{mounts} }

// Predict implements Op.
func (o Unmount) Predict(f *facts.Facts) { delete(f.Block.Mounts, o.Path) }
