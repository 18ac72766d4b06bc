// SPDX-License-Identifier: Apache-2.0

// Package handover keeps in /run what the stages of a boot leave for each other: each stage is a process of its own.
//
// State is Ignition's interface: its members keep their names and meaning. Progress is ours: whether the machine is sealed, what
// was changed, how long the stages took. The files hold keys, so only root can read them, and each is replaced as a whole. The
// package decides nothing and knows no stage by name.
package handover

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// A Fetched is one config that went into a run.
type Fetched struct {
	Kind       string `json:"kind"`
	Source     string `json:"source"`
	Referenced bool   `json:"referenced"`
}

// State is the content of the state file.
type State struct {
	FetchedConfigs []Fetched `json:"fetchedConfigs"`
	// LuksKeys maps the name of a LUKS volume to a data URL of its key, from the disks stage to the files stage.
	LuksKeys map[string]string `json:"luksPersistKeyFiles"`
	// NotatedDirectories are the directories that the mount stage made, relative to the target root.
	NotatedDirectories []string `json:"notatedDirectories"`
	// ProviderFiles are files that a platform wants in the target root.
	ProviderFiles []types.File `json:"providerOutputFiles"`
	// LuksVolumeKeys holds secure keys of crypto cards by path (s390x).
	LuksVolumeKeys map[string]string `json:"luksPersistVolumeKeyFiles"`

	mu sync.Mutex
}

// Load reads a state file; one that does not exist is an empty state.
func Load(path string) (*State, error) {
	s := &State{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read state %s: %w", path, err)
	}
	return s, nil
}

// Save writes the state file.
func (s *State) Save(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return WriteFile(path, append(text, '\n'), 0o600, 0o700)
}

// Update changes the state; operations run in parallel.
func (s *State) Update(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// dataURL returns a payload in the form of the state file.
func dataURL(data []byte) string { return "data:;base64," + base64.StdEncoding.EncodeToString(data) }

// KeepKey implements apply.Keeper.
func (s *State) KeepKey(volume string, key []byte) {
	s.Update(func(s *State) {
		if s.LuksKeys == nil {
			s.LuksKeys = map[string]string{}
		}
		if s.LuksKeys[volume] = dataURL(key); key == nil {
			delete(s.LuksKeys, volume)
		}
	})
}

// KeepVolumeKeyFiles implements apply.Keeper.
func (s *State) KeepVolumeKeyFiles(files map[string][]byte) {
	s.Update(func(s *State) {
		if s.LuksVolumeKeys == nil {
			s.LuksVolumeKeys = map[string]string{}
		}
		for name, data := range files {
			s.LuksVolumeKeys[name] = dataURL(data)
		}
	})
}

// KeepDirectories implements apply.Keeper.
func (s *State) KeepDirectories(paths []string) {
	s.Update(func(s *State) { s.NotatedDirectories = append(s.NotatedDirectories, paths...) })
}

// Facts returns what earlier stages handed over, without the secrets.
func (s *State) Facts() facts.Handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := facts.Handover{
		Keys:           slices.Sorted(maps.Keys(s.LuksKeys)),
		VolumeKeyFiles: slices.Sorted(maps.Keys(s.LuksVolumeKeys)),
		HomeParts:      slices.Clone(s.NotatedDirectories),
	}
	const usual = 0o644
	for _, f := range s.ProviderFiles {
		mode := usual
		if f.Mode != nil {
			mode = *f.Mode
		}
		left.PlatformFiles = append(left.PlatformFiles, facts.PlatformFile{Path: f.Path, Mode: mode})
	}
	return left
}

// Payloads returns the contents that were left, by the handles that plans use.
func (s *State) Payloads() op.Payloads {
	s.mu.Lock()
	defer s.mu.Unlock()
	loads := op.Payloads{}
	for name, key := range s.LuksKeys {
		loads[op.VolumeKey(name)] = op.Payload{Source: key}
	}
	for name, content := range s.LuksVolumeKeys {
		loads[op.LeftFile(name)] = op.Payload{Source: content}
	}
	for _, f := range s.ProviderFiles {
		load := op.Payload{}
		if r := f.Contents; r.Source != nil {
			load.Source = *r.Source
			if r.Compression != nil {
				load.Compression = *r.Compression
			}
			if r.Verification.Hash != nil {
				load.Hash = *r.Verification.Hash
			}
		}
		loads[op.LeftFile(f.Path)] = load
	}
	return loads
}

// WriteFile replaces a file of the run directory as a whole. It creates a missing directory.
func WriteFile(path string, data []byte, mode, dirMode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := errors.Join(os.Chmod(temporary, mode), os.Rename(temporary, path)); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(temporary)))
	}
	return nil
}

// Link makes a symbolic link with the given target. It creates a missing directory and replaces an existing link.
func Link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	temporary := path + ".new"
	if err := os.Symlink(target, temporary); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("link %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	return nil
}
