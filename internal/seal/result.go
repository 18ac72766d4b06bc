// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// result is the result file in the target. The first four members are an interface that distributions read; the member
// firstlight is ours.
type result struct {
	BootID     string          `json:"provisioningBootID"`
	Date       string          `json:"provisioningDate"` // RFC 3339, local time
	UserConfig bool            `json:"userConfigProvided"`
	Previous   json.RawMessage `json:"previousReport,omitempty"`
	Firstlight details         `json:"firstlight"`
}

type details struct {
	Version string             `json:"version"`
	Run     string             `json:"run"` // the same for a run and for those that go on with it
	Source  string             `json:"source"`
	Config  string             `json:"configSHA256"`
	Counts  map[string]int     `json:"counts"`
	Seconds map[string]float64 `json:"seconds"` // each stage before this one
}

// mostResult bounds what is read of an earlier result file, in bytes.
const mostResult = 1 << 20

// A Result is what a run reports in the result file.
type Result struct {
	BootID     string
	UserConfig bool // a user's config was provided
	Engine     string
	Run        string // identifies a run and those that resume it
	Config     string // digest of the merged config
	Progress   handover.Progress
	// Live reports whether the system is provisioned at every boot; an earlier result then means nothing.
	Live func() bool
}

// DraftResult writes the result file without its name. If an earlier provisioning left one, the new file contains it, and DraftResult
// returns true.
func DraftResult(root *rootfs.Root, name string, r Result) (f *rootfs.File, again bool, err error) {
	wrap := func(err error) error { return fmt.Errorf("write result file: %w", err) }
	out := result{
		BootID: r.BootID, Date: time.Now().Format(time.RFC3339), UserConfig: r.UserConfig,
		Firstlight: details{
			Version: r.Engine, Run: r.Run, Source: r.Progress.Source, Config: r.Config,
			Counts: map[string]int{}, Seconds: map[string]float64{},
		},
	}
	for _, c := range r.Progress.Counts {
		out.Firstlight.Counts[c.Many] = c.N
	}
	for _, s := range r.Progress.Stages {
		out.Firstlight.Seconds[s.Stage] = s.Took.Seconds()
	}
	place, err := root.Resolve(name)
	if err != nil {
		return nil, false, wrap(err)
	}
	if out.Previous, again, err = previous(root, place, r); err != nil {
		return nil, false, wrap(err)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, false, wrap(err)
	}
	if _, err = root.MkdirAll(path.Dir(place)); err == nil {
		f, err = root.Draft(place, append(text, '\n'), 0, 0, 0o600)
	}
	if err != nil {
		return nil, false, wrap(err)
	}
	return f, again, nil
}

// previous returns the result of an earlier provisioning of this root, and whether that was another run.
func previous(root *rootfs.Root, place string, r Result) (earlier json.RawMessage, again bool, err error) {
	info, err := root.Lstat(place)
	if err != nil || info.Type != rootfs.Regular || r.Live() {
		return nil, false, err
	}
	text, err := root.ReadFile(place, mostResult)
	if err != nil {
		return nil, false, err
	}
	var old result
	if err := json.Unmarshal(text, &old); err != nil && !json.Valid(text) {
		return nil, false, errors.New("the earlier one is not JSON; remove it to provision this machine again")
	}
	if r.Run != "" && old.Firstlight.Run == r.Run {
		return old.Previous, false, nil // it is our own: the run was cut short before the seal
	}
	return bytes.TrimSpace(text), true, nil
}
