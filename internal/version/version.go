// SPDX-License-Identifier: Apache-2.0

// Package version knows the version of the programs, which is set when they are linked:
// go build -ldflags "-X github.com/firstlight-boot/firstlight/internal/version.version=1.2.3".
package version

var version = Unknown

// Unknown is the version of a program that was linked without one.
const Unknown = "0.0.0-unknown"

// Version returns the version of the program, such as 1.2.3. It never names a commit, because servers see it.
func Version() string { return version }
