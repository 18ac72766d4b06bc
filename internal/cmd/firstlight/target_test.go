// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// TestTargets checks what --target accepts: spec versions, variants, releases of Fedora CoreOS.
func TestTargets(t *testing.T) {
	want := map[string]spec.Version{
		"fcos@31": spec.V3_0, "fcos@32": spec.V3_0, "fcos@33": spec.V3_1, "fcos@34": spec.V3_2, "fcos@37": spec.V3_3, "fcos@38": spec.V3_4,
		"fcos@38.20230430.3.1": spec.V3_4, "fcos@41": spec.V3_4, "fcos@42": spec.V3_5, "fcos@99": spec.V3_5,
	}
	for _, v := range spec.All() {
		want[v.String()] = v
	}
	for _, v := range author.Variants() {
		want[v.Name+"@"+v.Version] = v.Spec
	}
	for text, version := range want {
		if got, err := targetVersion(text); err != nil || got != version {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

// TestUnknownTargets checks that the message about a target that is not known lists what is.
func TestUnknownTargets(t *testing.T) {
	const (
		specs   = "; use one of 3.0.0 to 3.6.0 and 3.7.0-experimental, or VARIANT@VERSION"
		flatcar = "; the versions of flatcar are 1.0.0, 1.1.0, 1.2.0-experimental"
		fcos    = "; the versions of fcos are 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0, 1.8.0-experimental; releases of Fedora CoreOS are known from 31 on"
	)
	for text, want := range map[string]string{
		"":               `"" is not a spec version` + specs,
		"3.9.0":          `"3.9.0" is not a spec version` + specs,
		"2.3.0":          `"2.3.0" is not a spec version` + specs,
		"3.4":            `"3.4" is not a spec version; did you mean 3.4.0?`,
		"v3.4.0":         `"v3.4.0" is not a spec version; did you mean 3.4.0?`,
		"3.7.0":          `"3.7.0" is not a spec version; did you mean 3.7.0-experimental?`,
		"flatcr":         `"flatcr" is not a spec version; did you mean flatcar@1.1.0?`,
		"fcos":           "fcos needs a version" + fcos,
		"fcos@":          "fcos needs a version" + fcos,
		"fcos@30":        "fcos has no version 30" + fcos,
		"fcos@banana":    "fcos has no version banana" + fcos,
		"fcos@-1":        "fcos has no version -1" + fcos,
		"fcos@1.5":       "fcos has no version 1.5; did you mean fcos@1.5.0?",
		"fcos@1.8.0":     "fcos has no version 1.8.0; did you mean fcos@1.8.0-experimental?",
		"openshift@4.12": "openshift has no version 4.12; did you mean openshift@4.12.0?",
		"flatcar@3510":   "flatcar has no version 3510" + flatcar,
		"flatcr@1.0.0":   "flatcr@1.0.0 is not known: no variant is named flatcr; did you mean flatcar?",
		"rhcos@4.12":     "rhcos@4.12 is not known: openshift has replaced the variant rhcos; did you mean openshift@4.22.0?",
		"suse@1":         "suse@1 is not known: the variants are fcos, flatcar, r4e, fiot, openshift",
		"@1.5.0":         "@1.5.0 is not known: the variants are fcos, flatcar, r4e, fiot, openshift",
	} {
		out, err, code := run(t, warnYAML, "firstlight", "build", "--target="+text)
		want = "firstlight build: --target: " + want + "\nRun \"firstlight help build\" for its arguments and flags.\n"
		if diff := cmp.Diff(want, err); diff != "" || out != "" || code != exitUsage {
			t.Errorf("%q: exit code %d, standard output %q, %s", text, code, out, diff)
		}
	}
}
