// SPDX-License-Identifier: Apache-2.0

package facts

// Handover is what the earlier stages of this boot left for the later ones. It names secrets but does not hold them.
type Handover struct {
	// Keys names the encrypted volumes whose keys the disks stage left.
	Keys []string `json:"keys,omitempty"`
	// VolumeKeyFiles and PlatformFiles are files that earlier stages left for the target root, by their paths in it.
	VolumeKeyFiles []string       `json:"volumeKeyFiles,omitempty"`
	PlatformFiles  []PlatformFile `json:"platformFiles,omitempty"`
	// HomeParts are the directories that the mount stage made, relative to the target root.
	HomeParts []string `json:"homeParts,omitempty"`
}

// PlatformFile is a file that the platform wants in the target root.
type PlatformFile struct {
	Path string `json:"path"`
	Mode int    `json:"mode"`
}

// SELinux is the SELinux policy that the target names (selinux_config(5)).
type SELinux struct {
	Policy string `json:"policy,omitempty"` // its name; empty: the target does without SELinux
	// Problem is why the name cannot be known although the target has a configuration; for people.
	Problem string `json:"problem,omitempty"`
}
