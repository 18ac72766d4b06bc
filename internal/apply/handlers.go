// SPDX-License-Identifier: Apache-2.0

package apply

import "github.com/firstlight-boot/firstlight/internal/op"

// handlers is the table of who carries out what; a new kind of operation is a row here.
func handlers() map[op.Kind]Handler {
	return map[op.Kind]Handler{
		op.SetKernelArguments{}.Kind(): handle[op.SetKernelArguments]{apply: setKernelArguments},
	}
}
