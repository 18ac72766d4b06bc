// SPDX-License-Identifier: Apache-2.0

// Package unitfile reads the text of systemd units: sections, options, and their lines.
//
// It reads a text as systemd does (systemd.syntax(7)), which ignores most of what it does not understand, and in the
// same call checks it by the stricter syntax that Ignition configs must obey. Validation and the engine both use
// it, so a unit means the same to both. It gives no meaning to names and
// values. The invariant: every text has a reading, and the same text has the same one everywhere.
package unitfile

import (
	"strings"
	"unicode/utf8"
)

// longest is the length in bytes from which systemd refuses a line, continuations included (LONG_LINE_MAX).
const longest = 1 << 20

// A File is a text as systemd reads it, and what is wrong with it.
type File struct {
	// Sections are in the order of the text, up to the problem that made systemd give up, if there is one. Names
	// may occur several times, and are those of the text whether systemd knows them or not.
	Sections []Section
	// Ignored are the lines that systemd leaves out, in order.
	Ignored []SyntaxError
	// Fatal is why systemd does not load the file at all.
	Fatal *SyntaxError
	// Strict is the first problem by the syntax of Ignition. It is independent of the others: Ignition refuses
	// lines that systemd ignores, and accepts some that systemd does not.
	Strict *SyntaxError
}

// A Section is a section with its options.
type Section struct {
	Name    string
	Line    int // from 1
	Options []Option
}

// An Option is one assignment. White space around name and value is gone; the backslash that continues a line is a
// space.
type Option struct {
	Name, Value string
	Line        int // from 1
}

// Parse reads a text.
func Parse(text string) File {
	r := reader{file: File{Strict: check(text)}}
	r.read(text)
	return r.file
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
func (f File) Values(section, option string) []string {
	var values []string
	for _, s := range f.Sections {
		for _, o := range s.Options {
			if s.Name == section && o.Name == option {
				values = append(values, o.Value)
			}
		}
	}
	return values
}

// Has reports whether a section of a name has an option.
func (f File) Has(section string) bool {
	for _, s := range f.Sections {
		if s.Name == section && len(s.Options) > 0 {
			return true
		}
	}
	return false
}

// space is what systemd takes for white space in units.
const space = " \t\r\n"

type reader struct {
	file File
	bom  bool // it was seen
}

func (r *reader) ignore(p Problem, line int) {
	r.file.Ignored = append(r.file.Ignored, SyntaxError{p, line})
}
func (r *reader) fail(p Problem, line int) { r.file.Fatal = &SyntaxError{p, line} }

// read joins the physical lines to logical ones. Comments do not interrupt a continued line, blank lines end it.
func (r *reader) read(text string) {
	var open strings.Builder // the continued line
	first := 0               // the number of its first line; 0: none is continued
	for number := 1; text != "" && r.file.Fatal == nil; number++ {
		var line string
		line, text = cutLine(text)
		if len(line) >= longest || open.Len()+len(line) > longest {
			r.fail(HugeLine, number)
			return
		}
		if trimmed := strings.TrimLeft(line, space); trimmed != "" && (trimmed[0] == '#' || trimmed[0] == ';') {
			continue
		}
		if after, found := strings.CutPrefix(line, "\ufeff"); found && !r.bom {
			line, r.bom = after, true
		}
		switch {
		case continued(line):
			if first == 0 {
				first = number
			}
			open.WriteString(line[:len(line)-1] + " ")
		case first > 0:
			open.WriteString(line)
			r.line(open.String(), first)
			open.Reset()
			first = 0
		default:
			r.line(line, number)
		}
	}
	if first > 0 && r.file.Fatal == nil {
		r.line(open.String(), first)
	}
}

// cutLine cuts the first line off. A line ends in a line feed, a carriage return, or one of each in either order, and
// perhaps a zero byte after them, or in a zero byte.
func cutLine(text string) (line, rest string) {
	end := strings.IndexAny(text, "\n\r\x00")
	if end < 0 {
		return text, ""
	}
	after := end
	for after < len(text) && strings.IndexByte("\n\r\x00", text[after]) >= 0 && strings.IndexByte(text[end:after], text[after]) < 0 {
		if after++; text[after-1] == 0 {
			break
		}
	}
	return text[:end], text[after:]
}

// continued reports whether a line ends in a backslash that no other backslash escapes.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// line reads one logical line.
func (r *reader) line(text string, number int) {
	text = strings.Trim(text, space)
	name, value, assigns := strings.Cut(text, "=")
	n := len(r.file.Sections)
	switch {
	case text == "":
	case !utf8.ValidString(text):
		r.fail(NotUTF8, number)
	case text[0] == '[' && (len(text) == 1 || text[len(text)-1] != ']'):
		r.fail(BadSection, number)
	case text[0] == '[' && !safe(text[1:len(text)-1]):
		r.fail(BadName, number)
	case text[0] == '[':
		r.file.Sections = append(r.file.Sections, Section{Name: text[1 : len(text)-1], Line: number})
	case n == 0:
		r.ignore(NoSection, number)
	case !assigns:
		r.ignore(NoEquals, number)
	case name == "":
		r.ignore(NoName, number)
	default:
		s := &r.file.Sections[n-1]
		s.Options = append(s.Options, Option{strings.Trim(name, space), strings.Trim(value, space), number})
	}
}

// safe reports whether systemd accepts a section's name.
func safe(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || strings.ContainsRune(`"'\`, c) })
}
