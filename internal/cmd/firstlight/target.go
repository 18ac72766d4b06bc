// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// coreosReleases are the first major releases of Fedora CoreOS of which every image reads a spec version, the newest first.
var coreosReleases = []struct {
	release int
	spec    spec.Version
}{{42, spec.V3_5}, {38, spec.V3_4}, {35, spec.V3_3}, {34, spec.V3_2}, {33, spec.V3_1}, {31, spec.V3_0}}

// targetVersion reads what --target names: a spec version, a variant with its version (fcos@1.5.0), or a release of Fedora
// CoreOS (fcos@38).
func targetVersion(target string) (spec.Version, error) {
	name, version, isVariant := strings.Cut(target, "@")
	if !isVariant {
		v, err := spec.Parse(target)
		if err != nil {
			return 0, fmt.Errorf("--target: %w; it is a spec version such as 3.4.0, or VARIANT@VERSION", err)
		}
		return v, nil
	}
	if v, ok := author.Find(name, version); ok {
		return v.Spec, nil
	}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && name == "fcos" {
		for _, r := range coreosReleases {
			if n >= r.release {
				return r.spec, nil
			}
		}
	}
	return 0, fmt.Errorf("--target: %s is not known; write the spec version, such as 3.4.0", target)
}
