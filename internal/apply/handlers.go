// SPDX-License-Identifier: Apache-2.0

package apply

import "github.com/firstlight-boot/firstlight/internal/op"

// handlers is the table of who carries out what; a new kind of operation is a row here.
func handlers() map[op.Kind]Handler {
	return map[op.Kind]Handler{
		op.SetKernelArguments{}.Kind():  handle[op.SetKernelArguments]{apply: setKernelArguments},
		op.NameDevices{}.Kind():         handle[op.NameDevices]{apply: nameDevices},
		op.StopArray{}.Kind():           handle[op.StopArray]{apply: stopArray},
		op.WritePartitionTable{}.Kind(): handle[op.WritePartitionTable]{apply: writePartitionTable},
		op.MarkDisk{}.Kind():            handle[op.MarkDisk]{apply: markDisk},
		op.CreateArray{}.Kind():         handle[op.CreateArray]{apply: createArray},
		op.MakeVolume{}.Kind():          handle[op.MakeVolume]{apply: makeVolume},
		op.OpenVolume{}.Kind():          handle[op.OpenVolume]{apply: openVolume},
		op.MakeFilesystem{}.Kind():      handle[op.MakeFilesystem]{apply: makeFilesystem},
		op.EraseSignatures{}.Kind():     handle[op.EraseSignatures]{apply: eraseSignatures},
		op.Mount{}.Kind():               handle[op.Mount]{apply: mount},
		op.Unmount{}.Kind():             handle[op.Unmount]{apply: unmount},
	}
}
