// SPDX-License-Identifier: Apache-2.0

package facts

// Units is what is known of systemd's units in the target.
type Units struct {
	// Found lists those of the units to be enabled that the target has, masked ones included.
	Found []string `json:"found,omitempty"`
	// Names lists all units of the target, for suggestions. It is nil unless a unit is missing.
	Names []string `json:"names,omitempty"`
	// Extended says that the target has system extensions, which bring units that cannot be seen yet.
	Extended bool `json:"extended,omitempty"`
}
