// SPDX-License-Identifier: Apache-2.0

package op

import (
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// MakeVolume formats a LUKS volume, opens it, and binds it to what shall unlock it later. How is in the config, at
// Index: it holds secrets.
type MakeVolume struct {
	Index   int      `json:"index"` // in the config's list
	Name    string   `json:"name"`
	Device  string   `json:"device"` // path in the config
	Node    string   `json:"node"`
	Paths   []string `json:"paths,omitempty"` // under which the open volume appears, beside /dev/mapper
	Destroy string   `json:"destroy,omitempty"`
}

// Kind implements Op.
func (MakeVolume) Kind() Kind { return "make-volume" }

// Describe implements Op.
func (o MakeVolume) Describe() string {
	return "encrypt " + o.Device + " as " + o.Name + destroys(o.Destroy)
}

// Touches implements Op.
func (o MakeVolume) Touches() []Resource {
	return []Resource{device(o.Node), device("/dev/mapper/" + o.Name)}
}

// Predict implements Op. A volume with a new key is noise: it holds nothing.
func (o MakeVolume) Predict(f *facts.Facts) {
	setContents(f, o.Node, probe.Signature{Type: "crypto_LUKS", Usage: probe.Crypto, Version: "2"})
	f.Block.Add("/dev/mapper/"+o.Name, facts.Device{Predicted: true, SectorSize: 512, Members: []string{o.Node}}, o.Paths...)
}

// FetchKey gets the key of a volume from the network, and keeps it for the steps that need it. It changes nothing.
type FetchKey struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
}

// Kind implements Op.
func (FetchKey) Kind() Kind { return "fetch-key" }

// Describe implements Op.
func (o FetchKey) Describe() string { return "fetch the key of encrypted volume " + o.Name }

// Touches implements Op.
func (FetchKey) Touches() []Resource { return nil }

// Predict implements Op.
func (FetchKey) Predict(*facts.Facts) {}

// CheckVolume finds out whether the key fits a LUKS volume that is going to be reused. It changes nothing.
type CheckVolume struct {
	Index  int    `json:"index"`
	Name   string `json:"name"`
	Device string `json:"device"`
	Node   string `json:"node"`
}

// Kind implements Op.
func (CheckVolume) Kind() Kind { return "check-volume" }

// Describe implements Op.
func (o CheckVolume) Describe() string {
	return "try the key of encrypted volume " + o.Device + " for " + o.Name
}

// Touches implements Op.
func (CheckVolume) Touches() []Resource { return nil }

// Predict implements Op.
func (CheckVolume) Predict(*facts.Facts) {}

// OpenVolume opens a LUKS volume that is there and is the one that is wanted.
type OpenVolume struct {
	Index  int      `json:"index"`
	Name   string   `json:"name"`
	Device string   `json:"device"`
	Node   string   `json:"node"`
	Paths  []string `json:"paths,omitempty"`
}

// Kind implements Op.
func (OpenVolume) Kind() Kind { return "open-volume" }

// Describe implements Op.
func (o OpenVolume) Describe() string { return "reuse encrypted volume " + o.Device + " as " + o.Name }

// Touches implements Op.
func (o OpenVolume) Touches() []Resource {
	return []Resource{device(o.Node), device("/dev/mapper/" + o.Name)}
}

// Predict implements Op. What the volume holds shows only when it is open.
func (o OpenVolume) Predict(f *facts.Facts) {
	f.Block.Add("/dev/mapper/"+o.Name, facts.Device{Predicted: true, SectorSize: 512, Members: []string{o.Node}}, o.Paths...)
}
