// SPDX-License-Identifier: Apache-2.0

package http

import (
	nethttp "net/http"
	"strings"
	"testing"
)

func TestValidator(t *testing.T) {
	const date, old, late = "Date: Sat, 01 Jan 2000 00:00:01 GMT", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "Last-Modified: Sat, 01 Jan 2000 00:00:01 GMT"
	for _, c := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"nothing", nil, ""},
		{"tag", []string{`ETag: "a"`}, `"a"`},
		{"tag before time", []string{`ETag: "a"`, date, old}, `"a"`},
		{"weak tag", []string{`ETag: W/"a"`, date, old}, ""},
		{"not a tag", []string{"ETag: a"}, ""},
		{"half a tag", []string{`ETag: "`}, ""},
		{"time", []string{date, old}, "Sat, 01 Jan 2000 00:00:00 GMT"},
		{"time within the second of the answer", []string{date, late}, ""},
		{"time without a date", []string{old}, ""},
		{"not a time", []string{date, "Last-Modified: yesterday"}, ""},
		{"encoded", []string{`ETag: "a"`, "Content-Encoding: gzip"}, ""},
		{"not encoded", []string{`ETag: "a"`, "Content-Encoding: identity"}, `"a"`},
	} {
		h := nethttp.Header{}
		for _, line := range c.headers {
			name, value, _ := strings.Cut(line, ": ")
			h.Set(name, value)
		}
		if got := validator(h); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzContentRange checks that an accepted range is valid, and that its text parses to the same range.
func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-0/1", "bytes 5-7/8", "bytes 5-7/*", "bytes */8", "bytes 7-5/8", "bytes 5-7", "lines 5-7/8", "bytes  5-7/8",
		"bytes -5-7/8", "bytes 5-7/0", "bytes 5-99999999999999999999/8", "bytes +5-7/8", "bytes 5 - 7/8", "bytes 0x5-7/8", "bytes 5_0-70/80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, ok := parseContentRange([]string{value})
		if !ok {
			return
		}
		if r.first < 0 || r.last < r.first || r.total < 0 {
			t.Errorf("%q is read as %s", value, r)
		}
		if again, ok := parseContentRange([]string{r.String()}); !ok || again != r {
			t.Errorf("%q is read as %s, which is read as %s", value, r, again)
		}
	})
}
