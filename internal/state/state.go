// SPDX-License-Identifier: Apache-2.0

// Package state keeps what one stage of a boot has to tell the next: each stage is a process of its own.
//
// The file is an interface of Ignition: its members keep their names and meaning. It holds keys, so it is readable
// by root alone, and it is only replaced whole.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/acquire"
)

// State is the content of the state file.
type State struct {
	FetchedConfigs []acquire.Fetched `json:"fetchedConfigs"`
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

// WriteFile replaces a file of the run directory whole, making its directory where there is none.
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
