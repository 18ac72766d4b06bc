// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"

	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Apply carries out a plan with what its handles stand for. See Run.
func (m *Machine) Apply(ctx context.Context, p op.Plan, j *journal.Journal, loads op.Payloads) error {
	m.Payloads = loads
	return Run(ctx, m, j, p)
}
