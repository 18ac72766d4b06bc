// SPDX-License-Identifier: Apache-2.0

// Package convert converts between formats of configs: Ignition 3.x to YAML, Ignition 2.x to 3.x, and the common part of
// cloud-config to YAML.
//
// It reads no files and fetches nothing. The invariant: the report lists every value that is not carried over, with its
// place and the reason; a report without errors or warnings means that the result asks for the same machine.
package convert

import (
	"bytes"
	"slices"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Codes of findings.
const (
	CodeLost  = "C001" // a value has no counterpart and is left out
	CodeInput = "C002" // the document cannot be read
	CodeNote  = "C003" // a value is carried over with a slightly different meaning
)

// Rules says what the codes of this package are about, for reports in SARIF.
func Rules() []diag.ToolRule {
	return []diag.ToolRule{
		{Code: CodeLost, About: "A value has a counterpart in the form that is converted to.", Severity: diag.Warning},
		{Code: CodeInput, About: "The document can be read."},
		{Code: CodeNote, About: "A value means the same in the form that is converted to.", Severity: diag.Info},
	}
}

// A Form is the format of a document.
type Form int

// The forms.
const (
	Unknown     Form = iota
	Ignition3        // JSON, 3.x
	Ignition2        // JSON, 2.x
	CloudConfig      // YAML with the first line #cloud-config
	Authored         // YAML with a variant: nothing to convert
)

// Detect returns the form of a document.
func Detect(text []byte) Form {
	trimmed := bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(trimmed, []byte("#cloud-config")):
		return CloudConfig
	case author.IsAuthored(text):
		return Authored
	case !bytes.HasPrefix(trimmed, []byte("{")):
		return Unknown
	}
	d, report := doc.ParseJSON(diag.NewSource("", text))
	if report.HasErrors() {
		return Ignition3
	}
	if i := d.Root.Find("ignition"); i != nil {
		if v := i.Find("version"); v != nil && len(v.Text) > 1 && v.Text[:2] == "2." {
			return Ignition2
		}
	}
	return Ignition3
}

// ToYAML turns a config into a document of the Butane language, for a spec version. Payloads that are text become inline.
func ToYAML(src *diag.Source) ([]byte, diag.List) {
	d, report := config.ParseWith(src, config.Options{JSONOnly: true})
	if report.HasErrors() {
		return nil, report
	}
	version, ok := versionOf(src)
	if !ok {
		return nil, fail(src, "the config has no version that can be read")
	}
	for i := range report {
		if report[i].Code == "V007" { // unknown members
			report[i].Code, report[i].Summary = CodeLost, report[i].Summary+": left out"
		}
	}
	text, more := yamlOf(d, version)
	return text, append(report, more...)
}

// versionOf returns the version that a valid config states.
func versionOf(src *diag.Source) (spec.Version, bool) {
	d, report := doc.ParseJSON(src)
	if report.HasErrors() {
		return 0, false
	}
	i := d.Root.Find("ignition")
	if i == nil {
		return 0, false
	}
	v := i.Find("version")
	if v == nil {
		return 0, false
	}
	version, err := spec.Parse(v.Text)
	return version, err == nil
}

// fail returns a report that the document as a whole cannot be converted.
func fail(src *diag.Source, summary string) diag.List {
	return diag.List{{Severity: diag.Error, Code: CodeInput, Path: path.New("yaml"), Span: src.Span(0, 0), Summary: summary}}
}

// oldest returns a config as JSON of the oldest version that can express it.
func oldest(d config.Document) ([]byte, diag.List) {
	var report diag.List
	for v := spec.V3_0; v <= spec.Stable; v++ {
		var text []byte
		if text, report = config.MarshalVersion(d, v); !report.HasErrors() {
			return text, nil
		}
	}
	return nil, report
}

// variantOf returns the variant of Fedora CoreOS for a spec version: the last that is translated to it.
func variantOf(v spec.Version) author.Variant {
	all := author.Variants()
	slices.Reverse(all)
	for _, a := range all {
		if a.Name == "fcos" && a.Spec == v {
			return a
		}
	}
	return author.Variant{}
}
