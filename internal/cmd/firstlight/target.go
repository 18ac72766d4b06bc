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

// A target is the value of --target: the newest spec version that the output may have.
type target struct {
	text string
	most spec.Version
}

// String returns the target as it was given; "" if there is none.
func (t *target) String() string { return t.text }

// Set takes a target.
func (t *target) Set(text string) (err error) {
	t.text = text
	t.most, err = targetVersion(text)
	return err
}

// targetVersion reads what --target names: a spec version, a variant with its version (fcos@1.5.0), or a release of Fedora
// CoreOS (fcos@38).
func targetVersion(text string) (spec.Version, error) {
	name, version, hasVersion := strings.Cut(text, "@")
	if v, err := spec.Parse(text); !hasVersion && err == nil {
		return v, nil
	}
	var known []string
	for _, v := range author.Variants() {
		if v.Name == name {
			if v.Version == version {
				return v.Spec, nil
			}
			known = append(known, v.Version)
		}
	}
	switch {
	case name == "fcos" && hasVersion:
		if v, ok := coreosRelease(version); ok {
			return v, nil
		}
	case known == nil && hasVersion:
		return 0, unknownVariant(text, name)
	case known == nil:
		return 0, unknownSpec(text)
	}
	return 0, unknownVersion(name, version, known)
}

// coreosRelease returns the spec version that every image of a release reads: 38, or 38.20230430.3.1.
func coreosRelease(text string) (spec.Version, bool) {
	major, _, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(major)
	for _, r := range coreosReleases {
		if err == nil && n >= r.release {
			return r.spec, true
		}
	}
	return 0, false
}

// unknownSpec is the error of a target that is neither a spec version nor a variant.
func unknownSpec(text string) error {
	for v := range spec.Newest + 1 {
		if minor := fmt.Sprintf("3.%d", v); strings.TrimSuffix(strings.TrimPrefix(text, "v"), ".0") == minor {
			return fmt.Errorf("%q is not a spec version; did you mean %s?", text, v)
		}
	}
	if best := closest(text, variantNames()); best != "" && text != "" {
		return fmt.Errorf("%q is not a spec version; did you mean %s@%s?", text, best, author.Latest(best))
	}
	return fmt.Errorf("%q is not a spec version; use one of 3.0.0 to %s and %s, or VARIANT@VERSION", text, spec.Stable, spec.Newest)
}

// unknownVariant is the error of a target with the name of no variant.
func unknownVariant(text, name string) error {
	names := variantNames()
	if name == "rhcos" {
		return fmt.Errorf("%s is not known: openshift has replaced the variant rhcos; did you mean openshift@%s?", text, author.Latest("openshift"))
	}
	if best := closest(name, names); best != "" && name != "" {
		return fmt.Errorf("%s is not known: no variant is named %s; did you mean %s?", text, name, best)
	}
	return fmt.Errorf("%s is not known: the variants are %s", text, strings.Join(names, ", "))
}

// unknownVersion is the error of a target with a version that its variant does not have.
func unknownVersion(name, version string, known []string) error {
	list := "the versions of " + name + " are " + strings.Join(known, ", ")
	if name == "fcos" {
		list += fmt.Sprintf("; releases of Fedora CoreOS are known from %d on", coreosReleases[len(coreosReleases)-1].release)
	}
	if version == "" {
		return fmt.Errorf("%s needs a version; %s", name, list)
	}
	for _, v := range known {
		if v == version+".0" || v == version+"-experimental" || v == version+".0-experimental" {
			return fmt.Errorf("%s has no version %s; did you mean %s@%s?", name, version, name, v)
		}
	}
	return fmt.Errorf("%s has no version %s; %s", name, version, list)
}

// variantNames returns the names of the variants, each once.
func variantNames() []string {
	var names []string
	for _, v := range author.Variants() {
		if len(names) == 0 || names[len(names)-1] != v.Name {
			names = append(names, v.Name)
		}
	}
	return names
}
