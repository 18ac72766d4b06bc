// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
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

// A Style is how findings are written for people.
type Style struct {
	Excerpts bool // show the lines of the document around each finding, secrets masked
	Color    bool // use the colors of terminals
	Full     int  // how many findings are shown in full, the rest with a line each; 0 for all
}

// Text writes findings for the author of a document in a plain Style, with or without excerpts.
func Text(w io.Writer, l List, excerpts bool) error { return Style{Excerpts: excerpts}.Write(w, l) }

// Write writes findings as compilers do:
//
//	FILE:LINE:COLUMN: error: TEXT [CODE]
//	  11 |   "path": "/etc/motd",
//	  12 |   "mode": 9999
//	     |           ^^^^
//	  13 | }
//	help: what to do
//
// Excerpts show the document. Values of members that hold secrets are masked, but the document may hold other secrets: excerpts
// are for the person who wrote it, never for a console or a log.
func (s Style) Write(w io.Writer, l List) error {
	p := printer{Style: s, masks: Masker{}}
	for i, d := range l {
		full := s.Full == 0 || i < s.Full
		if i > 0 && s.Excerpts && (full || i == s.Full) {
			p.b.WriteString("\n")
		}
		p.finding(d, full)
		if _, err := w.Write(p.b.Bytes()); err != nil {
			return err
		}
		p.b.Reset()
	}
	return nil
}

// printer writes one finding after the other.
type printer struct {
	Style
	b     bytes.Buffer
	masks Masker
}

// Escape sequences of ECMA-48, as all terminals know them.
const (
	reset = "\x1b[0m"
	bold  = "\x1b[1m"
	blue  = "\x1b[1;34m"
	cyan  = "\x1b[1;36m"
)

// severityColors are red, yellow and cyan.
var severityColors = [...]string{Error: "\x1b[1;31m", Warning: "\x1b[1;33m", Info: cyan}

// paint colors a text if the style has colors.
func (p *printer) paint(color, text string) string {
	if !p.Color || text == "" {
		return text
	}
	return color + text + reset
}

func (p *printer) finding(d Diagnostic, full bool) {
	color := severityColors[d.Severity]
	text := d.String()
	if at, rest, ok := strings.Cut(text, d.Severity.String()+": "); ok && p.Color {
		text = p.paint(bold, at) + p.paint(color, d.Severity.String()+": ") + p.paint(bold, rest)
	}
	p.b.WriteString(text + "\n")
	if !full {
		return
	}
	if p.Excerpts {
		const around = 2
		p.excerpt(d.Exact(), color, around)
	}
	if r := d.Related; r != nil {
		if at := r.Span.bracket().Place().String(); at != "" {
			p.b.WriteString(p.paint(bold, printable(at)+": ") + p.paint(cyan, "note: ") + printable(r.Text) + "\n")
			if p.Excerpts {
				p.excerpt(r.Span.bracket(), cyan, 0)
			}
		}
	}
	if d.Hint != "" {
		p.b.WriteString(p.paint(cyan, "help: ") + printable(d.Hint) + "\n")
	}
}

// excerpt writes the line in which a span starts, with carets below it, and the lines around it.
func (p *printer) excerpt(span Span, color string, around int) {
	src := span.Source
	if src == nil || len(src.Text) == 0 || span.Start.Line == 0 {
		return
	}
	line := p.masks.Line(src, span.Start.Line)
	at := min(span.Start.Column-1, len(line))
	end := len(line)
	if span.End.Line == span.Start.Line {
		end = min(max(span.End.Column-1, at), len(line))
	}
	left := utf8.RuneCountInString(line[:at])
	marks := max(1, utf8.RuneCountInString(line[at:end]))
	view := newWindow(left, marks)
	first, last := max(1, span.Start.Line-around), min(src.lineCount(), span.Start.Line+around)
	gutter := len(fmt.Sprint(last))
	for n := first; n <= last; n++ {
		text := view.clip(p.masks.Line(src, n))
		if text == ellipsis {
			continue // a line around the mark that ends before the window
		}
		number := p.paint(blue, fmt.Sprintf("  %*d |", gutter, n))
		fmt.Fprintf(&p.b, "%s\n", strings.TrimRight(number+" "+text, " "))
		if n == span.Start.Line {
			number := p.paint(blue, fmt.Sprintf("  %*s |", gutter, ""))
			marks = min(marks, view.to-left)
			fmt.Fprintf(&p.b, "%s %s%s\n", number, strings.Repeat(" ", view.column(left)), p.paint(color, strings.Repeat("^", marks)))
		}
	}
}

// A window is the columns of lines that an excerpt shows, in characters. It keeps excerpts of very long lines readable.
type window struct{ from, to int }

// Widths of an excerpt, in characters.
const (
	excerptWidth = 100
	leftContext  = 40 // characters shown before the mark, if the line is longer than the window
)

// newWindow returns a window that shows a mark.
func newWindow(at, marks int) window {
	if at+min(marks, excerptWidth-leftContext) <= excerptWidth {
		return window{0, excerptWidth}
	}
	return window{at - leftContext, at - leftContext + excerptWidth}
}

// ellipsis marks text outside the window.
const ellipsis = "…"

// clip returns the part of a line that a window shows. It copies no more than that: a line may be the whole document.
func (v window) clip(line string) string {
	head, tail := "", ""
	from := skip(line, v.from)
	if v.from > 0 {
		if head = ellipsis; from == len(line) {
			return head
		}
	}
	to := from + skip(line[from:], v.to-v.from)
	if to < len(line) {
		tail = ellipsis
	}
	return head + printable(line[from:to]) + tail
}

// skip returns the offset behind the first n characters of a text.
func skip(text string, n int) int {
	for at := range text {
		if n--; n < 0 {
			return at
		}
	}
	return len(text)
}

// column returns the column of a character of a line in the window.
func (v window) column(at int) int {
	if v.from > 0 {
		return at - v.from + 1
	}
	return at
}

// A Masker returns lines of documents with their secrets masked. It remembers the documents that it has seen.
type Masker map[*Source][]extent

// Line returns a line, counted from 1. Bytes stay where they are: each byte of a secret is replaced by an asterisk.
func (m Masker) Line(src *Source, n int) string {
	mask, ok := m[src]
	if !ok {
		mask = secrets(src.Text)
		m[src] = mask
	}
	line := src.Line(n)
	start := src.lineStart(n)
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	var masked []byte
	for _, e := range mask {
		for i := max(e.from, start+indent); i < min(e.to, start+len(line)); i++ {
			if masked == nil {
				masked = []byte(line)
			}
			masked[i-start] = '*'
		}
	}
	if masked == nil {
		return line
	}
	return string(masked)
}

// isBracketed reports whether a span is that of an object or list, which begins after its bracket.
func isBracketed(s Span) bool {
	text, from, to := s.Source.Text, s.Start.Offset, s.End.Offset
	return from > 0 && to > from && to <= len(text) && (text[from-1] == '{' && text[to-1] == '}' || text[from-1] == '[' && text[to-1] == ']')
}

// printable replaces each character that a terminal would act on by one other, so columns stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !strconv.IsPrint(r):
			return '·'
		}
		return r
	}, s)
}

// Shown returns a text of unknown origin in a form fit to show: cut after most bytes, and without characters that a
// terminal would act on.
func Shown(text string, most int) string {
	text = printable(strings.ToValidUTF8(text, "·"))
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + ellipsis
}
