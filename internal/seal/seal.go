// SPDX-License-Identifier: Apache-2.0

// Package seal keeps, on the target root, whether the machine was provisioned, and the result file that distributions read.
//
// Provisioning writes the seal last, durably, before switch root. A run that finds it does nothing, even if the first-boot flag
// is still set. Files in the seal's directory are read through the target root: never through links that lead out of it, and
// only regular files of bounded size. The package does not decide when a machine is sealed; it decides, as a function of values,
// whether a sealed machine must be provisioned again.
package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// A Seal says that the machine was provisioned.
type Seal struct {
	Provisioned string `json:"provisioned"` // RFC 3339
	BootID      string `json:"bootID"`
	Engine      string `json:"engine"` // version
	Config      string `json:"config"` // digest of the merged config
	// Flag and Machine are as they were then; nil: the seal does not say.
	Flag    *Flag   `json:"flag,omitempty"`
	Machine Machine `json:"machine"`

	// Cleared reports whether the flag was removed since, wherever it came from.
	Cleared bool `json:"-"`
	// Gone are the flag files that were seen, since then, no longer to set the flag.
	Gone []string `json:"-"`
}

// Name tells a seal from all others of a root.
func (s *Seal) Name() string { return s.Provisioned + " " + s.BootID + " " + s.Config }

// Dir is the directory of seal and journals, on the root filesystem itself, where it can be read before anything else is
// mounted.
const Dir = "/etc/.firstlight"

// Names in the directory.
const (
	sealFile    = "seal.json"
	clearedFile = "cleared"  // the flag was removed after the seal was written
	goneFile    = "gone"     // lines: names of flag files that were seen no longer to set the flag
	journalFile = "journal-" // and the name of the part
)

// mostSeal bounds the size of a seal, in bytes.
const mostSeal = 1 << 20

// Read returns the seal of a root, or nil if there is none.
func Read(root *rootfs.Root) (*Seal, error) { return ReadAt(root, Dir) }

// ReadAt returns the seal in a directory of a root, or nil if there is none.
func ReadAt(root *rootfs.Root, place string) (*Seal, error) {
	wrap := func(err error) error {
		return fmt.Errorf("read seal: %w (to provision this machine again, remove %s from its root)", err, place)
	}
	dir, err := root.Follow(place)
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	text, err := root.ReadFile(path.Join(dir, sealFile), mostSeal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, wrap(err)
	}
	var s Seal
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, wrap(err)
	}
	info, err := root.Lstat(path.Join(dir, clearedFile))
	if err != nil {
		return nil, wrap(err)
	}
	s.Cleared = info.Type != rootfs.None
	gone, err := root.ReadFile(path.Join(dir, goneFile), mostSeal)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, wrap(err)
	}
	s.Gone = strings.Split(strings.TrimSpace(string(gone)), "\n")
	return &s, nil
}

// Lift removes an old seal before the root is changed. From then on the machine counts as unfinished, and the next boot
// provisions it if this one is cut short. Lift removes the notes about the flag after the seal that they belong to.
func Lift(root *rootfs.Root) error {
	dir, err := root.Follow(Dir)
	if err != nil {
		return fmt.Errorf("lift the seal: %w", err)
	}
	for _, name := range []string{sealFile, clearedFile, goneFile} {
		info, err := root.Lstat(path.Join(dir, name))
		if err == nil && info.Type != rootfs.None {
			err = errors.Join(root.RemoveFile(path.Join(dir, name)), root.Sync())
		}
		if err != nil {
			return fmt.Errorf("lift the seal: %w", err)
		}
	}
	return nil
}

// Draft writes the seal without its name. Once it has that, durably, no boot provisions this machine again.
func Draft(root *rootfs.Root, s Seal) (*rootfs.File, error) {
	wrap := func(err error) error { return fmt.Errorf("seal the machine: %w", err) }
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, wrap(err)
	}
	dir, err := root.Follow(Dir)
	if err != nil {
		return nil, wrap(err)
	}
	f, err := root.Draft(path.Join(dir, sealFile), append(text, '\n'), 0, 0, 0o600)
	if err != nil {
		return nil, wrap(err)
	}
	return f, nil
}

// RemoveJournals removes the journals of parts, which a seal makes useless.
func RemoveJournals(root *rootfs.Root, parts []string) error {
	dir, err := root.Follow(Dir)
	for _, p := range parts {
		if err == nil {
			err = root.RemoveFile(path.Join(dir, JournalName(p)))
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
