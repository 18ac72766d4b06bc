// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// Limits of a document. The parser takes some 200 bytes for each value; the limits bound the memory that a hostile text costs.
const (
	maxBytes  = 512 << 20
	maxValues = 1 << 20 // and one for each 32 bytes of text
)

// What is reported if aliases expand to more than maxRepeated bytes.
const (
	tooMuchText  = "aliases repeat more than 64 MiB of text"
	fewerAliases = "write fewer aliases of long texts"
)

// Byte order marks.
var (
	utf8Mark  = []byte("\xef\xbb\xbf")
	utf16Low  = []byte("\xff\xfe")
	utf16High = []byte("\xfe\xff")
)

// utf16Order returns the byte order of a text in UTF-16, or nil.
func utf16Order(text []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(text, utf16Low):
		return binary.LittleEndian
	case bytes.HasPrefix(text, utf16High):
		return binary.BigEndian
	}
	return nil
}

// asUTF8 returns a source in UTF-8: YAML may be in UTF-16, and positions count bytes of UTF-8.
func asUTF8(src *diag.Source) (*diag.Source, error) {
	order := utf16Order(src.Text)
	if order == nil {
		return src, nil
	}
	if len(src.Text)%2 != 0 || len(src.Text) > maxBytes {
		return src, errors.New("the text begins like UTF-16 but is not valid UTF-16")
	}
	units := make([]uint16, 0, len(src.Text)/2)
	for i := 2; i < len(src.Text); i += 2 {
		units = append(units, order.Uint16(src.Text[i:]))
	}
	return diag.NewSource(src.Name, []byte(string(utf16.Decode(units)))), nil
}

// positions turns the lines and columns of YAML, which count characters, into offsets.
type positions struct {
	text  []byte
	lines []int32         // offset of each line's first character
	marks map[int][]int32 // by line: offset of every character whose column is a multiple of markEvery, as far as asked for
}

// markEvery is the distance of marks. Without them, a long line with a value in each column takes time quadratic in its length.
const markEvery = 256

// newPositions finds the lines. YAML knows more line breaks than other formats.
func newPositions(text []byte) *positions {
	p := &positions{text: text, lines: make([]int32, 1, 1+bytes.Count(text, []byte{'\n'}))}
	if bytes.HasPrefix(text, utf8Mark) {
		p.lines[0] = int32(len(utf8Mark))
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
		case c == '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
		case c == 0xc2 && i+1 < len(text) && text[i+1] == 0x85:
			i++
		case c == 0xe2 && i+2 < len(text) && text[i+1] == 0x80 && text[i+2]|1 == 0xa9:
			i += 2
		default:
			continue
		}
		p.lines = append(p.lines, int32(i+1))
	}
	return p
}

// offset returns the offset of a line and column.
func (p *positions) offset(line, column int) int32 {
	if line < 1 {
		return 0
	}
	if line > len(p.lines) {
		return int32(len(p.text))
	}
	at := int(p.lines[line-1])
	if column > markEvery {
		at, column = p.nearest(line, column-1)
		column++
	}
	for ; column > 1 && at < len(p.text); column-- {
		at = p.after(at)
	}
	return int32(at)
}

// after returns the offset of the character after the one at an offset.
func (p *positions) after(at int) int {
	if p.text[at] < utf8.RuneSelf {
		return at + 1
	}
	_, size := utf8.DecodeRune(p.text[at:])
	return at + size
}

// nearest returns the last mark before n characters of a line, and how many are left.
func (p *positions) nearest(line, n int) (at, left int) {
	marks := p.marks[line]
	if marks == nil {
		marks = []int32{p.lines[line-1]}
	}
	for at = int(marks[len(marks)-1]); len(marks) <= n/markEvery && at < len(p.text); marks = append(marks, int32(at)) {
		for i := 0; i < markEvery && at < len(p.text); i++ {
			at = p.after(at)
		}
	}
	if p.marks == nil {
		p.marks = map[int][]int32{}
	}
	p.marks[line] = marks
	i := min(n/markEvery, len(marks)-1)
	return int(marks[i]), n - i*markEvery
}

// span returns the span of a value. The end of a folded block is that of its first line.
func (p *positions) span(y *yaml.Node) (start, end int32) {
	start = p.offset(y.Line, y.Column)
	at := int(start)
	if at >= len(p.text) {
		return start, start
	}
	rest := p.text[at:]
	if y.Kind == yaml.ScalarNode && y.Value != "" && len(y.Value) <= len(rest) && string(rest[:len(y.Value)]) == y.Value {
		return start, start + int32(len(y.Value))
	}
	if y.Kind == yaml.ScalarNode && (rest[0] == '"' || rest[0] == '\'') {
		return start, start + int32(quoted(rest))
	}
	if y.Kind == yaml.ScalarNode && rest[0] == '|' {
		return start, start + int32(literal(rest, y.Value))
	}
	n := bytes.IndexAny(rest, " \t\r\n")
	if n < 0 {
		n = len(rest)
	}
	return start, start + int32(n)
}

// literal returns the length of a literal block: the line of its indicator, and a line for each of its value.
func literal(text []byte, value string) int {
	lines := 1 + strings.Count(strings.TrimSuffix(value, "\n"), "\n")
	if value == "" {
		lines = 0
	}
	at := 0
	for range lines + 1 {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return len(text)
		}
		at += n + 1
	}
	return at - 1
}

// quoted returns the length of a quoted scalar.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] == text[0] && text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return len(text)
}

// parseYAML reads the first document of a text. On an error the list has one entry.
func parseYAML(src *diag.Source) (*yaml.Node, *positions, diag.List) {
	if len(src.Text) > maxBytes {
		return nil, nil, syntaxError(src, 0, 1, "the document is larger than 512 MiB", "move large contents into files and name them with `local`")
	}
	if n, most := countValues(src.Text), maxValues+len(src.Text)/32; n > most {
		return nil, nil, syntaxError(src, 0, 1, fmt.Sprintf("the document may have %d values; the limit for its size is %d", n, most),
			"move large contents into files and name them with `local`")
	}
	p := newPositions(src.Text)
	var document yaml.Node
	err := unmarshal(src.Text, &document)
	if err != nil {
		at, end, problem, hint := explain(src, p, err)
		return nil, nil, syntaxError(src, at, end, problem, hint)
	}
	if len(document.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}, p, nil
	}
	return document.Content[0], p, nil
}

// unmarshal parses YAML. Hostile texts have made the parser, a third party's, panic; here a panic becomes an error.
func unmarshal(text []byte, into *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("yaml: the parser cannot read this text")
		}
	}()
	return yaml.Unmarshal(text, into)
}

func syntaxError(src *diag.Source, start, end int, problem, hint string) diag.List {
	return diag.List{{
		Severity: diag.Error, Code: CodeSyntax, Path: path.New("yaml"), Span: src.Span(start, end),
		Summary: "not well-formed YAML: " + problem, Hint: hint,
	}}
}

// secondDocument returns the offset of the line --- that ends the first document, if another one follows, or -1. A line --- at the
// start of the text only begins the first one.
func secondDocument(text []byte) int {
	begun := false
	for at := 0; at < len(text); {
		end := at + bytes.IndexByte(text[at:], '\n') + 1
		if end == at {
			end = len(text)
		}
		line := bytes.TrimRight(text[at:end], " \t\r\n")
		switch {
		case bytes.Equal(line, []byte("---")) || bytes.HasPrefix(line, []byte("--- ")):
			if begun && len(bytes.Trim(text[end:], " \t\r\n-.")) > 0 {
				return at
			}
		case len(line) > 0 && line[0] != '#' && line[0] != '%':
			begun = true
		}
		at = end
	}
	return -1
}

// countValues returns how many values a text can have at most, by the characters that begin one.
func countValues(text []byte) int {
	n := 0
	var before byte = '\n'
	for i, c := range text {
		switch c {
		case ',', '[', '{':
			n++
		case ':':
			if i+1 == len(text) || before == '"' || before == '\'' || strings.IndexByte(" \t\r\n,[]{}", text[i+1]) >= 0 {
				n += 2
			}
		case '-', '?':
			if i+1 == len(text) || strings.IndexByte(" \t\r\n", text[i+1]) >= 0 {
				n++
			}
		}
		before = c
	}
	return n
}

// ParseYAML parses the first document of a text within this package's limits, those of what aliases expand to included, and
// returns a function that gives the span of a value. On an error the list has one entry; an empty text is an empty mapping.
func ParseYAML(src *diag.Source) (*yaml.Node, func(*yaml.Node) diag.Span, diag.List) {
	root, at, report := parseYAML(src)
	span := func(y *yaml.Node) diag.Span {
		start, end := at.span(y)
		return src.Span(int(start), int(end))
	}
	if report.HasErrors() {
		return nil, span, report
	}
	e := expansion{sizes: map[*yaml.Node]int{}}
	if y := e.excess(root); y != nil {
		at := span(y)
		return nil, span, syntaxError(src, at.Start.Offset, at.End.Offset, tooMuchText, fewerAliases)
	}
	return root, span, nil
}

// An expansion adds up what aliases expand to.
type expansion struct {
	sizes map[*yaml.Node]int // of values with an anchor; 0 for those in progress
	total int
}

// excess returns the alias with which the limit is exceeded, or nil.
func (e *expansion) excess(y *yaml.Node) *yaml.Node {
	if y.Kind == yaml.AliasNode {
		if e.total += e.size(y.Alias); e.total > maxRepeated {
			return y
		}
	}
	for _, c := range y.Content {
		if over := e.excess(c); over != nil {
			return over
		}
	}
	return nil
}

// size returns about how many bytes a value has, its aliases expanded.
func (e *expansion) size(y *yaml.Node) int {
	const perValue, huge = 16, 1 << 29
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	if n, known := e.sizes[y]; known {
		return n
	}
	if y.Anchor != "" {
		e.sizes[y] = 0
	}
	n := perValue + len(y.Value)
	for _, c := range y.Content {
		n = min(huge, n+e.size(c))
	}
	if y.Anchor != "" {
		e.sizes[y] = n
	}
	return n
}
