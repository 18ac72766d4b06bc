// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// WriteVolumeKey writes the key file of an encrypted volume, for root alone.
type WriteVolumeKey struct {
	Place
	Name string `json:"name"` // of the volume, whose key an earlier stage has left
}

// Kind implements Op.
func (WriteVolumeKey) Kind() Kind { return "write-volume-key" }

// Describe implements Op.
func (o WriteVolumeKey) Describe() string {
	return "write key of encrypted volume " + o.Name + " to " + o.Path
}

// Predict implements Op.
func (o WriteVolumeKey) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, facts.Node{Type: "file", Mode: 0o600})
}

// AddCrypttab adds lines to crypttab(5), for root alone.
type AddCrypttab struct {
	Place
	Lines []string `json:"lines"`
}

// Kind implements Op.
func (AddCrypttab) Kind() Kind { return "add-crypttab" }

// Describe implements Op.
func (o AddCrypttab) Describe() string {
	return fmt.Sprintf("add %d volumes to %s", len(o.Lines), o.Path)
}

// Predict implements Op.
func (o AddCrypttab) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, facts.Node{Type: "file", Mode: 0o600})
}

// WriteStateFile writes a file that an earlier stage has left, with its content, for the target root: of a crypto
// card or of the platform.
type WriteStateFile struct {
	Place
	Key  string `json:"key,omitempty"` // of the card's file in the state; empty: the platform's file
	File int    `json:"file"`
	Mode int    `json:"mode"`
}

// Kind implements Op.
func (WriteStateFile) Kind() Kind { return "write-state-file" }

// Describe implements Op.
func (o WriteStateFile) Describe() string { return "write " + o.Path }

// Predict implements Op.
func (o WriteStateFile) Predict(f *facts.Facts) {
	f.Tree.Put(o.Path, facts.Node{Type: "file", Mode: o.Mode})
}

// Relabel sets the SELinux labels of places, of directories with all that is in them.
type Relabel struct {
	Policy string   `json:"policy"` // its name, as in SELINUXTYPE of selinux_config(5)
	Paths  []string `json:"paths"`  // as the config has them; those that do not exist are left out
}

// Kind implements Op.
func (Relabel) Kind() Kind { return "relabel" }

// Describe implements Op.
func (o Relabel) Describe() string {
	return fmt.Sprintf("set SELinux labels of %d places", len(o.Paths))
}

// Touches implements Op.
func (Relabel) Touches() []Resource { return []Resource{"labels:"} }

// Predict implements Op.
func (Relabel) Predict(*facts.Facts) {}
