// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// bootFIFO is where the firmware of a BlueField DPU hands over what the host pushed.
const bootFIFO = "sys/bus/platform/devices/MLNXBF04:00/bootfifo"

// blueField reads the boot FIFO. A missing or empty FIFO means that there is no config.
func blueField(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: "/" + bootFIFO}
	if err := env.module(ctx, "mlxbf_bootctl", ""); err != nil {
		return found, &Error{found.Name, fmt.Errorf("load the driver of the boot FIFO: %w", err), "add the kernel module mlxbf_bootctl to the initramfs"}
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return fs.ReadFile(env.FS, bootFIFO) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		env.Log.Warn("read the boot FIFO: " + err.Error())
	default:
		found.Data = unpad(data)
	}
	return found, nil
}
