// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// SetKernelArguments has the distribution's helper make kernel arguments present and absent. The helper reboots the
// machine itself if something had to change.
type SetKernelArguments struct {
	Present []string `json:"present,omitempty"` // each may hold several words, which then stand together
	Absent  []string `json:"absent,omitempty"`
}

// Kind implements Op.
func (SetKernelArguments) Kind() Kind { return "set-kernel-arguments" }

// Describe implements Op.
func (o SetKernelArguments) Describe() string {
	var parts []string
	if len(o.Present) > 0 {
		parts = append(parts, fmt.Sprintf("%q present", o.Present))
	}
	if len(o.Absent) > 0 {
		parts = append(parts, fmt.Sprintf("%q absent", o.Absent))
	}
	return "make kernel arguments " + strings.Join(parts, " and ")
}

// Touches implements Op.
func (SetKernelArguments) Touches() []Resource { return []Resource{"kernel-arguments"} }

// Predict implements Op. The arguments of the running kernel stay as they are.
func (SetKernelArguments) Predict(*facts.Facts) {}
