// SPDX-License-Identifier: Apache-2.0

// Package diag holds and prints findings about a document, each with its place.
//
// It makes no findings itself. The invariant: a place is exact to the byte, or it is the nearest enclosing value that
// the document has, and reports show no text of the document unless the caller asks for excerpts.
package diag

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/coreos/vcontext/path"
)

// A Source is a document as it was read.
type Source struct {
	Name string // for people: a file, a redacted URL, the name of a channel
	Text []byte // must not change after parsing: values share its memory

	index sync.Once
	lines []int32 // offset of each line's first byte; made on first use
}

// NewSource returns the source of a text.
func NewSource(name string, text []byte) *Source { return &Source{Name: name, Text: text} }

// indexLines finds the lines.
func (s *Source) indexLines() {
	s.lines = make([]int32, 1, 1+bytes.Count(s.Text, []byte{'\n'}))
	for at := 0; ; {
		n := bytes.IndexByte(s.Text[at:], '\n')
		if n < 0 {
			return
		}
		at += n + 1
		s.lines = append(s.lines, int32(at))
	}
}

// Pos returns the position of a byte; offsets outside the text are those of its ends.
func (s *Source) Pos(offset int) Pos {
	s.index.Do(s.indexLines)
	offset = max(0, min(offset, len(s.Text)))
	line := sort.Search(len(s.lines), func(i int) bool { return int(s.lines[i]) > offset })
	return Pos{Offset: offset, Line: line, Column: offset - int(s.lines[line-1]) + 1}
}

// Line returns the text of a line, counted from 1, without its end.
func (s *Source) Line(n int) string {
	s.index.Do(s.indexLines)
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.Text)
	if n < len(s.lines) {
		end = int(s.lines[n]) - 1
	}
	return strings.TrimSuffix(string(s.Text[s.lines[n-1]:end]), "\r")
}

// lineCount returns how many lines there are. A line end at the very end begins no further line.
func (s *Source) lineCount() int {
	s.index.Do(s.indexLines)
	n := len(s.lines)
	if n > 1 && int(s.lines[n-1]) == len(s.Text) {
		n--
	}
	return n
}

// lineStart returns the offset of a line's first byte.
func (s *Source) lineStart(n int) int {
	s.index.Do(s.indexLines)
	return int(s.lines[max(1, min(n, len(s.lines)))-1])
}

// Span returns the span between two offsets.
func (s *Source) Span(start, end int) Span {
	return Span{Source: s, Start: s.Pos(start), End: s.Pos(end)}
}

// A Pos is a position in a document: offset from 0, line and column from 1, columns in bytes.
type Pos struct{ Offset, Line, Column int }

// A Span is a part of a document. The zero Span stands for no place. A Span from another process has no
// text, only a name, line and column.
type Span struct {
	Source     *Source
	Start, End Pos
}

// A Place is the start of a span, for other processes and for people.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String returns "file:line:column"; for an unknown place, it is empty.
func (p Place) String() string {
	switch {
	case p == Place{}:
		return ""
	case p.Line == 0:
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// With returns the place and the path of the config there, for people.
func (p Place) With(path string) string {
	switch {
	case p == Place{}:
		return path
	case path == "" || path == "$":
		return p.String()
	}
	return p.String() + " (" + path + ")"
}

// Span returns the place as a span without text.
func (p Place) Span() Span {
	if p == (Place{}) {
		return Span{}
	}
	at := Pos{Line: p.Line, Column: p.Column}
	return Span{Source: &Source{Name: p.File}, Start: at, End: at}
}

// Place returns where the span starts.
func (s Span) Place() Place {
	if s.Source == nil {
		return Place{}
	}
	return Place{File: s.Source.Name, Line: s.Start.Line, Column: s.Start.Column}
}

// Severity says how bad a finding is.
type Severity int

// The severities. A document with an Error is rejected.
const (
	Error Severity = iota
	Warning
	Info
)

// String returns "error", "warning" or "info".
func (s Severity) String() string { return [...]string{"error", "warning", "info"}[s] }

// A Diagnostic is one finding.
type Diagnostic struct {
	Severity Severity
	Code     string // id of the rule, such as V401
	Path     path.ContextPath
	Span     Span
	Summary  string // what is wrong
	Hint     string // what to do about it; may be empty
	// Mark is the exact text that the finding is about, if that is not Span: one character of a string, one line of a
	// unit, or the value before Span. The start of Span is that of Ignition's report.
	Mark Span
	// Subject is the path of the value that Mark is in, if that is not Path, which is the path of Ignition's report.
	Subject *path.ContextPath
	// Related is another place that explains the finding, such as the entry that a repeated one repeats.
	Related *Related
	// Fatal marks a failure of the document as a whole: nothing in it could be read as a config, and Ignition's
	// report has no entry for it.
	Fatal bool
}

// A Related place explains a finding.
type Related struct {
	Span Span
	Text string // describes the place: "the first entry with this path"
}

// Place returns where the finding is, as Ignition's reports have it.
func (d Diagnostic) Place() Place { return d.Span.Place() }

// Exact returns the text that the finding is about: Mark, or else Span. For an object or list, that is the opening bracket.
func (d Diagnostic) Exact() Span {
	s := d.Span
	if d.Mark.Source != nil {
		s = d.Mark
	}
	return s.bracket()
}

// bracket returns the opening bracket of an object or list, whose span starts after it, and other spans unchanged.
func (s Span) bracket() Span {
	if s.Source == nil || !isBracketed(s) {
		return s
	}
	return Span{Source: s.Source, Start: s.Source.Pos(s.Start.Offset - 1), End: s.Start}
}

// About returns the path of the value that the finding is about: Subject, or else Path.
func (d Diagnostic) About() path.ContextPath {
	if d.Subject != nil {
		return *d.Subject
	}
	return d.Path
}

// String returns the finding in the form of compilers: "FILE:LINE:COLUMN: error: TEXT [CODE]".
func (d Diagnostic) String() string {
	var b strings.Builder
	if at := d.Exact().Place().String(); at != "" {
		b.WriteString(at + ": ")
	} else if d.Path.Len() > 0 {
		b.WriteString(pathText(d.Path) + ": ")
	}
	b.WriteString(d.Severity.String() + ": " + d.Summary)
	if d.Code != "" {
		b.WriteString(" [" + d.Code + "]")
	}
	return printable(b.String())
}

// pathText prints a path for people: long names of unknown members are cut, and characters that a terminal acts on are replaced.
func pathText(p path.ContextPath) string {
	const most = 100
	for _, step := range p.Path {
		if name, ok := step.(string); ok && (len(name) > most || printable(name) != name) {
			short := path.New(p.Tag)
			for _, step := range p.Path {
				if name, ok := step.(string); ok {
					step = Cut(name, most)
				}
				short = short.Append(step)
			}
			return short.String()
		}
	}
	return p.String()
}

// Cut returns up to n bytes of a text, whole characters only, and an ellipsis if there is more. Characters that a
// terminal acts on are replaced.
func Cut(text string, n int) string {
	if len(text) <= n {
		return printable(text)
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return printable(text[:n]) + "…"
}

// Line returns the finding in the form of Ignition's reports:
// "KIND at PATH, line N col M: TEXT", without the path or the position if there is none.
func (d Diagnostic) Line() string {
	var b strings.Builder
	b.WriteString(d.Severity.String())
	if d.Path.Len() > 0 {
		b.WriteString(" at " + pathText(d.Path))
	}
	if d.Span.Source != nil && d.Span.Start.Line > 0 {
		if d.Path.Len() > 0 {
			b.WriteString(",")
		} else {
			b.WriteString(" at")
		}
		b.WriteString(" line " + strconv.Itoa(d.Span.Start.Line) + " col " + strconv.Itoa(d.Span.Start.Column))
	}
	return b.String() + ": " + d.Summary
}

// A List is the findings about a document.
type List []Diagnostic

// Err returns nil if the document is accepted, and otherwise a *ReportError with its errors.
func (l List) Err() error {
	if errors := l.Errors(); len(errors) > 0 {
		return &ReportError{Findings: errors}
	}
	return nil
}

// ReportError is a rejected document as an error.
type ReportError struct {
	Findings List // the errors, at least one
}

// Error returns the first error with its place, and how many more there are.
func (e *ReportError) Error() string {
	text := e.Findings[0].String()
	if more := len(e.Findings) - 1; more > 0 {
		text += " (and " + strconv.Itoa(more) + " more)"
	}
	return text
}

// Hint says what to do about the first error; it may be empty.
func (e *ReportError) Hint() string { return e.Findings[0].Hint }

// HasErrors reports whether the document is rejected.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Errors returns only the errors.
func (l List) Errors() List {
	var errors List
	for _, d := range l {
		if d.Severity == Error {
			errors = append(errors, d)
		}
	}
	return errors
}

// SortByPath orders findings by path: an object before its members, members by name, elements by index. Findings with
// equal paths keep their order.
func (l List) SortByPath() {
	sort.SliceStable(l, func(i, j int) bool { return slices.CompareFunc(l[i].Path.Path, l[j].Path.Path, compareSteps) < 0 })
}

// compareSteps compares two steps of paths; at one place of a config both are of one kind.
func compareSteps(a, b any) int {
	i, isIndex := a.(int)
	j, isAlso := b.(int)
	if isIndex && isAlso {
		return cmp.Compare(i, j)
	}
	x, _ := a.(string)
	y, _ := b.(string)
	return cmp.Compare(x, y)
}

// Most is how many findings of each severity a Collector keeps.
const Most = 10000

// A Collector gathers a bounded number of findings: a document full of mistakes must not make a report many times its
// own size.
type Collector struct {
	list    List
	counts  [Info + 1]int
	dropped int
}

// Add adds a finding, unless there are too many of its severity.
func (c *Collector) Add(d Diagnostic) {
	if c.counts[d.Severity]++; c.counts[d.Severity] > Most {
		c.dropped++
		return
	}
	c.list = append(c.list, d)
}

// Full reports whether further findings of a severity would be dropped.
func (c *Collector) Full(s Severity) bool { return c.counts[s] >= Most }

// List returns the findings, and a note on how many were left out.
func (c *Collector) List() List {
	if c.dropped == 0 {
		return c.list
	}
	return append(slices.Clip(c.list), Diagnostic{Severity: Info, Code: "N001",
		Summary: strconv.Itoa(c.dropped) + " more findings are not shown"})
}

// ParsePath reads a path as it is printed: "$.storage.files.0.path". Numbers are indexes.
func ParsePath(text string) path.ContextPath {
	p := path.New("json")
	steps := strings.Split(text, ".")
	for _, s := range steps[1:] {
		if n, err := strconv.Atoi(s); err == nil {
			p = p.Append(n)
		} else {
			p = p.Append(s)
		}
	}
	return p
}
