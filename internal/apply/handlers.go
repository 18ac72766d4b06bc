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
		op.FetchKey{}.Kind():            handle[op.FetchKey]{apply: getKey},
		op.CheckVolume{}.Kind():         handle[op.CheckVolume]{apply: checkVolume},
		op.OpenVolume{}.Kind():          handle[op.OpenVolume]{apply: openVolume},
		op.MakeFilesystem{}.Kind():      handle[op.MakeFilesystem]{apply: makeFilesystem},
		op.EraseSignatures{}.Kind():     handle[op.EraseSignatures]{apply: eraseSignatures},
		op.Mount{}.Kind():               handle[op.Mount]{apply: mount},
		op.Unmount{}.Kind():             handle[op.Unmount]{apply: unmount},
		op.EditAccounts{}.Kind():        handle[op.EditAccounts]{apply: editAccounts, recover: recoverAccounts},
		op.MakeHome{}.Kind():            handle[op.MakeHome]{apply: makeHome},
		op.MoveHome{}.Kind():            handle[op.MoveHome]{apply: moveHome, recover: recoverMove},
		op.OwnHome{}.Kind():             handle[op.OwnHome]{apply: ownHome},
		op.OwnHomePart{}.Kind():         handle[op.OwnHomePart]{apply: ownHomePart},
		op.RemoveHome{}.Kind():          handle[op.RemoveHome]{apply: removeHome},
		op.MakeMailbox{}.Kind():         handle[op.MakeMailbox]{apply: makeMailbox},
		op.WriteKeys{}.Kind():           handle[op.WriteKeys]{apply: writeKeys},
		op.MakeDirectory{}.Kind():       handle[op.MakeDirectory]{apply: makeDirectory},
		op.WriteFile{}.Kind():           handle[op.WriteFile]{apply: writeFile, recover: recoverFile},
		op.KeepFile{}.Kind():            handle[op.KeepFile]{apply: keepFile},
		op.MakeLink{}.Kind():            handle[op.MakeLink]{apply: makeLink, recover: recoverLink},
		op.MakeHardLink{}.Kind():        handle[op.MakeHardLink]{apply: makeHardLink, recover: recoverHardLink},
		op.WriteUnit{}.Kind():           handle[op.WriteUnit]{apply: writeUnit},
		op.MaskUnit{}.Kind():            handle[op.MaskUnit]{apply: maskUnit},
		op.UnmaskUnit{}.Kind():          handle[op.UnmaskUnit]{apply: unmaskUnit},
		op.SetPresets{}.Kind():          handle[op.SetPresets]{apply: setPresets},
		op.WriteVolumeKey{}.Kind():      handle[op.WriteVolumeKey]{apply: writeVolumeKey, recover: recoverVolumeKey},
		op.AddCrypttab{}.Kind():         handle[op.AddCrypttab]{apply: addCrypttab},
		op.Relabel{}.Kind():             handle[op.Relabel]{apply: relabel},
	}
}
