// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"strconv"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// createArray makes an array and waits until it exists under its name.
func createArray(ctx context.Context, m *Machine, o op.CreateArray) error {
	args := []string{"--create", o.Name, "--force", "--run", "--homehost", "any", "--level", o.Level,
		"--raid-devices", strconv.Itoa(len(o.Devices) - o.Spares)}
	if o.Spares > 0 {
		args = append(args, "--spare-devices", strconv.Itoa(o.Spares))
	}
	args = append(args, o.Options...)
	for i, d := range o.Devices {
		alias, _, err := planned(m, d, o.Nodes[i])
		if err != nil {
			return err
		}
		args = append(args, alias)
	}
	if _, err := m.Sys.Run(ctx, sys.Command{Name: "mdadm", Args: args}); err != nil {
		return err
	}
	return m.Sys.Await(ctx, udevPatience, o.Path, func() bool { _, err := m.Sys.Resolve(o.Path); return err == nil })
}
