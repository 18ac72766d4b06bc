// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines writes findings in the form of Ignition's reports, one line each, without any text of the document.
func Lines(w io.Writer, l List) error {
	for _, d := range l {
		if _, err := fmt.Fprintln(w, d.Line()); err != nil {
			return err
		}
	}
	return nil
}

// Text writes findings for the author of a document: the line of Ignition's reports, then, with excerpts, the line of the
// document with the place marked, then what to do.
//
// Excerpts show the document, which may hold passwords and keys. They are for a terminal of the person who wrote it, never
// for a console or a log.
func Text(w io.Writer, l List, excerpts bool) error {
	for _, d := range l {
		var b bytes.Buffer
		b.WriteString(printable(d.Line()) + "\n")
		if excerpts {
			excerpt(&b, d)
		}
		if d.Hint != "" {
			b.WriteString("  hint: " + printable(d.Hint) + "\n")
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// Widths of an excerpt, in characters.
const (
	before = 50 // what is shown ahead of the mark
	after  = 70 // what is shown from the mark on
)

// excerpt writes the line in which a finding stands, and a line with carets below the place.
func excerpt(b *bytes.Buffer, d Diagnostic) {
	span := d.Mark
	if span.Source == nil {
		span = d.Span
	}
	if span.Source == nil || len(span.Source.Text) == 0 || span.Start.Line == 0 {
		return
	}
	line := span.Source.Line(span.Start.Line)
	at := min(span.Start.Column-1, len(line))
	end := len(line)
	if span.End.Line == span.Start.Line {
		end = min(max(span.End.Column-1, at), len(line))
	}
	if at > 0 && isBracketed(span) {
		at, end = at-1, at // of an object or list the bracket alone
	}
	left, cutLeft := keepRight(line[:at], before)
	marked, right := line[at:end], line[end:]
	marked, cutMarked := keepLeft(marked, after)
	right, cutRight := keepLeft(right, max(0, after-utf8.RuneCountInString(marked)))
	if cutMarked {
		right, cutRight = "", true
	}
	head := fmt.Sprintf("  %s:%d: ", printable(span.Source.Name), span.Start.Line)
	if cutLeft {
		head += "…"
	}
	tail := ""
	if cutRight {
		tail = "…"
	}
	left, marked, right = printable(left), printable(marked), printable(right)
	fmt.Fprintf(b, "%s%s%s%s%s\n", head, left, marked, right, tail)
	fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", utf8.RuneCountInString(head+left)), strings.Repeat("^", max(1, utf8.RuneCountInString(marked))))
}

// isBracketed tells whether a span is that of an object or list, which begins behind its bracket.
func isBracketed(s Span) bool {
	text, from, to := s.Source.Text, s.Start.Offset, s.End.Offset
	return from > 0 && to > from && to <= len(text) && (text[from-1] == '{' && text[to-1] == '}' || text[from-1] == '[' && text[to-1] == ']')
}

// keepRight returns the last n characters of a text, and whether there were more.
func keepRight(s string, n int) (string, bool) {
	i := len(s)
	for ; i > 0 && n > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return s[i:], i > 0
}

// keepLeft returns the first n characters of a text, and whether there were more.
func keepLeft(s string, n int) (string, bool) {
	i := 0
	for ; i < len(s) && n > 0; n-- {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s[:i], i < len(s)
}

// printable replaces what a terminal would act on: one character by one, so that columns stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, s)
}
