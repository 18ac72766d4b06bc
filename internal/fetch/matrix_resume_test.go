// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A version is the headers of one version of a payload.
type validators struct {
	name    string
	headers []string
	strong  bool // sufficient to resume
}

const (
	longAgo = "Last-Modified: Fri, 31 Dec 1999 23:00:00 GMT"
	justNow = "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT" // when bubbles begin
)

var versions = []validators{
	{"tag", []string{`ETag: "one"`}, true},
	{"tag and time", []string{`ETag: "one"`, longAgo}, true},
	{"time", []string{longAgo}, true},
	{"time, just now", []string{justNow}, false},
	{"weak tag", []string{`ETag: W/"one"`}, false},
	{"weak tag and time", []string{`ETag: W/"one"`, longAgo}, false},
	{"not a tag", []string{`ETag: one`}, false},
	{"encoded", []string{`ETag: "one"`, "Content-Encoding: gzip"}, false},
	{"nothing", nil, false},
}

const brokeAt = 5000

// other is another version of the payload, of the same size.
var other = strings.ToUpper(body)

// The results of an answer to a request for the rest.
type result int

const (
	resumed   result = iota // the rest is accepted
	startOver               // the client asks for the whole
	otherOne                // the whole of another version came
	refusedIt               // the fetch fails with ErrFailed
	isMissing               // the fetch fails with ErrNotFound
)

// A second is the answer to the second request, which asks for the rest if the first answer had a validator.
type second struct {
	name    string
	answer  func(v validators) answer
	result  result
	unknown result // if the first answer had no size
	ranged  bool   // it is status 206, which is unexpected without a validator
}

// partial answers 206 with a range of body, Content-Range in any form, and other headers after those of the version.
func partial(from, to int, contentRange string, headers ...string) func(validators) answer {
	return func(v validators) answer {
		return func(w http.ResponseWriter, _ *http.Request) {
			set(w, append(append([]string{}, v.headers...), headers...))
			if contentRange != "" {
				w.Header().Set("Content-Range", contentRange)
			}
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, body[from:to])
		}
	}
}

// seconds returns the answers to requests for the rest.
func secondAnswers() []second {
	const rest = "bytes 5000-7999/8000"
	whole := func(text string, headers ...string) func(validators) answer {
		return func(v validators) answer { return plain(text, append(append([]string{}, v.headers...), headers...)...) }
	}
	status := func(n int) func(validators) answer { return func(validators) answer { return code(n) } }
	cutShort := func(v validators) answer {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3000")
			partial(5000, 6000, rest)(v)(w, r)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	two := func(v validators) answer {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Content-Range", rest)
			w.Header().Add("Content-Range", rest)
			partial(5000, 8000, "")(v)(w, r)
		}
	}
	return []second{
		{"the rest", partial(5000, 8000, rest), resumed, resumed, true},
		{"the rest, in capitals", partial(5000, 8000, "BYTES 5000-7999/8000"), resumed, resumed, true},
		{"the rest, size not told", partial(5000, 8000, "bytes 5000-7999/*"), resumed, startOver, true},
		{"the rest in parts", servesParts, resumed, resumed, true},
		{"part of the rest", partial(5000, 6000, "bytes 5000-5999/8000"), resumed, resumed, true},
		{"one byte of the rest", partial(5000, 5001, "bytes 5000-5000/8000"), resumed, resumed, true},
		{"part of the rest, size not told", partial(5000, 6000, "bytes 5000-5999/*"), resumed, startOver, true},
		{"less than the range", cutShort, resumed, resumed, true},
		{"less than the range, closed well", partial(5000, 6000, rest), startOver, startOver, true},
		{"more than the range", partial(5000, 8000, "bytes 5000-5999/8000"), resumed, resumed, true},
		{"another tag", partial(5000, 8000, rest, `ETag: "two"`, "Last-Modified: Fri, 31 Dec 1999 23:00:01 GMT"), startOver, startOver, true},
		{"a weak tag", partial(5000, 8000, rest, `ETag: W/"one"`, "Last-Modified: Fri, 31 Dec 1999 23:00:01 GMT"), startOver, startOver, true},
		{"another encoding", partial(5000, 8000, rest, "Content-Encoding: br", "Last-Modified: x"), startOver, startOver, true},
		{"no validator", func(validators) answer { return partial(5000, 8000, rest)(validators{}) }, startOver, startOver, true},
		{"another size", partial(5000, 8000, "bytes 5000-7999/9000"), startOver, startOver, true},
		{"several parts", partial(5000, 8000, rest, "Content-Type: multipart/byteranges; boundary=x"), startOver, startOver, true},
		{"several parts only", partial(5000, 8000, "", "Content-Type: Multipart/ByteRanges; boundary=x"), startOver, startOver, true},
		{"no range", partial(5000, 8000, ""), startOver, startOver, true},
		{"two ranges", two, startOver, startOver, true},
		{"range not a number", partial(5000, 8000, "bytes "+echo), startOver, startOver, true},
		{"range of another unit", partial(5000, 8000, "lines 5000-7999/8000"), startOver, startOver, true},
		{"negative range", partial(5000, 8000, "bytes -5000-7999/8000"), startOver, startOver, true},
		{"range without a size", partial(5000, 8000, "bytes 5000-7999"), startOver, startOver, true},
		{"range that ends before it begins", partial(5000, 8000, "bytes 5000-4999/8000"), startOver, startOver, true},
		{"range behind the end", partial(5000, 8000, "bytes 5000-8999/8000"), startOver, startOver, true},
		{"range too large", partial(5000, 8000, "bytes 5000-99999999999999999999/8000"), startOver, startOver, true},
		{"more than the size", longer("bytes 5000-8999/8000"), startOver, startOver, true},
		{"size 0", partial(5000, 8000, "bytes 5000-7999/0"), startOver, startOver, true},
		{"unsatisfied range", partial(5000, 8000, "bytes */8000"), startOver, startOver, true},
		{"range from the beginning", partial(0, 8000, "bytes 0-7999/8000"), refusedIt, refusedIt, true},
		{"range from another place", partial(5001, 8000, "bytes 5001-7999/8000"), refusedIt, refusedIt, true},
		{"the whole", whole(body), startOver, startOver, false},
		{"another version", whole(other, `ETag: "two"`), otherOne, otherOne, false},
		{"no such range", status(416), startOver, startOver, false},
		{"no content", status(204), refusedIt, refusedIt, false},
		{"missing", status(404), isMissing, isMissing, false},
		{"forbidden", status(403), refusedIt, refusedIt, false},
		{"busy", status(503), resumed, resumed, false},
		{"sends on", func(validators) answer { return code(302, "Location: /elsewhere") }, resumed, resumed, false},
	}
}

// longer answers 206 with a range that begins where body broke off, and with more bytes than body has.
func longer(contentRange string) func(validators) answer {
	return func(v validators) answer {
		return func(w http.ResponseWriter, _ *http.Request) {
			set(w, v.headers)
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, body[brokeAt:]+strings.Repeat("+", 1000))
		}
	}
}

// servesParts gives at most 700 bytes to each request for a range.
func servesParts(v validators) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		text, ranged := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
		from, err := strconv.Atoi(strings.TrimSuffix(text, "-"))
		if !ranged || err != nil {
			plain(body, v.headers...)(w, r)
			return
		}
		to := min(from+700, len(body))
		partial(from, to, fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))(v)(w, r)
	}
}

// resumeBehaviors has servers that break a body off. It combines the headers of the version, whether the size is known, the
// next answer, and whether the writer can rewind. Later answers serve the payload properly.
func resumeBehaviors() []behavior {
	var list []behavior
	for _, v := range versions {
		for _, s := range secondAnswers() {
			for _, sized := range []bool{true, false} {
				for _, fixed := range []bool{false, true} {
					list = append(list, resumeBehavior(v, s, sized, fixed))
				}
			}
		}
	}
	// Without a size in the first answer, nothing says that this is another version.
	return append(list, resumeBehavior(versions[0], second{"a larger size", longer("bytes 5000-8999/9000"), startOver, startOver, true}, true, false))
}

func resumeBehavior(v validators, s second, sized, fixed bool) behavior {
	b := behavior{name: fmt.Sprintf("%s, %s, sized %v, fixed %v", v.name, s.name, sized, fixed), fixed: fixed, want: body, most: 30 * time.Second}
	first := part(brokeAt, body, hangUp, v.headers...)
	if !sized {
		first = func(w http.ResponseWriter, _ *http.Request) {
			set(w, v.headers)
			io.WriteString(w, body[:brokeAt])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	b.world = func(w *world) {
		later := serve(body, v.headers...)
		if s.name == "the rest in parts" && v.strong {
			later = servesParts(v)
		}
		w.http("host:80", nil, &script{answers: []answer{first, s.answer(v), later}})
	}
	expected := s.result
	if !sized {
		expected = s.unknown
	}
	switch {
	case v.strong:
	case s.name == "no such range", s.name == "forbidden", s.ranged && s.name != "the rest in parts":
		expected = refusedIt // an answer to a request for the whole
	case s.name == "no content":
		expected, b.want = startOver, ""
	case expected == resumed:
		expected = startOver
	}
	switch expected {
	case startOver:
		if fixed {
			b.err = errFixed
		}
	case otherOne:
		if b.want = other; fixed {
			b.err = errFixed
		}
	case refusedIt:
		b.err = ErrFailed
	case isMissing:
		b.err = ErrNotFound
	}
	return b
}
