// SPDX-License-Identifier: Apache-2.0

// Package seal keeps, on the target root, whether the machine was provisioned, and the result file that distributions read.
//
// The seal is the last thing that provisioning writes, durably, before switch root; a run that meets it does nothing, even if the
// first-boot flag is still set. Everything in the directory of the seal is read through the target root, never through links
// that lead out of it, and only regular files of bounded size are read. The package does not decide when a machine is sealed.
package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// A Seal says that the machine was provisioned.
type Seal struct {
	Provisioned string `json:"provisioned"` // RFC 3339
	BootID      string `json:"bootID"`
	Engine      string `json:"engine"` // version
	Config      string `json:"config"` // digest of the merged config
}

// Dir is the directory of seal and journals, on the root filesystem itself, where it can be read before anything else is
// mounted.
const Dir = "/etc/.firstlight"

// Names in the directory.
const (
	sealFile    = "seal.json"
	clearedFile = "cleared"  // the flag was removed after the seal was written: a flag met now was set on purpose
	journalFile = "journal-" // and the name of the part
)

// mostSeal bounds the size of a seal, in bytes.
const mostSeal = 1 << 20

// Read returns the seal of a root, or nil if there is none. With liftable it also returns nil if the seal was lifted: the flag
// that this boot met was set after an earlier one had been removed.
func Read(root *rootfs.Root, liftable bool) (*Seal, error) {
	dir, err := root.Follow(Dir)
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	text, err := root.ReadFile(path.Join(dir, sealFile), mostSeal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read seal: %w (to provision this machine again, remove %s from its root)", err, Dir)
	}
	if info, err := root.Lstat(path.Join(dir, clearedFile)); liftable && (err != nil || info.Type != rootfs.None) {
		return nil, err
	}
	var s Seal
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read seal: %w (to provision this machine again, remove %s from its root)", err, Dir)
	}
	return &s, nil
}

// Lift removes an old seal before the root is changed: from then on the machine counts as unfinished, and the next boot
// provisions it if this one is cut short. The note that the flag was removed goes after the seal that it belongs to.
func Lift(root *rootfs.Root) error {
	dir, err := root.Follow(Dir)
	if err != nil {
		return fmt.Errorf("lift the seal: %w", err)
	}
	for _, name := range []string{sealFile, clearedFile} {
		info, err := root.Lstat(path.Join(dir, name))
		if err == nil && info.Type != rootfs.None {
			err = errors.Join(root.Remove(path.Join(dir, name)), root.Sync())
		}
		if err != nil {
			return fmt.Errorf("lift the seal: %w", err)
		}
	}
	return nil
}

// Write writes the seal, durably: after it, no boot provisions this machine again.
func Write(root *rootfs.Root, s Seal) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	dir, err := root.Follow(Dir)
	if err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	err = root.WriteFile(path.Join(dir, sealFile), append(text, '\n'), 0, 0, 0o600)
	if err := errors.Join(err, root.Sync()); err != nil {
		return fmt.Errorf("seal the machine: %w", err)
	}
	return nil
}

// RemoveJournals removes the journals of parts, which a seal makes useless.
func RemoveJournals(root *rootfs.Root, parts []string) error {
	dir, err := root.Follow(Dir)
	for _, p := range parts {
		if err == nil {
			err = root.Remove(path.Join(dir, JournalName(p)))
		}
	}
	if err := errors.Join(err, root.Sync()); err != nil {
		return fmt.Errorf("remove journals: %w", err)
	}
	return nil
}

// JournalName returns the name of a part's journal in the directory.
func JournalName(part string) string { return journalFile + part }

// Open opens the directory of seal and journals, making it if it is missing.
func Open(root *rootfs.Root) (*os.Root, error) {
	dir, err := root.Follow(Dir)
	if err != nil {
		return nil, err
	}
	return root.Directory(dir)
}

// Lock keeps other runs of firstlight away from a root until the file is closed.
func Lock(root *rootfs.Root) (*os.File, error) {
	dir, err := Open(root)
	if err != nil {
		return nil, err
	}
	if err := dir.Close(); err != nil {
		return nil, err
	}
	place, err := root.Follow(Dir)
	if err != nil {
		return nil, err
	}
	return root.Lock(place)
}
