// SPDX-License-Identifier: Apache-2.0

package dataurl

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/vincent-petithory/dataurl"
)

// FuzzDecode compares our grammar with the library that Ignition decodes with.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"data:,a", "data:,a%20b", "data:,a%2", "data:,a b", "data:;base64,aGk=", "data:;base64,aGk", "data:text/plain,x", "data:text/plain;charset=utf-8,x",
		"data:text/plain;charset=utf-8;base64,aGk=", "data:x-a/b,c", "data:foo/bar,c", "data:hi", "data:", "data:;,x", "data:;a=,x", "data:;a=b,x",
		`data:;a="b c",x`, `data:;a="b\"c";base64,QQ==`, "data:/,x", "data:text,x", "data:text/,x", "data:image/svg+xml;utf8,<svg>", "data:;base64;a=b,x",
		"data:;base64,", "data:;base64,====", "data:;base64,QUJD RA==", "data:,é", "data:;a=%41,x", "data:;a=%4,x", "data:texts/plain,x", "data:;base64=1,x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if !strings.HasPrefix(source, "data:") {
			source = "data:" + source
		}
		// What the format asks beyond the library: it must be a URL, parameters have values, base64 has no line breaks.
		_, err := url.Parse(source)
		if err != nil || strings.Contains(source, `""`) || strings.Contains(source, "=,") || strings.Contains(source, "=;") {
			return
		}
		d, err := dataurl.DecodeString(source)
		if _, problem := Check(source); (problem == "") != (err == nil) {
			t.Errorf("%q: we say %q, the library %v", source, problem, err)
		}
		if data, ok := Decode(source); ok != (err == nil) || ok && !bytes.Equal(data, d.Data) {
			t.Errorf("%q: we decode %q, %v, the library %v", source, data, ok, err)
		}
	})
}
