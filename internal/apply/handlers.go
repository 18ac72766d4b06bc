// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// handle carries out an operation; a new kind of operation is a case here. When it returns nil the effect is complete. Effects
// on the target root become durable by the group's sync; all others must be durable already.
//
// It is a switch because a table of generic handlers needs two functions, a type and a method table for each kind: 0.1 MB.
func handle(ctx context.Context, m *Machine, o op.Op) error {
	switch o := o.(type) {
	case op.SetKernelArguments:
		return setKernelArguments(ctx, m, o)
	case op.NameDevices:
		return nameDevices(ctx, m, o)
	case op.StopArray:
		return stopArray(ctx, m, o)
	case op.WritePartitionTable:
		return writePartitionTable(ctx, m, o)
	case op.MarkDisk:
		return markDisk(ctx, m, o)
	case op.CreateArray:
		return createArray(ctx, m, o)
	case op.MakeVolume:
		return makeVolume(ctx, m, o)
	case op.FetchKey:
		return getKey(ctx, m, o)
	case op.CheckVolume:
		return checkVolume(ctx, m, o)
	case op.OpenVolume:
		return openVolume(ctx, m, o)
	case op.MakeFilesystem:
		return makeFilesystem(ctx, m, o)
	case op.EraseSignatures:
		return eraseSignatures(ctx, m, o)
	case op.Mount:
		return mount(ctx, m, o)
	case op.Unmount:
		return unmount(ctx, m, o)
	case op.EditAccounts:
		return editAccounts(ctx, m, o)
	case op.MakeHome:
		return makeHome(ctx, m, o)
	case op.MoveHome:
		return moveHome(ctx, m, o)
	case op.OwnHome:
		return ownHome(ctx, m, o)
	case op.OwnHomePart:
		return ownHomePart(ctx, m, o)
	case op.RemoveHome:
		return removeHome(ctx, m, o)
	case op.MakeMailbox:
		return makeMailbox(ctx, m, o)
	case op.WriteKeys:
		return writeKeys(ctx, m, o)
	case op.MakeDirectory:
		return makeDirectory(ctx, m, o)
	case op.WriteFile:
		return writeFile(ctx, m, o)
	case op.KeepFile:
		return keepFile(ctx, m, o)
	case op.MakeLink:
		return makeLink(ctx, m, o)
	case op.MakeHardLink:
		return makeHardLink(ctx, m, o)
	case op.WriteUnit:
		return writeUnit(ctx, m, o)
	case op.MaskUnit:
		return maskUnit(ctx, m, o)
	case op.UnmaskUnit:
		return unmaskUnit(ctx, m, o)
	case op.SetPresets:
		return setPresets(ctx, m, o)
	case op.WriteVolumeKey:
		return writeVolumeKey(ctx, m, o)
	case op.AddCrypttab:
		return addCrypttab(ctx, m, o)
	case op.Relabel:
		return relabel(ctx, m, o)
	}
	return fmt.Errorf("no handler for operation %s", o.Kind())
}

// inspect finds out what an interrupted run made of an operation. Operations without a case of their own reach the same state
// when they are done again.
func inspect(ctx context.Context, m *Machine, o op.Op) (Outcome, error) {
	switch o := o.(type) {
	case op.EditAccounts:
		return recoverAccounts(ctx, m, o)
	case op.MoveHome:
		return recoverMove(ctx, m, o)
	case op.WriteFile:
		return recoverFile(ctx, m, o)
	case op.MakeLink:
		return recoverLink(ctx, m, o)
	case op.MakeHardLink:
		return recoverHardLink(ctx, m, o)
	case op.WriteVolumeKey:
		return recoverVolumeKey(ctx, m, o)
	}
	return NotApplied, nil
}
