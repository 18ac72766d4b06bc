// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// Relabel sets the SELinux labels of places, of directories with their contents. It does not follow links.
type Relabel struct {
	Policy string   `json:"policy"`          // its name, as in SELINUXTYPE of selinux_config(5)
	Paths  []string `json:"paths"`           // resolved; those that do not exist are left out
	Units  []string `json:"units,omitempty"` // the links that enable these are labeled, too
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
