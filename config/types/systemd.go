// SPDX-License-Identifier: Apache-2.0

package types

// Systemd holds units.
type Systemd struct {
	// Units. Keyed by name.
	Units []Unit `json:"units,omitempty" since:"3.0"`
}

// Unit is a unit of systemd.
type Unit struct {
	// Text of the unit file. Unset: none is written.
	Contents *string `json:"contents,omitempty" since:"3.0"`
	// Drop-ins. Keyed by name.
	Dropins []Dropin `json:"dropins,omitempty" since:"3.0"`
	// True enables the unit by preset, false disables it, unset changes nothing.
	Enabled *bool `json:"enabled,omitempty" since:"3.0"`
	// True masks the unit, false unmasks it if it is masked, unset changes nothing.
	Mask *bool `json:"mask,omitempty" since:"3.0"`
	// Full name with suffix: `.service`, `.socket`, `.device`, `.mount`, `.automount`, `.swap`, `.target`, `.path`, `.timer`, `.snapshot`, `.slice` or `.scope`.
	Name string `json:"name" since:"3.0" need:"3.0"`
}

// Key identifies a unit: its name.
func (u Unit) Key() string { return u.Name }

// Dropin changes a unit.
type Dropin struct {
	// Text of the drop-in. Unset: none is written; an empty string: an empty file.
	Contents *string `json:"contents,omitempty" since:"3.0"`
	// File name, ending in `.conf`.
	Name string `json:"name" since:"3.0" need:"3.0"`
}

// Key identifies a drop-in: its name.
func (d Dropin) Key() string { return d.Name }
