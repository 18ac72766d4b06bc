// SPDX-License-Identifier: Apache-2.0

package config

import (
	"compress/gzip"
	"io"
	"io/fs"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// Options say what Parse accepts.
type Options struct {
	JSONOnly bool  // YAML is not read; it is reported as JSON that is not well-formed
	Files    fs.FS // the local files of YAML; nil: naming one is an error
}

// Build translates a document in the Butane language and checks the config that it becomes. The findings are about the
// YAML: their paths are those that its author wrote. If the report has errors there is no result, and the document serves
// only to look up places.
func Build(src *diag.Source, o author.Options) (*author.Result, Document, diag.List) {
	r, d, report := Translate(src, o)
	if report.HasErrors() {
		r = nil
	}
	return r, d, report
}

// Translate is Build for programs that look further into documents with errors: there is a result as soon as the YAML became
// a config, be that valid or not.
func Translate(src *diag.Source, o author.Options) (*author.Result, Document, diag.List) {
	if o.Gzip == nil {
		o.Gzip = func(w io.Writer) author.Gzip {
			z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is valid
			return z
		}
	}
	return translate(src, o)
}

// translate is Translate with nothing compressed unless the options have a compressor: a config that is used at once needs none.
func translate(src *diag.Source, o author.Options) (*author.Result, Document, diag.List) {
	if o.Check == nil {
		o.Check = checkJSON
	}
	r, report := author.Translate(src, o)
	if report.HasErrors() {
		return nil, Document{}, report
	}
	d, found := FromTree(r.Doc)
	return r, d, append(report, r.Relocate(found)...)
}

// checkJSON checks a config that is text within another.
func checkJSON(src *diag.Source) diag.List {
	_, report := ParseWith(src, Options{JSONOnly: true})
	return report
}
