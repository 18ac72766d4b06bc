// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// explain says where a syntax error is and what to do about it. The parser names no column, and often the line of the
// surrounding block instead of that of the mistake.
func explain(src *diag.Source, p *positions, err error) (start, end int, problem, hint string) {
	problem = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(problem, "line "); ok {
		if _, after, ok := strings.Cut(rest, ": "); ok {
			problem = after
		}
	}
	if i := notText(src.Text); i >= 0 {
		return i, i + 1, problem, "save the file as UTF-8 without control characters"
	}
	at := reached(src.Text)
	line, from := lineAt(src.Text, at)
	for _, c := range causes {
		if !strings.Contains(problem, c.only) {
			continue
		}
		if i, n := c.find(src.Text, from, problem); i >= 0 {
			return i, i + n, c.problem(problem), c.hint
		}
	}
	indent := len(line) - len(bytes.TrimLeft(line, " \t"))
	return from + indent, from + max(indent+1, len(line)), problem, general(problem)
}

// A cause is a usual mistake: how to find it, and what to do.
type cause struct {
	only string // part of the parser's message; empty: any
	text string // in place of the parser's message, if not empty
	hint string
	find search
}

// A search looks for a mistake. It gets the whole text, the offset of the line that the parser reached, and the parser's message;
// it returns the offset and length of the mistake, or -1.
type search func(text []byte, from int, problem string) (at, length int)

// A lineSearch looks for a mistake in one line, and returns its offset there and its length, or -1.
type lineSearch func(line []byte) (at, length int)

// near searches the line that the parser reached, and the one before.
func near(find lineSearch) search {
	return func(text []byte, from int, _ string) (int, int) {
		line, _ := lineAt(text, from)
		if i, n := find(line); i >= 0 {
			return from + i, n
		}
		l := previous(text, from)
		if i, n := find(l.text); i >= 0 {
			return l.from + i, n
		}
		return -1, 0
	}
}

// above searches like near, and then all earlier lines, the last first.
func above(find lineSearch) search {
	return func(text []byte, from int, problem string) (int, int) {
		if i, n := near(find)(text, from, problem); i >= 0 {
			return i, n
		}
		for from > 0 {
			l := previous(text, from)
			if i, n := find(l.text); i >= 0 {
				return l.from + i, n
			}
			from = l.from
		}
		return -1, 0
	}
}

func (c *cause) problem(message string) string {
	if c.text != "" {
		return c.text
	}
	return message
}

// causes are tried in order.
var causes = []cause{
	{only: "unknown anchor", text: "the alias names an anchor that the lines before do not have",
		hint: "define the anchor with & before it is used, or put the value in quotes", find: unknownAlias},
	{text: "the line is indented with a wide or non-breaking space", hint: "replace it with ordinary spaces", find: near(wideIndent)},
	{only: "tab character", text: "the line is indented with a tab", hint: "replace the tab with spaces", find: tabBelow},
	{only: "could not find expected ':'", text: "the text of the block above is not indented",
		hint: "indent the lines of the text further than the key of the block", find: looseBlock},
	{only: "did not find expected key", text: "the line is not aligned with the members of its list item",
		hint: "align it with the first member, which follows the dash", find: besideMembers},
	{only: "did not find expected '-' indicator", text: "the line is not aligned with the members of its list item",
		hint: "align it with the first member, which follows the dash", find: besideMembers},
	{text: "the line is indented with a tab", hint: "replace the tab with spaces", find: near(tabIndent)},
	{only: "cannot start any token", text: "the value starts with a character that YAML reserves", hint: "put the value in quotes", find: near(reserved)},
	{only: "could not find expected ':'", text: "the colon needs a space after it", hint: "write NAME: VALUE", find: near(tightColon)},
	{only: "could not find expected ':'", text: "the line is neither NAME: VALUE nor part of the text above",
		hint: "write NAME: VALUE, or indent the line as far as the text above", find: near(first)},
	{only: "mapping values are not allowed", text: "the colon needs a space after it", hint: "write NAME: VALUE", find: near(tightColon)},
	{only: "mapping values are not allowed", text: "the line has a second colon, or is indented too far",
		hint: "quote the value if the colon belongs to it; otherwise align the line with the lines around it", find: near(secondColon)},
	{only: "expected node content", text: "a bracket is not closed", hint: "close it, or write the list with dashes on the next lines", find: near(openBracket)},
	{only: "expected ',' or", text: "a bracket is not closed, or a comma is missing", hint: "look for the missing bracket or comma", find: near(openBracket)},
	{only: "unexpected end of stream", text: "a quotation mark is not closed", hint: "close it; a value that starts with a quotation mark must end with one", find: above(openQuote)},
	{only: "unexpected document indicator", text: "a quotation mark is not closed", hint: "close it; a value that starts with a quotation mark must end with one", find: above(openQuote)},
	{only: "did not find expected alphabetic or numeric character", text: "the value starts with a character that begins an alias or anchor",
		hint: "put the value in quotes", find: near(bareAlias)},
	{only: "unknown escape character", text: "the backslash in double quotes begins an escape that YAML does not have",
		hint: `use single quotes, or write \\ for a backslash`, find: near(badEscape)},
	{only: "did not find expected key", text: "text follows the closing quotation mark",
		hint: "write a quotation mark within the value twice, or quote the value with the other kind", find: near(behindQuote)},
	{only: "did not find expected key", text: "the list item is indented differently from the items around it",
		hint: "align its dash with the other dashes of the list", find: firstDash},
	{only: "did not find expected key", text: "the colon needs a space after it", hint: "write NAME: VALUE", find: near(tightColon)},
	{only: "did not find expected '-' indicator", text: "the line is not indented like the list items around it",
		hint: "indent the members of an item two spaces deeper than its dash", find: near(first)},
	{only: "block sequence entries are not allowed", text: "the list starts on the line of its key, or is indented too far",
		hint: "start the list on the line after the key", find: near(dash)},
}

// notText returns the offset of the first byte that is not part of a character of YAML, or -1.
func notText(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// openBracket finds the last bracket that is not closed in its line.
func openBracket(line []byte) (int, int) {
	depth := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch line[i] {
		case ']', '}':
			depth++
		case '[', '{':
			if depth--; depth < 0 {
				return i, 1
			}
		}
	}
	return -1, 0
}

// openQuote finds a quotation mark that begins a value and has no counterpart in its line.
func openQuote(line []byte) (int, int) {
	for i, c := range line {
		if (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,", line[i-1]) >= 0) && bytes.Count(line[i:], []byte{c})%2 == 1 {
			return i, 1
		}
	}
	return -1, 0
}

func first(line []byte) (int, int) {
	i := len(line) - len(bytes.TrimLeft(line, " "))
	if i == len(line) {
		return -1, 0
	}
	return i, len(line) - i
}

// wideIndent finds a space that is not YAML's before the first word.
func wideIndent(line []byte) (int, int) {
	rest := bytes.TrimLeft(line, " -")
	r, size := utf8.DecodeRune(rest)
	if r < utf8.RuneSelf || !unicode.IsSpace(r) {
		return -1, 0
	}
	return len(line) - len(rest), size
}

func tabIndent(line []byte) (int, int) {
	for i, c := range line {
		switch c {
		case '\t':
			return i, 1
		case ' ', '-':
		default:
			return -1, 0
		}
	}
	return -1, 0
}

func reserved(line []byte) (int, int) {
	for i, c := range line {
		if strings.IndexByte("@`%\t", c) >= 0 && (i == 0 || strings.IndexByte(" :-[,", line[i-1]) >= 0) {
			return i, 1
		}
	}
	return -1, 0
}

// tightColon finds a colon right after a key, with a value right after the colon.
func tightColon(line []byte) (int, int) {
	start := len(line) - len(bytes.TrimLeft(line, " -"))
	for i := start; i < len(line); i++ {
		c := line[i]
		switch {
		case c == ':' && i > start && i+1 < len(line) && strings.IndexByte(" \t\r", line[i+1]) < 0 && !bytes.HasPrefix(line[i+1:], []byte("//")):
			return i, 1
		case c != '_' && c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9'):
			return -1, 0
		}
	}
	return -1, 0
}

func secondColon(line []byte) (int, int) {
	one := bytes.Index(line, []byte(": "))
	if one < 0 {
		return first(line)
	}
	two := bytes.Index(line[one+1:], []byte(":"))
	if two < 0 {
		return first(line)
	}
	return one + 1 + two, 1
}

func dash(line []byte) (int, int) {
	i := bytes.Index(line, []byte("- "))
	if i < 0 || len(bytes.TrimSpace(line[:i])) > 0 && !bytes.HasSuffix(bytes.TrimSpace(line[:i]), []byte(":")) {
		return -1, 0
	}
	return i, 1
}

// firstDash searches like near(dash), and then goes up to the first of the items in the same column: the parser reads past
// short items before it fails.
func firstDash(text []byte, from int, problem string) (int, int) {
	at, n := near(dash)(text, from, problem)
	for at >= 0 {
		_, begin := lineAt(text, at)
		above := previous(text, begin)
		if i, _ := dash(above.text); i < 0 || i != at-begin || begin == 0 {
			break
		}
		at = above.from + at - begin
	}
	return at, n
}

// general is the hint if no cause was found.
func general(problem string) string {
	switch {
	case strings.Contains(problem, "expected ',' or"), strings.Contains(problem, "expected node content"):
		return "look for a missing bracket"
	case strings.Contains(problem, "end of stream"):
		return "look for a missing quotation mark"
	case strings.Contains(problem, "unknown anchor"):
		return "define the anchor with & before it is used"
	}
	return "look at the indentation of this line and of the one before"
}

// reached returns how far the parser gets before it fails. It hands over the text in small pieces, larger ones if
// the text is long, so the mistake is in the last piece that the parser took.
func reached(text []byte) int {
	r := &pieces{text: text, size: 1 + len(text)>>18}
	var n yaml.Node
	func() {
		defer func() { _ = recover() }()
		_ = yaml.NewDecoder(r).Decode(&n)
	}()
	at := min(r.at, len(text))
	const ahead = 4 // characters that the parser looks at before it decides
	if r.at < len(text) {
		at = max(0, at-ahead)
	}
	for at > 0 && (at >= len(text) || text[at] == '\n' || text[at] == '\r' || text[at] == ' ') {
		at--
	}
	return at
}

// pieces is a reader of a few bytes at a time.
type pieces struct {
	text     []byte
	at, size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.at >= len(p.text) {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text[p.at:])
	p.at += n
	return n, nil
}

// lineAt returns the line around an offset, and where it begins.
func lineAt(text []byte, at int) ([]byte, int) {
	at = min(at, len(text))
	from := bytes.LastIndexByte(text[:at], '\n') + 1
	end := bytes.IndexByte(text[from:], '\n')
	if end < 0 {
		return text[from:], from
	}
	return bytes.TrimSuffix(text[from:from+end], []byte("\r")), from
}

// previous returns the line before the one that begins at from.
func previous(text []byte, from int) struct {
	text []byte
	from int
} {
	if from == 0 {
		return struct {
			text []byte
			from int
		}{nil, 0}
	}
	line, at := lineAt(text, from-1)
	return struct {
		text []byte
		from int
	}{line, at}
}
