// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// eraseRounds bounds the search for signatures that show only when others are erased.
const eraseRounds = 8

// eraseAll erases all signatures of a device, durably.
func eraseAll(ctx context.Context, m *Machine, node string) (err error) {
	d, info, err := openWhole(ctx, m, node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for range eraseRounds {
		found, err := probe.Probe(d, info.Size, info.SectorSize)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := zero(d, probe.Erase(found)); err != nil {
			return err
		}
	}
	return fmt.Errorf("erase signatures of %s: some are still found after %d rounds", node, eraseRounds)
}

// makeFilesystem erases the device's signatures, makes the filesystem, and checks the result.
func makeFilesystem(ctx context.Context, m *Machine, o op.MakeFilesystem) error {
	alias, node, err := planned(m, o.Device, o.Node)
	if err != nil {
		return err
	}
	if err := eraseAll(ctx, m, node); err != nil {
		return err
	}
	if _, err := m.Sys.Run(ctx, sys.Command{Name: o.Program, Args: append(slices.Clone(o.Args), alias)}); err != nil {
		return err
	}
	made, err := contents(ctx, m, node)
	if err != nil {
		return err
	}
	if made.Type != o.Format {
		return fmt.Errorf("%s reported success, but %s holds %q", o.Program, node, made.Type)
	}
	return awaitContents(ctx, m, node, made)
}

// contents makes a device durable and returns what it holds.
func contents(ctx context.Context, m *Machine, node string) (s probe.Signature, err error) {
	d, info, err := openWhole(ctx, m, node)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Sync(); err != nil {
		return s, err
	}
	found, err := probe.Probe(d, info.Size, info.SectorSize)
	s, _, _ = probe.Content(found)
	return s, err
}

// awaitContents waits until udev has seen the contents of a device and made its links. A device that udev's rules ignore is not
// an error: only the contents matter.
//
// udev watches for writers that close the device, but is told to look all the same: while it works on such an event it does not
// watch, and may miss the last of several closes, as of mkfs.btrfs.
func awaitContents(ctx context.Context, m *Machine, node string, s probe.Signature) error {
	if !m.Sys.HasUdev() {
		return nil
	}
	if err := m.Sys.Announce(node); err != nil || s.UUID == "" {
		return err
	}
	seen := func() bool { return strings.EqualFold(m.Sys.UdevProperty(node, "ID_FS_UUID"), s.UUID) }
	err := m.Sys.Await(ctx, udevPatience, "udev to see "+s.Type+" on "+node, seen)
	if errors.Is(err, sys.ErrTimeout) {
		m.Log.Warn(err.Error())
		return nil
	}
	return err
}

func eraseSignatures(ctx context.Context, m *Machine, o op.EraseSignatures) error {
	_, node, err := planned(m, o.Device, o.Node)
	if err != nil {
		return err
	}
	if err := eraseAll(ctx, m, node); err != nil {
		return err
	}
	return m.Sys.Announce(node)
}
