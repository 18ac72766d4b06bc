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
	JSONOnly bool  // refuse YAML
	Files    fs.FS // the local files of YAML; if nil, naming one is an error
}

// Build translates a document in the Butane language and checks the resulting config. The findings are about the YAML,
// with the paths that its author wrote. If the report has errors, the result is nil, and the Document is good only for
// looking up places.
func Build(src *diag.Source, o author.Options) (*author.Result, Document, diag.List) {
	r, d, report := Translate(src, o)
	if report.HasErrors() {
		r = nil
	}
	return r, d, report
}

// Translate is Build for programs that also inspect documents with errors: it returns a result whenever the YAML
// translates to a config, valid or not.
func Translate(src *diag.Source, o author.Options) (*author.Result, Document, diag.List) {
	if o.Gzip == nil {
		o.Gzip = func(w io.Writer) author.Gzip {
			z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is valid
			return z
		}
	}
	return translate(src, o)
}

// translate is Translate without compression unless the options have a compressor: a config that is used at once needs none.
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
