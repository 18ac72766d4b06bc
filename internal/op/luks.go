// SPDX-License-Identifier: Apache-2.0

package op

import (
	"slices"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// A Key says where the key of a volume comes from: exactly one member is set.
type Key struct {
	Content   *Content `json:"content,omitempty"`
	Generated bool     `json:"generated,omitempty"` // random, made when the volume is
	File      string   `json:"file,omitempty"`      // of the boot environment
}

// A Binding is what unlocks a volume later, by clevis(1).
type Binding struct {
	Pin    string `json:"pin"`
	Config Handle `json:"config"`
	// Reach are the advertisements of the Tang servers that must answer before the volume is bound to them.
	Reach []Content `json:"reach,omitempty"`
	// Prove says that the volume is closed and then unlocked through its binding.
	Prove bool `json:"prove,omitempty"`
}

// MakeVolume formats a LUKS volume, opens it, and binds it to what must unlock it later.
type MakeVolume struct {
	Name    string   `json:"name"`
	Device  string   `json:"device"` // path in the config
	Node    string   `json:"node"`
	Paths   []string `json:"paths,omitempty"` // under which the open volume appears, besides /dev/mapper
	Destroy string   `json:"destroy,omitempty"`
	Key     Key      `json:"key"`
	Format  []string `json:"format"`           // arguments of cryptsetup(8) luksFormat, key and device excepted
	Open    []string `json:"open"`             // arguments of cryptsetup(8) luksOpen after device and name, the key excepted
	Bind    *Binding `json:"bind,omitempty"`   // nil: the key opens the volume later
	Secure  bool     `json:"secure,omitempty"` // the volume key never leaves a crypto card (zkey(1))
	// DropKey says that the key is removed once the volume is bound; otherwise it is kept for the files stage.
	DropKey bool `json:"dropKey,omitempty"`
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

// Predict implements Op. A volume with a new key holds noise, so it is empty.
func (o MakeVolume) Predict(f *facts.Facts) {
	setContents(f, o.Node, probe.Signature{Type: "crypto_LUKS", Usage: probe.Crypto, Version: "2", UUID: Unknown})
	f.Block.Add("/dev/mapper/"+o.Name, facts.Device{Predicted: true, SectorSize: 512, Members: []string{o.Node}}, o.Paths...)
	keepKey(f, o.Name, !o.DropKey)
}

// keepKey states whether the key of a volume is left for the files stage.
func keepKey(f *facts.Facts, name string, keep bool) {
	if keep && f.Handover != nil && !slices.Contains(f.Handover.Keys, name) {
		f.Handover.Keys = append(f.Handover.Keys, name)
	}
}

// Unknown is a predicted UUID that a program chooses only when it runs.
const Unknown = "?"

// FetchKey gets the key of a volume from the network, and keeps it for the steps that need it. It changes nothing.
type FetchKey struct {
	Name    string  `json:"name"`
	Content Content `json:"content"`
}

// Kind implements Op.
func (FetchKey) Kind() Kind { return "fetch-key" }

// Describe implements Op.
func (o FetchKey) Describe() string { return "fetch the key of encrypted volume " + o.Name }

// Touches implements Op.
func (FetchKey) Touches() []Resource { return nil }

// Predict implements Op.
func (FetchKey) Predict(*facts.Facts) {}

// CheckVolume finds out whether the key fits a LUKS volume that will be reused. It changes nothing.
type CheckVolume struct {
	Name   string `json:"name"`
	Device string `json:"device"`
	Node   string `json:"node"`
	Key    Key    `json:"key"`
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

// OpenVolume opens an existing LUKS volume that matches the config.
type OpenVolume struct {
	Name   string   `json:"name"`
	Device string   `json:"device"`
	Node   string   `json:"node"`
	Paths  []string `json:"paths,omitempty"`
	Key    Key      `json:"key"`
	Open   []string `json:"open"`
}

// Kind implements Op.
func (OpenVolume) Kind() Kind { return "open-volume" }

// Describe implements Op.
func (o OpenVolume) Describe() string { return "reuse encrypted volume " + o.Device + " as " + o.Name }

// Touches implements Op.
func (o OpenVolume) Touches() []Resource {
	return []Resource{device(o.Node), device("/dev/mapper/" + o.Name)}
}

// Predict implements Op. The contents of the volume show only when it is open.
func (o OpenVolume) Predict(f *facts.Facts) {
	f.Block.Add("/dev/mapper/"+o.Name, facts.Device{Predicted: true, Closed: true, SectorSize: 512, Members: []string{o.Node}}, o.Paths...)
	keepKey(f, o.Name, true)
}
