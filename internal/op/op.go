// SPDX-License-Identifier: Apache-2.0

// Package op holds the operations that a plan is made of, as data.
//
// An operation says what to do to what. It does nothing itself (package apply does) and decides nothing (package plan did). The
// invariant: an operation is plain data and holds everything needed to carry it out, except secrets, for which it holds handles.
// Its JSON form identifies it, and it states its whole effect on the facts.
package op

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A Kind names a type of operation, verb first: "write-file".
type Kind string

// A Resource is something that two operations must not touch at the same time, such as "disk:/dev/vda",
// "path:/etc/motd" or "accounts". The part before the colon is its class.
type Resource string

// An Op is one operation.
type Op interface {
	// Kind returns the type, which selects the handler that carries out the operation.
	Kind() Kind
	// Describe returns one line about what is done to what, verb first, without secrets. Plans show it, and the log has it.
	Describe() string
	// Touches lists the resources that the operation changes. Operations that touch one resource are carried
	// out in the order of the plan.
	Touches() []Resource
	// Predict applies the operation's effect to the facts.
	Predict(*facts.Facts)
}

// A StepID identifies a step over runs: the digest of kind, operation and ordinal among equals, in hex.
type StepID string

// A Step is an operation in a plan.
type Step struct {
	ID     StepID     `json:"id"`
	Op     Op         `json:"op"`
	After  []int      `json:"after,omitempty"` // indexes of earlier steps that must be done before
	Path   string     `json:"path"`            // the part of the config that asks for it: "$.storage.files.0"
	Origin diag.Place `json:"origin"`          // where that stands
	Reason string     `json:"reason,omitempty"`
}

// ID returns the identity of the n-th (from 0) of several equal operations: the same fragment may be
// appended twice on purpose.
func ID(o Op, n int) (StepID, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("identify %s: %w", o.Kind(), err)
	}
	whole := make([]byte, 0, len(text)+64)
	whole = append(append(whole, o.Kind()...), '\n')
	whole = append(strconv.AppendInt(whole, int64(n), 10), '\n')
	sum := sha256.Sum256(append(whole, text...))
	return StepID(hex.EncodeToString(sum[:16])), nil
}
