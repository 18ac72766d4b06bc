// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime/debug"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/version"
)

// programVersion returns the version that ./build has set, or else, as after go install, that of the module.
func programVersion() string {
	if v := version.Version(); v != version.Unknown {
		return v
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version.Unknown
	}
	return ofModule(info.Main.Version)
}

// ofModule returns the version of a module, such as v1.2.3, without the commit at the end of a pseudo-version:
// v1.2.4-0.20260102030405-abcdefabcdef is 1.2.4-0.
func ofModule(text string) string {
	text, found := strings.CutPrefix(text, "v")
	if !found {
		return version.Unknown
	}
	text, _, _ = strings.Cut(text, "+")
	last := strings.LastIndexByte(text, '-')
	if last < 0 || len(text)-last != len("-abcdefabcdef") {
		return text
	}
	text = text[:last]
	return strings.TrimRight(strings.TrimSuffix(text, text[max(0, len(text)-len("20260102030405")):]), ".-")
}
