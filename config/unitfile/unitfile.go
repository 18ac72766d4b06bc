// SPDX-License-Identifier: Apache-2.0

// Package unitfile reads the text of systemd units: sections, options, and where they stand.
//
// It reads what Ignition accepts, by the syntax of systemd.syntax(7), and gives no meaning to names and values. The
// invariant: a text without an error is taken apart completely; with an error, everything before it is.
package unitfile

import "strings"

// LineMax is the length in bytes that a physical line has to stay below, as systemd has it (LINE_MAX).
const LineMax = 2048

// A Section is a section with its options. A name may occur several times.
type Section struct {
	Name    string
	Line    int // from 1
	Options []Option
}

// An Option is one assignment. White space around name and value is gone; continued lines are joined by a space.
type Option struct {
	Name, Value string
	Line        int // from 1
}

// A Problem is a way in which a text is no unit.
type Problem int

// The problems.
const (
	UnclosedSection Problem = iota
	TextAfterSection
	NoEquals
	EndInName
	LongLine
)

// String says what the problem is.
func (p Problem) String() string {
	return [...]string{
		"a [ has no ]", "text follows the ] of a section", "the line has no =",
		"the text ends before the = of an option", "the line has 2048 bytes or more",
	}[p]
}

// A SyntaxError is the first problem of a text.
type SyntaxError struct {
	Problem Problem
	Line    int // from 1
}

func (e *SyntaxError) Error() string { return "parse unit: " + e.Problem.String() }

// Hint says what to do about it.
func (e *SyntaxError) Hint() string {
	return [...]string{
		"close the section's name with ]", "put it on a line of its own", "write NAME=VALUE; comments begin with #",
		"write NAME=VALUE", `break it with \ at the end of a line`,
	}[e.Problem]
}

// Parse takes a unit apart. Text before the first section has no meaning and is skipped.
func Parse(text string) ([]Section, *SyntaxError) {
	p := parser{text: text, line: 1}
	if !p.preamble() {
		return nil, p.err
	}
	for p.err == nil && p.pos < len(p.text) {
		p.item()
	}
	return p.sections, p.err
}

// LineRange returns the offsets of a line, counted from 1, without its end.
func LineRange(text string, line int) (from, to int) {
	for ; line > 1; line-- {
		n := strings.IndexByte(text[from:], '\n')
		if n < 0 {
			break
		}
		from += n + 1
	}
	to = len(text)
	if n := strings.IndexByte(text[from:], '\n'); n >= 0 {
		to = from + n
	}
	return from, to
}

// Values returns the values of an option in all sections of a name, in order.
func Values(sections []Section, section, option string) []string {
	var values []string
	for _, s := range sections {
		for _, o := range s.Options {
			if s.Name == section && o.Name == option {
				values = append(values, o.Value)
			}
		}
	}
	return values
}

type parser struct {
	text     string
	pos      int
	line     int
	sections []Section
	err      *SyntaxError
}

func (p *parser) fail(problem Problem, line int) { p.err = &SyntaxError{problem, line} }

// preamble skips what is before the first section. A comment there hides a [ in it.
func (p *parser) preamble() bool {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '[':
			return true
		case '#', ';':
			if p.comment(); p.err != nil {
				return false
			}
			continue
		case '\n':
			p.line++
		}
		p.pos++
	}
	return true
}

// item reads a section header, a comment, an option, or white space.
func (p *parser) item() {
	switch c := p.text[p.pos]; c {
	case '\n':
		p.line++
		p.pos++
	case ' ', '\t', '\r', '\v', '\f':
		p.pos++
	case '[':
		p.header()
	case '#', ';':
		p.comment()
	default:
		p.option()
	}
}

// rest reads up to the end of the line, which must not be too long, and steps behind it.
func (p *parser) rest() string {
	start := strings.LastIndexByte(p.text[:p.pos], '\n') + 1
	end, next := len(p.text), len(p.text)
	if n := strings.IndexByte(p.text[p.pos:], '\n'); n >= 0 {
		end, next = p.pos+n, p.pos+n+1
	}
	if end-start >= LineMax {
		p.fail(LongLine, p.line)
		return ""
	}
	rest := strings.TrimSuffix(p.text[p.pos:end], "\r")
	p.pos = next
	p.line++
	return rest
}

// comment skips a comment; a backslash at its end continues it.
func (p *parser) comment() {
	for p.err == nil && p.pos < len(p.text) && strings.HasSuffix(p.rest(), `\`) {
	}
}

func (p *parser) header() {
	line := p.line
	n := strings.IndexByte(p.text[p.pos:], ']')
	if n < 0 {
		p.fail(UnclosedSection, line)
		return
	}
	name := p.text[p.pos+1 : p.pos+n]
	p.pos += n + 1
	p.line += strings.Count(name, "\n")
	at := p.line
	if rest := p.rest(); p.err == nil && strings.TrimSpace(rest) != "" {
		p.fail(TextAfterSection, at)
		return
	}
	p.sections = append(p.sections, Section{Name: name, Line: line})
}

func (p *parser) option() {
	line := p.line
	n := strings.IndexAny(p.text[p.pos:], "=\r\n")
	switch {
	case n < 0:
		p.fail(EndInName, line)
		return
	case p.text[p.pos+n] != '=':
		p.fail(NoEquals, line)
		return
	}
	o := Option{Name: strings.TrimSpace(p.text[p.pos : p.pos+n]), Line: line}
	p.pos += n + 1
	value := p.rest()
	var parts []string
	for p.err == nil && strings.HasSuffix(value, `\`) {
		parts = append(parts, strings.TrimSuffix(value, `\`))
		if value = ""; p.pos < len(p.text) {
			value = p.rest()
		}
	}
	o.Value = strings.TrimSpace(strings.Join(append(parts, value), " "))
	s := &p.sections[len(p.sections)-1]
	s.Options = append(s.Options, o)
}
