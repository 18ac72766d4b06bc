// SPDX-License-Identifier: Apache-2.0

package op

import (
	"strings"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/filesystem"
)

// MakeFilesystem erases all signatures of a device and makes a filesystem on it.
type MakeFilesystem struct {
	Device  string   `json:"device"` // path in the config
	Node    string   `json:"node"`
	Format  string   `json:"format"`
	Label   *string  `json:"label,omitempty"`
	UUID    *string  `json:"uuid,omitempty"`
	Program string   `json:"program"`
	Args    []string `json:"args"`              // of the program, the device excepted, which comes last
	Destroy string   `json:"destroy,omitempty"` // what gets lost, for people
}

// Kind implements Op.
func (MakeFilesystem) Kind() Kind { return "make-filesystem" }

// Describe implements Op.
func (o MakeFilesystem) Describe() string {
	words := []string{"format", o.Device, "as", o.Format}
	if o.Label != nil && *o.Label != "" {
		words = append(words, "labeled "+*o.Label)
	}
	return strings.Join(words, " ") + destroys(o.Destroy)
}

// destroys describes what is lost.
func destroys(what string) string {
	if what == "" {
		return ""
	}
	return ", destroying " + what
}

// Touches implements Op.
func (o MakeFilesystem) Touches() []Resource { return []Resource{device(o.Node)} }

// Predict implements Op.
func (o MakeFilesystem) Predict(f *facts.Facts) {
	s := probe.Signature{Type: o.Format, Usage: probe.Filesystem}
	if o.Label != nil {
		s.Label = *o.Label
	}
	if o.UUID != nil {
		s.UUID = filesystem.NormalUUID(o.Format, *o.UUID)
	}
	setContents(f, o.Node, s)
	d := f.Block.Devices[o.Node]
	d.Blank = true
	f.Block.Devices[o.Node] = d
}

// setContents makes a signature the only one of a device.
func setContents(f *facts.Facts, node string, s ...probe.Signature) {
	d := f.Block.Devices[node]
	d.Signatures, d.Udev, d.Unfinished, d.Blank, d.Closed = s, nil, false, false, false
	f.Block.Devices[node] = d
}

// EraseSignatures leaves a device without any signature.
type EraseSignatures struct {
	Device  string `json:"device"`
	Node    string `json:"node"`
	Destroy string `json:"destroy,omitempty"`
}

// Kind implements Op.
func (EraseSignatures) Kind() Kind { return "erase-signatures" }

// Describe implements Op.
func (o EraseSignatures) Describe() string {
	return "erase signatures of " + o.Device + destroys(o.Destroy)
}

// Touches implements Op.
func (o EraseSignatures) Touches() []Resource { return []Resource{device(o.Node)} }

// Predict implements Op.
func (o EraseSignatures) Predict(f *facts.Facts) { setContents(f, o.Node) }
