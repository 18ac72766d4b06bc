// SPDX-License-Identifier: Apache-2.0

// Package facts describes a machine in plain values, as far as planning needs to know it.
//
// It reads nothing and changes nothing: package ask says what is needed, package observe fills it in, package plan decides on
// it, and every operation of package op states its effect on it. The invariant: facts survive JSON unchanged, so that a machine
// can be captured in one place and planned for in another. They hold no secret: no file contents, no password hashes, no keys.
package facts

import (
	"encoding/json"
	"fmt"
)

// Facts is what is known of the machine at one moment. A section that was not looked at is nil.
type Facts struct {
	// Programs says whether a helper program is in the search path.
	Programs map[string]bool `json:"programs,omitempty"`
	Block    *Block          `json:"block,omitempty"` // block devices, what they hold, what is mounted
	Tree     *Tree           `json:"tree,omitempty"`  // the target root
	Accounts *Accounts       `json:"accounts,omitempty"`
	Units    *Units          `json:"units,omitempty"`
	SELinux  *SELinux        `json:"selinux,omitempty"`
	Handover *Handover       `json:"handover,omitempty"`
	// Sealed is when the machine was provisioned, in RFC 3339; empty: it was not, or that is not known. A boot of a sealed
	// machine does nothing.
	Sealed string `json:"sealed,omitempty"`
	// Root is what is known of the root filesystem before it is mounted; nil: it is mounted.
	Root *Root `json:"root,omitempty"`
}

// Root is the root filesystem before it is mounted.
type Root struct {
	Device string `json:"device,omitempty"` // path
	// Unknown is why, for people, the tree on it is not known; empty: the tree is known.
	Unknown string `json:"unknown,omitempty"`
}

// Clone returns a deep copy, for operations to state their effects on.
func (f Facts) Clone() (Facts, error) {
	tree := f.Tree.clone()
	f.Tree = nil
	text, err := json.Marshal(f)
	if err != nil {
		return Facts{}, fmt.Errorf("encode facts: %w", err)
	}
	var c Facts
	if err := json.Unmarshal(text, &c); err != nil {
		return Facts{}, fmt.Errorf("decode facts: %w", err)
	}
	c.Tree = tree
	return c, nil
}
