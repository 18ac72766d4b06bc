// SPDX-License-Identifier: Apache-2.0

// Package config reads, checks and merges machine configs: bytes in, JSON or YAML, a validated config and a report out.
//
// It does no I/O, reads no clock and fetches nothing; the caller provides what a config refers to. The invariant: a
// Document without an error in its report is valid by the rules of the version it was written in, is in the newest
// form, and knows where each of its values was written.
//
// Stability: from the first tagged release on, names and signatures of this package, author, convert, lint, diag and spec
// change incompatibly only with the module's major version. What a config means follows the spec version that it
// states. Texts of findings are for people and may change at any time: programs branch on Code, Severity, Path and Span. Structs
// may get more fields, so name the fields in literals; types gets members when the format does. The other packages, doc, merge,
// rules and unitfile, may change with every release.
package config

import (
	"errors"
	"reflect"
	"slices"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// A Document is a config in the newest form with the places its values come from.
type Document struct {
	Config  types.Config
	Origins merge.Origins // where the values of Config were written
	Notes   diag.List     // warnings about what merging did; Validate reports them
	Version spec.Version  // the version that the config was written in; of merged configs the newest of theirs
}

// Empty returns the config that asks for nothing.
func Empty() Document {
	var c types.Config
	c.Ignition.Version = spec.Newest.String()
	return Document{Config: c}
}

// Parse reads a config of any accepted version, checks it by the rules of that version, and raises it to the newest
// form. The text is JSON, or YAML with a variant. If it is neither, the report is about YAML if the source has a name such as web.bu,
// and about JSON otherwise. If the report has errors, do not use the document.
func Parse(src *diag.Source) (Document, diag.List) { return ParseWith(src, Options{}) }

// ParseWith is Parse with options. Unknown keys of YAML that people write on purpose, those of author.IsMeant, are not reported.
func ParseWith(src *diag.Source, o Options) (Document, diag.List) {
	if !o.JSONOnly && author.IsAuthored(src.Text) {
		_, d, report := translate(src, author.Options{Files: o.Files})
		return d, slices.DeleteFunc(report, author.IsMeant)
	}
	if len(src.Text) == 0 {
		return Document{}, diag.List{{Severity: diag.Error, Code: "V001", Fatal: true, Span: src.Span(0, 0),
			Summary: "the config is empty", Hint: `the smallest config is {"ignition":{"version":"3.6.0"}}`}}
	}
	d, report := doc.ParseJSON(src)
	if report.HasErrors() {
		return Document{}, unreadable(src, o, report)
	}
	return FromTree(d)
}

// FromTree is Parse for a document that a front end has already read. Findings point to the spans of its nodes.
func FromTree(d *doc.Document) (Document, diag.List) {
	version, report := versionOf(d)
	if report.HasErrors() {
		return Document{}, report
	}
	var c types.Config
	report = d.Decode(&c, spec.Config(), version)
	if report.HasErrors() {
		return Document{}, report.Errors()
	}
	origins := merge.Of(d)
	report = append(rules.Check(&rules.Context{Version: version, Doc: d, Origins: origins}, &c), report...)
	spec.Raise(&c, version, func(i int) bool { return d.Present("storage", "luks", i, "clevis", "custom") })
	return Document{Config: c, Origins: origins, Version: version}, report
}

// head is the part of a config that says how to read the rest.
type head struct {
	Ignition struct {
		Version *string `json:"version" since:"3.0"`
	} `json:"ignition" since:"3.0"`
}

// versionOf reads the version of a document.
func versionOf(d *doc.Document) (spec.Version, diag.List) {
	var head head
	if report := d.Decode(&head, spec.Describe(reflect.TypeOf(head)), spec.Newest).Errors(); report.HasErrors() {
		return 0, report
	}
	text := ""
	if v := head.Ignition.Version; v != nil {
		text = *v
	}
	version, err := spec.Parse(text)
	if err == nil {
		return version, nil
	}
	var bad *spec.ParseError
	finding := diag.Diagnostic{Severity: diag.Error, Code: "V005", Path: diag.ParsePath("$"),
		Span: merge.Of(d).Span("$.ignition.version"), Summary: err.Error(), Fatal: true}
	if errors.As(err, &bad) {
		finding.Hint = bad.Hint()
		if bad.Malformed || bad.Text == "" {
			finding.Code = "V004"
		}
	}
	if old, ok := outdated(d, text); ok {
		finding.Summary, finding.Hint = finding.Summary+": this is "+old.What, old.Do
	}
	return 0, diag.List{finding}
}

// Merge lays the child over the parent. Neither is changed.
func Merge(parent, child Document) Document {
	if parent.IsEmpty() {
		return child
	}
	m := NewMerger(parent)
	m.Add(child)
	return m.Document()
}

// IsEmpty reports whether the document is that of Empty. Merging another document with it changes nothing.
func (d Document) IsEmpty() bool {
	d.Config.Ignition.Version = ""
	return d.Version == 0 && d.Notes == nil && d.Origins == merge.Origins{} && reflect.ValueOf(d.Config).IsZero()
}

// A Merger lays any number of configs over one, in time proportional to their total size.
type Merger struct {
	merger  *merge.Merger
	notes   diag.List
	version spec.Version
}

// NewMerger begins with a parent, which is not changed.
func NewMerger(parent Document) *Merger {
	return &Merger{merger: merge.New(parent.Config, parent.Origins), notes: parent.Notes, version: parent.Version}
}

// Add lays a child over what was merged so far. The child is not changed.
func (m *Merger) Add(child Document) {
	m.merger.Add(child.Config, child.Origins)
	m.notes = append(slices.Clip(m.notes), child.Notes...)
	m.version = max(m.version, child.Version)
}

// Ignition returns what the configs so far say about fetching.
func (m *Merger) Ignition() types.Ignition { return m.merger.Ignition() }

// Document returns the merged config. What is added later does not change it.
func (m *Merger) Document() Document {
	d := Document{Version: m.version}
	d.Config, d.Origins = m.merger.Result()
	d.Notes = slices.Concat(m.notes, m.merger.Notes())
	return d
}

// Validate checks a merged config by the rules that hold at run time: the object rules of the newest version. It
// also warns where merging gave a result that hardly anyone wants.
func Validate(d Document) diag.List {
	report := rules.Check(&rules.Context{Version: spec.Newest, Merged: true, Origins: d.Origins}, &d.Config)
	return append(report, d.Notes...)
}
