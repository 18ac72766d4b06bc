// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// ParseUpTo is Parse for machines that know no version after newest: a config of a later version is an error.
func ParseUpTo(src *diag.Source, newest spec.Version) (Document, diag.List) {
	d, report := Parse(src)
	if d.Version <= newest {
		return d, report
	}
	hint := "set ignition.version to " + newest.String()
	if author.IsAuthored(src.Text) {
		hint = "set version to one that becomes spec version " + newest.String() + " or an older one"
	}
	return Document{}, diag.List{{
		Severity: diag.Error, Code: "V005", Path: diag.ParsePath("$"), Span: d.Origins.Span("$.ignition.version"), Fatal: true,
		Summary: "config version " + d.Version.String() + " is newer than " + newest.String() + ", the newest that is accepted here",
		Hint:    hint,
	}}
}
