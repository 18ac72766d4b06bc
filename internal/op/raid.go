// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// CreateArray makes a software RAID array, whatever its members hold.
type CreateArray struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"` // under which it appears
	Level   string   `json:"level"`
	Devices []string `json:"devices"` // paths in the config
	Nodes   []string `json:"nodes"`
	Spares  int      `json:"spares,omitempty"`
	Options []string `json:"options,omitempty"`
	Paths   []string `json:"paths,omitempty"` // further ones under which it appears
	Destroy string   `json:"destroy,omitempty"`
}

// Kind implements Op.
func (CreateArray) Kind() Kind { return "create-array" }

// Describe implements Op.
func (o CreateArray) Describe() string {
	spares := ""
	if o.Spares > 0 {
		spares = fmt.Sprintf(" with %d spares", o.Spares)
	}
	return fmt.Sprintf("create %s array %s of %s%s", o.Level, o.Name, strings.Join(o.Devices, ", "), spares) + destroys(o.Destroy)
}

// Touches implements Op.
func (o CreateArray) Touches() []Resource {
	all := []Resource{device(o.Path)}
	for _, n := range o.Nodes {
		all = append(all, device(n))
	}
	return all
}

// Predict implements Op. The contents of the array show only when it exists: members may keep what they held before.
func (o CreateArray) Predict(f *facts.Facts) {
	for _, n := range o.Nodes {
		setContents(f, n, probe.Signature{Type: "linux_raid_member", Usage: probe.RAID, Label: "any:" + o.Name})
		d := f.Block.Devices[n]
		d.Holders = append(d.Holders, o.Path)
		f.Block.Devices[n] = d
	}
	f.Block.Add(o.Path, facts.Device{Predicted: true, SectorSize: 512, Members: o.Nodes}, o.Paths...)
}
