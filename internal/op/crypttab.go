// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// WriteVolumeKey writes the key file of an encrypted volume. Only root can read the file and its directory.
type WriteVolumeKey struct {
	Place
	Name string `json:"name"` // of the volume, whose key an earlier stage has left
	Key  Handle `json:"key"`
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

// AddCrypttab adds lines to crypttab(5), which only root can read.
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
