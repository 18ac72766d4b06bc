// SPDX-License-Identifier: Apache-2.0

package apply

import "github.com/firstlight-boot/firstlight/internal/op"

// handlers is the table of who carries out what; a new kind of operation is a row here.
func handlers() map[op.Kind]Handler {
	return map[op.Kind]Handler{
		op.SetKernelArguments{}.Kind():  handle(setKernelArguments),
		op.NameDevices{}.Kind():         handle(nameDevices),
		op.StopArray{}.Kind():           handle(stopArray),
		op.WritePartitionTable{}.Kind(): handle(writePartitionTable),
		op.MarkDisk{}.Kind():            handle(markDisk),
		op.CreateArray{}.Kind():         handle(createArray),
		op.MakeVolume{}.Kind():          handle(makeVolume),
		op.FetchKey{}.Kind():            handle(getKey),
		op.CheckVolume{}.Kind():         handle(checkVolume),
		op.OpenVolume{}.Kind():          handle(openVolume),
		op.MakeFilesystem{}.Kind():      handle(makeFilesystem),
		op.EraseSignatures{}.Kind():     handle(eraseSignatures),
		op.Mount{}.Kind():               handle(mount),
		op.Unmount{}.Kind():             handle(unmount),
		op.EditAccounts{}.Kind():        handleBegun(editAccounts, recoverAccounts),
		op.MakeHome{}.Kind():            handle(makeHome),
		op.MoveHome{}.Kind():            handleBegun(moveHome, recoverMove),
		op.OwnHome{}.Kind():             handle(ownHome),
		op.OwnHomePart{}.Kind():         handle(ownHomePart),
		op.RemoveHome{}.Kind():          handle(removeHome),
		op.MakeMailbox{}.Kind():         handle(makeMailbox),
		op.WriteKeys{}.Kind():           handle(writeKeys),
		op.MakeDirectory{}.Kind():       handle(makeDirectory),
		op.WriteFile{}.Kind():           handleBegun(writeFile, recoverFile),
		op.KeepFile{}.Kind():            handle(keepFile),
		op.MakeLink{}.Kind():            handleBegun(makeLink, recoverLink),
		op.MakeHardLink{}.Kind():        handleBegun(makeHardLink, recoverHardLink),
		op.WriteUnit{}.Kind():           handle(writeUnit),
		op.MaskUnit{}.Kind():            handle(maskUnit),
		op.UnmaskUnit{}.Kind():          handle(unmaskUnit),
		op.SetPresets{}.Kind():          handle(setPresets),
		op.WriteVolumeKey{}.Kind():      handleBegun(writeVolumeKey, recoverVolumeKey),
		op.AddCrypttab{}.Kind():         handle(addCrypttab),
		op.Relabel{}.Kind():             handle(relabel),
	}
}
