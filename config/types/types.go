// SPDX-License-Identifier: Apache-2.0

// Package types holds the one set of types of a config, in the newest form of the format.
//
// There is never a second copy for another version: each member's tag says which version introduced it, and package
// spec knows the few differences that are not additions. The types do nothing; they refuse nothing. The invariant: the
// zero value is the empty config, and an optional member is a pointer, a list, or a struct of optional members.
//
// Tags: json names the member, since the first version that knows it. The meaning of members is that of the Ignition
// configuration specification, https://coreos.github.io/ignition/specs/.
package types

// Config is a whole config.
type Config struct {
	Ignition        Ignition        `json:"ignition" since:"3.0"`
	KernelArguments KernelArguments `json:"kernelArguments,omitempty" since:"3.3"`
	Passwd          Passwd          `json:"passwd,omitempty" since:"3.0"`
	Storage         Storage         `json:"storage,omitempty" since:"3.0"`
	Systemd         Systemd         `json:"systemd,omitempty" since:"3.0"`
}
