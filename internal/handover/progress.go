// SPDX-License-Identifier: Apache-2.0

package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
)

// Progress is what the stages of one boot tell each other in addition to Ignition's state file.
type Progress struct {
	Root     string   `json:"root,omitempty"` // the target root of the boot, as its first stage was told
	Sealed   *Sealed  `json:"sealed,omitempty"`
	Unsealed bool     `json:"unsealed,omitempty"` // the root was looked at and has no seal
	Seen     string   `json:"seen,omitempty"`     // the seal that was there then, if the boot provisions again nevertheless
	Idle     []string `json:"idle,omitempty"`     // stages that the config gives nothing to do, so that they do not run
	Touched  bool     `json:"touched,omitempty"`  // a step was begun: the machine may have been changed
	Source   string   `json:"source,omitempty"`
	Stages   []Timed  `json:"stages,omitempty"`
	Counts   []Count  `json:"counts,omitempty"`
	// Sessions are those with metadata services, as the package metadata writes them; nil after the last stage that may ask one.
	// They hold secrets.
	Sessions json.RawMessage `json:"sessions,omitempty"`
	// Warnings are about the config and this machine, each once: a later stage repeats those of a forecast.
	Warnings []string `json:"warnings,omitempty"`
}

// Sealed says which boot provisioned the machine, as its seal has it.
type Sealed struct {
	Provisioned string `json:"provisioned"` // RFC 3339
	BootID      string `json:"bootID"`
}

// Timed is how long a stage took.
type Timed struct {
	Stage string        `json:"stage"`
	Took  time.Duration `json:"took"`
	Peak  int64         `json:"peak"` // most memory in use, in bytes
}

// Count is how many resources of one kind the config has.
type Count struct {
	One  string `json:"one"` // "file"
	Many string `json:"many"`
	N    int    `json:"n"`
}

// LoadProgress reads the progress of this boot; a missing file is empty progress.
func LoadProgress(path string) (Progress, error) {
	var p Progress
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

// Save writes the progress.
func (p *Progress) Save(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	return WriteFile(path, append(text, '\n'), 0o600, 0o700)
}

// Touch records that the machine is about to be changed.
func (p *Progress) Touch(path string) error {
	if p.Touched {
		return nil
	}
	p.Touched = true
	return p.Save(path)
}

// Add records how long a stage took, and its peak memory use in bytes.
func (p *Progress) Add(stage string, took time.Duration, peak int64) {
	p.Stages = append(p.Stages, Timed{stage, took, peak})
}

// Warn records a warning.
func (p *Progress) Warn(text string) {
	if !slices.Contains(p.Warnings, text) {
		p.Warnings = append(p.Warnings, text)
	}
}

// Count records how many resources of each kind the config has.
func (p *Progress) Count(c types.Config) {
	p.Counts = []Count{
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

// Summary returns the last line of a good boot: where the config came from, what was made, and how long each stage took.
func (p *Progress) Summary() string {
	var made, times []string
	for _, c := range append(p.Counts, Count{"warning", "warnings", len(p.Warnings)}) {
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
