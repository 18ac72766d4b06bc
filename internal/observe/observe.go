// SPDX-License-Identifier: Apache-2.0

// Package observe answers questions about a machine by reading it.
//
// It changes nothing, knows neither configs nor plans, and looks only at what is asked. While it waits for a device it says
// which, and every wait is bounded. The invariant: after Answer returns nil, every question has its answer in the facts.
package observe

import (
	"context"
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// System is what observing needs of the running machine.
type System interface {
	sys.Devices
	sys.Names
	sys.Opener
	UdevContents(ctx context.Context, node string) []string
	Mounts() ([]sys.Mount, error)
	Missing(programs ...string) []string
}

// Machine is what is observed.
type Machine struct {
	System System
	Root   *rootfs.Root // the target root; nil before it is mounted
	// Handover is what earlier stages left; nil: nothing.
	Handover func() facts.Handover
}

// Answer answers questions. Questions about the target root stay unanswered as long as there is none.
func Answer(ctx context.Context, m Machine, q *facts.Questions, f *facts.Facts) error {
	m.programs(q.Programs, f)
	if q.Handover {
		left := facts.Handover{}
		if m.Handover != nil {
			left = m.Handover()
		}
		f.Handover = &left
	}
	if err := m.devices(ctx, q, f); err != nil {
		return fmt.Errorf("look at the disks: %w", err)
	}
	if m.Root == nil {
		return nil
	}
	for _, answer := range []func(*facts.Questions, *facts.Facts) error{m.mounts, m.policy, m.accounts, m.nodes, m.units} {
		if err := answer(q, f); err != nil {
			return err
		}
	}
	return nil
}

func (m Machine) programs(names []string, f *facts.Facts) {
	if len(names) == 0 {
		return
	}
	if f.Programs == nil {
		f.Programs = map[string]bool{}
	}
	for _, n := range names {
		f.Programs[n] = true
	}
	for _, n := range m.System.Missing(names...) {
		f.Programs[n] = false
	}
}
