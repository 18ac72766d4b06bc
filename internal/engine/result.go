// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// result is what the result file in the target says of the provisioning. The first four members are an interface that
// distributions read; those of the member firstlight are ours.
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

// writeResult writes the result file, with the document of an earlier provisioning in it if there is one.
func (r *run) writeResult(ctx context.Context, m *apply.Machine, digest string) error {
	if r.distro.ResultFile == "" {
		return nil
	}
	bootID, err := os.ReadFile(r.distro.BootIDPath)
	if err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	out := result{
		BootID: strings.TrimSpace(string(bootID)), Date: time.Now().Format(time.RFC3339),
		UserConfig: slices.ContainsFunc(r.state.FetchedConfigs, func(f acquire.Fetched) bool { return f.Kind == acquire.KindUser }),
		Firstlight: r.progress.details(digest),
	}
	out.Firstlight.Run = r.seed
	name, err := m.Root.Resolve(r.distro.ResultFile)
	if err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	if out.Previous, err = r.previous(ctx, m.Root, name); err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	_, err = m.Root.MkdirAll(path.Dir(name))
	if err := errors.Join(err, m.Root.WriteFile(name, append(text, '\n'), 0, 0, 0o600)); err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	return m.Root.Sync()
}

func (p *progress) details(digest string) details {
	d := details{Version: version, Source: p.Source, Config: digest, Counts: map[string]int{}, Seconds: map[string]float64{}}
	for _, c := range p.Counts {
		d.Counts[c.Many] = c.N
	}
	for _, s := range p.Stages {
		d.Seconds[s.Stage] = s.Took.Seconds()
	}
	return d
}

// previous returns the result of an earlier provisioning of this root. A live system is provisioned at every boot: there
// an earlier result says nothing.
func (r *run) previous(ctx context.Context, root *rootfs.Root, name string) (json.RawMessage, error) {
	info, err := root.Lstat(name)
	if err != nil || info.Type != rootfs.Regular {
		return nil, err
	}
	if _, err := r.host.Run(ctx, sys.Command{Name: "is-live-image"}); err == nil {
		return nil, nil
	} else {
		r.log.Info("not a live system: " + err.Error())
	}
	text, err := root.ReadFile(name, mostResult)
	if err != nil {
		return nil, err
	}
	var earlier result
	if err := json.Unmarshal(text, &earlier); err != nil && !json.Valid(text) {
		return nil, errors.New("the earlier one is not JSON; remove it to provision this machine again")
	}
	if r.seed != "" && earlier.Firstlight.Run == r.seed {
		return earlier.Previous, nil // it is our own: the run was cut short before the seal
	}
	r.log.Warn("this machine was provisioned before: its earlier result is kept in " + r.distro.ResultFile)
	return bytes.TrimSpace(text), nil
}
