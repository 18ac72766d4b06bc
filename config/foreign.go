// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/sniff"
)

// MaxBytes is the most that one config may hold, in bytes, decompressed.
const MaxBytes = 256 << 20

// ErrTooLarge is wrapped by the error of a config that has more than MaxBytes.
var ErrTooLarge = fmt.Errorf("it has more than %d MiB", MaxBytes>>20)

// Gunzip decompresses a config that begins like a gzip file (RFC 1952), and returns any other as it is: many clouds limit
// user data to a few KiB. It decompresses once, and no more than MaxBytes.
func Gunzip(text []byte) ([]byte, error) { return gunzip(text, MaxBytes) }

func gunzip(text []byte, limit int) ([]byte, error) {
	if len(text) > limit {
		return nil, ErrTooLarge
	}
	if !bytes.HasPrefix(text, []byte{0x1f, 0x8b, 8}) {
		return text, nil
	}
	var plain bytes.Buffer
	rest := bytes.NewReader(text)
	r, err := gzip.NewReader(rest)
	for ; err == nil; err = r.Reset(rest) {
		r.Multistream(false) // so that the bytes after a member can be checked
		if _, err := io.Copy(&plain, io.LimitReader(r, int64(limit-plain.Len())+1)); err != nil {
			return nil, errGzip
		}
		if plain.Len() > limit {
			return nil, ErrTooLarge
		}
		if len(bytes.Trim(text[len(text)-rest.Len():], "\x00")) == 0 {
			return plain.Bytes(), nil // disks and FIFOs pad with NUL
		}
	}
	return nil, errGzip
}

var errGzip = errors.New("it begins like gzip data but is damaged or cut off; compress it again")

// unreadable returns the report that helps most with a text that is neither JSON nor YAML with a variant; report is about JSON.
func unreadable(src *diag.Source, o Options, report diag.List) diag.List {
	if found := foreign(src); found != nil {
		return found
	}
	if o.JSONOnly || !slices.Contains([]string{".bu", ".butane", ".yaml", ".yml"}, path.Ext(src.Name)) {
		return report
	}
	if _, _, found := translate(src, author.Options{Files: o.Files}); found.HasErrors() {
		return found
	}
	return report
}

// foreign reports on a text that is not JSON if it recognizes the text as something that people hand over by mistake, or returns
// nil: a complaint about the first byte would help nobody.
func foreign(src *diag.Source) diag.List {
	f, ok := sniff.Identify(src.Text, sniff.Options{})
	if !ok {
		return nil
	}
	unseen := diag.NewSource(src.Name, nil) // no excerpt: it helps nobody, and the text may hold anything
	return diag.List{{
		Severity: diag.Error, Code: "V002", Path: diag.ParsePath("$"), Span: unseen.Span(0, 1), Summary: f.Summary(), Hint: f.Do,
	}}
}

// outdated recognizes a config of a version before 3.0.0 in a document without a usable version.
func outdated(d *doc.Document, version string) (f sniff.Foreign, ok bool) {
	var members []string
	for _, k := range d.Root.Kids {
		members = append(members, k.Key)
	}
	return sniff.Old(version, members)
}
