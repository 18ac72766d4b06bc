// SPDX-License-Identifier: Apache-2.0

package unitfile

import "strings"

// LineMax is the length in bytes that a physical line of a unit in a config must stay below (LINE_MAX).
const LineMax = 2048

// A Problem is something wrong with the text of a unit.
type Problem int

// The problems. Up to LongLine they are those of Ignition's syntax, the others those of systemd; NoEquals belongs to
// both.
const (
	UnclosedSection Problem = iota
	TextAfterSection
	NoEquals
	EndInName
	LongLine
	NoSection
	NoName
	BadSection
	BadName
	NotUTF8
	HugeLine
)

// problems says what each problem is, and what to do about it.
var problems = [...]struct{ text, hint string }{
	UnclosedSection:  {"a [ has no ]", "close the section's name with ]"},
	TextAfterSection: {"text follows the ] of a section", "put it on a line of its own"},
	NoEquals:         {"the line has no =", "write NAME=VALUE; comments begin with #"},
	EndInName:        {"the text ends before the = of an option", "write NAME=VALUE"},
	LongLine:         {"the line has 2048 bytes or more", `break it with \ at the end of a line`},
	NoSection:        {"the line is before the first section", "put it below a section such as [Service]"},
	NoName:           {"the = has no name before it", "write NAME=VALUE"},
	BadSection:       {"a line that begins with [ does not end in ]", "write nothing but the section on its line: [Service]"},
	BadName:          {"the name of a section has quotes, backslashes or control characters", "remove them"},
	NotUTF8:          {"the line is not UTF-8", "save the file as UTF-8"},
	HugeLine:         {"the line has 1 MiB or more", "shorten it"},
}

// String says what the problem is.
func (p Problem) String() string { return problems[p].text }

// A SyntaxError is a problem with the line that has it.
type SyntaxError struct {
	Problem Problem
	Line    int // from 1
}

func (e *SyntaxError) Error() string { return "parse unit: " + e.Problem.String() }

// Hint says what to do about it.
func (e *SyntaxError) Hint() string { return problems[e.Problem].hint }

// check returns the first problem by the syntax of Ignition. Unlike systemd, it reads a comment with a backslash at
// its end as continued, a comment within a continued value as part of it, and text before the first [ as nothing.
func check(text string) *SyntaxError {
	c := checker{text: text, line: 1}
	if !c.preamble() {
		return c.err
	}
	for c.err == nil && c.pos < len(c.text) {
		c.item()
	}
	return c.err
}

type checker struct {
	text string
	pos  int
	line int
	err  *SyntaxError
}

func (c *checker) fail(problem Problem, line int) { c.err = &SyntaxError{problem, line} }

// preamble skips the text before the first section. A [ in a comment begins no section.
func (c *checker) preamble() bool {
	for c.pos < len(c.text) {
		switch c.text[c.pos] {
		case '[':
			return true
		case '#', ';':
			if c.lines(); c.err != nil {
				return false
			}
			continue
		case '\n':
			c.line++
		}
		c.pos++
	}
	return true
}

// item reads a section header, a comment, an option, or white space.
func (c *checker) item() {
	switch b := c.text[c.pos]; b {
	case '\n':
		c.line++
		c.pos++
	case ' ', '\t', '\r', '\v', '\f':
		c.pos++
	case '[':
		c.header()
	case '#', ';':
		c.lines()
	default:
		c.option()
	}
}

// rest reads to the end of the line, which must not be too long, and steps past it.
func (c *checker) rest() string {
	start := strings.LastIndexByte(c.text[:c.pos], '\n') + 1
	end, next := len(c.text), len(c.text)
	if n := strings.IndexByte(c.text[c.pos:], '\n'); n >= 0 {
		end, next = c.pos+n, c.pos+n+1
	}
	if end-start >= LineMax {
		c.fail(LongLine, c.line)
		return ""
	}
	rest := strings.TrimSuffix(c.text[c.pos:end], "\r")
	c.pos = next
	c.line++
	return rest
}

// lines skips the rest of a comment or a value; a backslash at the end of a line continues it.
func (c *checker) lines() {
	for c.err == nil && c.pos < len(c.text) && strings.HasSuffix(c.rest(), `\`) {
	}
}

func (c *checker) header() {
	line := c.line
	n := strings.IndexByte(c.text[c.pos:], ']')
	if n < 0 {
		c.fail(UnclosedSection, line)
		return
	}
	c.line += strings.Count(c.text[c.pos:c.pos+n], "\n")
	c.pos += n + 1
	at := c.line
	if rest := c.rest(); c.err == nil && strings.TrimSpace(rest) != "" {
		c.fail(TextAfterSection, at)
	}
}

func (c *checker) option() {
	switch n := strings.IndexAny(c.text[c.pos:], "=\r\n"); {
	case n < 0:
		c.fail(EndInName, c.line)
	case c.text[c.pos+n] != '=':
		c.fail(NoEquals, c.line)
	default:
		c.pos += n + 1
		c.lines()
	}
}
