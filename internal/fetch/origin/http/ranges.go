// SPDX-License-Identifier: Apache-2.0

package http

import (
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// errUnusable is the error for a part of a payload that cannot be proved to continue the earlier part. The client then asks
// for the whole payload.
var errUnusable = errors.New("the part does not continue the payload")

// validator returns the value with which a request can be resumed (RFC 9110, section 13.1.5): a strong entity tag, or the
// time of the last change if no other change can have followed within that second.
func validator(h nethttp.Header) string {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return ""
	}
	if tag := h.Get("ETag"); tag != "" {
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			return "" // weak, or not a tag
		}
		return tag
	}
	changed, err := nethttp.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	if sent, err := nethttp.ParseTime(h.Get("Date")); err != nil || sent.Sub(changed) < time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}

// rest reads the answer to a request for the rest of a payload. For the whole payload, or a refusal, it returns neither a
// stream nor an error: those are handled like other answers.
func rest(resp *nethttp.Response, from origin.Mark) (*origin.Stream, error) {
	switch resp.StatusCode {
	case nethttp.StatusPartialContent:
	case nethttp.StatusRequestedRangeNotSatisfiable:
		return nil, fmt.Errorf("%w: status 416", errUnusable)
	case nethttp.StatusNoContent:
		letGo(resp)
		return nil, fmt.Errorf("%w: status 204 No Content after %d bytes of content", origin.ErrFailed, from.Offset)
	default:
		return nil, nil
	}
	part, err := partOf(resp, from)
	if err != nil {
		return nil, err
	}
	return &origin.Stream{
		ReadCloser: &partBody{ReadCloser: resp.Body, left: part.last - part.first + 1},
		From:       origin.Mark{Offset: from.Offset, Validator: from.Validator, Total: part.total},
	}, nil
}

// partOf checks that a part begins where the payload broke off, and belongs to the same version. The total of the returned
// range is known.
func partOf(resp *nethttp.Response, from origin.Mark) (contentRange, error) {
	kind := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Type")))
	part, ok := parseContentRange(resp.Header.Values("Content-Range"))
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return part, fmt.Errorf("%w: several parts instead of one", errUnusable)
	case !ok:
		return part, fmt.Errorf("%w: no valid Content-Range", errUnusable)
	case validator(resp.Header) != from.Validator && resp.Header.Get("Last-Modified") != from.Validator:
		return part, fmt.Errorf("%w: its validator differs or is missing", errUnusable)
	case part.first != from.Offset:
		letGo(resp)
		return part, fmt.Errorf("%w: asked for the bytes from %d on, it sent \"%s\"", origin.ErrFailed, from.Offset, part)
	case part.total == 0:
		part.total = from.Total
	case from.Total != 0 && part.total != from.Total:
		return part, fmt.Errorf("%w: the size changed from %d to %d bytes", errUnusable, from.Total, part.total)
	}
	switch size := part.last - part.first + 1; {
	case part.total == 0:
		return part, fmt.Errorf("%w: the size of the whole is unknown", errUnusable)
	case part.last >= part.total:
		return part, fmt.Errorf("%w: its range ends after the payload", errUnusable)
	case resp.ContentLength >= 0 && resp.ContentLength != size:
		return part, fmt.Errorf("%w: %d bytes announced for a range of %d", errUnusable, resp.ContentLength, size)
	}
	return part, nil
}

// A contentRange is the value of a Content-Range header. A total of 0 means unknown.
type contentRange struct{ first, last, total int64 }

func (r contentRange) String() string {
	total := "*"
	if r.total > 0 {
		total = strconv.FormatInt(r.total, 10)
	}
	return fmt.Sprintf("bytes %d-%d/%s", r.first, r.last, total)
}

// parseContentRange reads "bytes FIRST-LAST/TOTAL" (RFC 9110, section 14.4).
func parseContentRange(values []string) (r contentRange, ok bool) {
	if len(values) != 1 {
		return r, false
	}
	unit, value, _ := strings.Cut(values[0], " ")
	span, total, found := strings.Cut(value, "/")
	first, last, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !found || !dash {
		return r, false
	}
	number := func(text string) int64 {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			ok = false
		}
		return int64(n)
	}
	ok = true
	r.first, r.last = number(first), number(last)
	if total != "*" {
		r.total = number(total)
		ok = ok && r.total > 0
	}
	return r, ok && r.first <= r.last
}

// A partBody is the body of a part, with exactly the number of bytes of its range.
type partBody struct {
	io.ReadCloser
	left int64
}

func (b *partBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
