// SPDX-License-Identifier: Apache-2.0

package facts

// Units is what is known of systemd's units in the target.
type Units struct {
	// Found says whether the target has a unit that was asked for, masked or not.
	Found map[string]bool `json:"found,omitempty"`
	// Names lists all units of the target, for suggestions; nil: not asked.
	Names []string `json:"names,omitzero"`
	// Extended says that the target has system extensions, which bring units that cannot be seen yet. It is known together with
	// Names.
	Extended bool `json:"extended,omitempty"`
}
