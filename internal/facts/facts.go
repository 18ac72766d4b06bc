// SPDX-License-Identifier: Apache-2.0

// Package facts describes a machine in plain values, as far as planning needs to know it.
//
// It reads nothing and changes nothing: package observe fills these values, package plan decides on
// them, and every operation of package op states its effect on them. The invariant: facts can be written
// as JSON and read back unchanged, so that a plan can be rebuilt, byte for byte, from what was once seen.
// They hold no secret: no file contents, no password hashes, no keys.
package facts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Facts is what is known of the machine at one moment. A section that was not looked at is nil.
type Facts struct {
	Block *Block `json:"block,omitempty"` // disks stage: block devices and what is on them
	Tree  *Tree  `json:"tree,omitempty"`  // files stage: the target root

	Accounts *Accounts `json:"accounts,omitempty"` // files stage: users and groups
	Units    *Units    `json:"units,omitempty"`    // files stage: units of systemd
	Volumes  Volumes   `json:"volumes,omitempty"`  // files stage: encrypted volumes
}

// Digest returns the hex SHA-256 of the facts' JSON form; equal facts have equal digests.
func (f Facts) Digest() (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("encode facts: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Clone returns a deep copy, for operations to state their effects on.
func (f Facts) Clone() (Facts, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return Facts{}, fmt.Errorf("encode facts: %w", err)
	}
	var c Facts
	if err := json.Unmarshal(text, &c); err != nil {
		return Facts{}, fmt.Errorf("decode facts: %w", err)
	}
	return c, nil
}
