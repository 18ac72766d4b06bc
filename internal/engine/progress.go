// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/state"
)

// progress is what the stages of one boot tell each other beside Ignition's state file: whether there is a seal,
// how long they took, what was made.
type progress struct {
	Sealed   *Seal   `json:"sealed,omitempty"`
	Unsealed bool    `json:"unsealed,omitempty"` // the root was looked at and has no seal
	Touched  bool    `json:"touched,omitempty"`  // a step was begun: the machine may have been changed
	Source   string  `json:"source,omitempty"`
	Stages   []timed `json:"stages,omitempty"`
	Counts   []count `json:"counts,omitempty"`
}

type timed struct {
	Stage string        `json:"stage"`
	Took  time.Duration `json:"took"`
	Peak  int64         `json:"peak"` // most memory in use, in bytes
}

type count struct {
	One  string `json:"one"` // "file"
	Many string `json:"many"`
	N    int    `json:"n"`
}

func (r *run) progressFile() string {
	return filepath.Join(filepath.Dir(r.o.StateFile), "progress.json")
}

func loadProgress(path string) (progress, error) {
	var p progress
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	} else if err != nil {
		return p, fmt.Errorf("read progress: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("read progress %s: %w", path, err)
	}
	return p, nil
}

func (p *progress) save(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	return state.WriteFile(path, append(text, '\n'), 0o600, 0o700)
}

// touch records that the machine is going to be changed.
func (p *progress) touch(path string) error {
	if p.Touched {
		return nil
	}
	p.Touched = true
	return p.save(path)
}

func (p *progress) add(stage string, took time.Duration, peak int64) {
	p.Stages = append(p.Stages, timed{stage, took, peak})
}

// count notes how much of what the config asks for.
func (p *progress) count(c types.Config) {
	p.Counts = []count{
		{"disk", "disks", len(c.Storage.Disks)},
		{"array", "arrays", len(c.Storage.Raid)},
		{"encrypted volume", "encrypted volumes", len(c.Storage.Luks)},
		{"filesystem", "filesystems", len(c.Storage.Filesystems)},
		{"file", "files", len(c.Storage.Files)},
		{"directory", "directories", len(c.Storage.Directories)},
		{"link", "links", len(c.Storage.Links)},
		{"group", "groups", len(c.Passwd.Groups)},
		{"user", "users", len(c.Passwd.Users)},
		{"unit", "units", len(c.Systemd.Units)},
	}
}

// shown are the counts that a summary names even if they are zero.
const shown = "disk filesystem file user unit"

// summary is the one line that a good boot ends with: where the config came from, what was made, and how long
// each stage took.
func (p *progress) summary() string {
	var made, times []string
	for _, c := range p.Counts {
		name := c.Many
		if c.N == 1 {
			name = c.One
		}
		if c.N > 0 || strings.Contains(" "+shown+" ", " "+c.One+" ") {
			made = append(made, fmt.Sprintf("%d %s", c.N, name))
		}
	}
	var total time.Duration
	for _, s := range p.Stages {
		total += s.Took
		times = append(times, fmt.Sprintf("%s %.2f", s.Stage, s.Took.Seconds()))
	}
	return fmt.Sprintf("firstlight: provisioned from %s: %s; %.2f s (%s)",
		p.Source, strings.Join(made, ", "), total.Seconds(), strings.Join(times, ", "))
}
