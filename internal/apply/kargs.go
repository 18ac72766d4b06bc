// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// kargsHelper is the program that a distribution provides to edit its boot loader's entries.
const kargsHelper = "ignition-kargs-helper"

func setKernelArguments(ctx context.Context, m *Machine, o op.SetKernelArguments) error {
	var args []string
	for _, a := range o.Present {
		args = append(args, "--should-exist", a)
	}
	for _, a := range o.Absent {
		args = append(args, "--should-not-exist", a)
	}
	_, err := m.Sys.Run(ctx, sys.Command{Name: kargsHelper, Args: args})
	return err
}
