// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// Limits of a document. They bound the memory that a hostile one takes; the largest sensible configs, with hundreds
// of thousands of files, are far below.
const (
	MaxBytes  = 1 << 30 // offsets stay within 32 bits
	MaxValues = 1 << 17 // or one for each 8 bytes of text, if that is more
	MaxDepth  = 10000   // as of encoding/json
)

// maxValues is the limit for a text. Where addresses have 32 bits, it is such that the values fit into memory.
func maxValues(text string) int {
	n := max(MaxValues, len(text)/8)
	if strconv.IntSize == 32 {
		n = min(n, 1<<23)
	}
	return n
}

// ParseJSON parses a JSON text. On a syntax error the list has one entry, at the offending byte.
func ParseJSON(src *diag.Source) (*Document, diag.List) {
	if len(src.Text) > MaxBytes {
		return nil, syntaxError(src, 0, "it is larger than 1 GiB", "put large contents at a URL")
	}
	p := parser{text: unsafe.String(unsafe.SliceData(src.Text), len(src.Text))}
	p.limit = maxValues(p.text)
	l := scan(p.text, p.limit)
	p.children = l.children
	if p.discard = l.values > p.limit; !p.discard {
		p.arena = make([]Kid, 0, l.values-1)
	}
	var root Node
	if p.value(&root) {
		p.space()
		if p.pos == len(p.text) {
			return &Document{Source: src, Root: root}, nil
		}
		hint := ""
		if p.peek() == '{' {
			hint = "merge the two objects into one: a text holds one config"
		}
		p.fail("there is text after the end of the config", hint)
	}
	report := syntaxError(src, p.pos, p.problem, p.hint)
	if p.markTo > 0 {
		report[0].Mark = src.Span(p.markFrom, p.markTo)
	}
	return nil, report
}

func syntaxError(src *diag.Source, at int, problem, hint string) diag.List {
	return diag.List{{
		Severity: diag.Error, Code: "V002", Path: diag.ParsePath("$"), Span: src.Span(at, at+1),
		Summary: "not well-formed JSON: " + problem, Hint: hint,
	}}
}

// A parser reads a text from its start to its first error.
type parser struct {
	text   string
	pos    int // where the error is, once there is one
	depth  int
	values int
	limit  int // of values

	children []int32 // how many the next objects and lists have
	arena    []Kid   // room for children
	discard  bool    // the text has too many values: keep only the last child on each level, and find the error that comes first

	problem, hint    string
	markFrom, markTo int // the text that the error is about, if not the byte at pos
}

// mark sets the text that the error is about.
func (p *parser) mark(from, to int) bool {
	p.markFrom, p.markTo = from, to
	return false
}

// fail notes the error at the present position.
func (p *parser) fail(problem, hint string) bool {
	p.problem, p.hint = problem, hint
	return false
}

// space skips white space.
func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end of the text.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// value reads one value and the space before it.
func (p *parser) value(n *Node) bool {
	p.space()
	if p.values++; p.values > p.limit {
		return p.fail("it has more than "+strconv.Itoa(p.limit)+" values", "no config needs that many in so little text")
	}
	n.Start = int32(p.pos)
	ok := false
	switch c := p.peek(); {
	case c == '{':
		n.Kind = Object
		ok = p.kids(n)
	case c == '[':
		n.Kind = List
		ok = p.kids(n)
	case c == '"':
		n.Kind = String
		n.Text, ok = p.str()
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = Number
		if ok = p.number(); ok {
			n.Text = p.text[n.Start:p.pos]
		}
	case c == 't':
		n.Kind, n.Text, ok = Bool, "true", p.word("true")
	case c == 'f':
		n.Kind, n.Text, ok = Bool, "false", p.word("false")
	case c == 'n':
		n.Kind, n.Text, ok = Null, "null", p.word("null")
	default:
		return p.unexpected("a value")
	}
	n.End = int32(p.pos)
	return ok
}

// kids reads an object or list, brackets included.
func (p *parser) kids(n *Node) bool {
	if p.depth++; p.depth > MaxDepth {
		return p.fail("it is nested more than "+strconv.Itoa(MaxDepth)+" levels deep", "")
	}
	closing, what := byte('}'), "a comma or }"
	if n.Kind == List {
		closing, what = ']', "a comma or ]"
	}
	kids := p.room()
	p.pos++
	p.space()
	for p.peek() != closing {
		if p.discard {
			kids = kids[:0]
		}
		kids = append(kids, Kid{})
		kid := &kids[len(kids)-1]
		if n.Kind == Object && !p.key(kid) || !p.value(&kid.Node) {
			return false
		}
		p.space()
		if c := p.peek(); c == closing {
			break
		} else if c != ',' {
			return p.noComma(n, &kid.Node, what)
		}
		comma := p.pos
		p.pos++
		p.space()
		if p.peek() == closing {
			p.fail("there is a comma before "+string(closing), "remove the comma")
			return p.mark(comma, comma+1)
		}
	}
	p.pos++
	p.depth--
	n.Kids = kids
	return true
}

// room returns room for the children of the next object or list; nil if it has none.
func (p *parser) room() []Kid {
	if p.discard {
		if len(p.arena) < p.depth {
			p.arena = append(p.arena, Kid{})
		}
		return p.arena[p.depth-1 : p.depth-1 : p.depth]
	}
	if len(p.children) == 0 {
		return nil
	}
	n := int(p.children[0])
	p.children = p.children[1:]
	from := len(p.arena)
	if n == 0 || cap(p.arena)-from < n {
		return nil
	}
	p.arena = p.arena[:from+n]
	return p.arena[from : from : from+n]
}

// key reads the name of a member and the colon.
func (p *parser) key(kid *Kid) bool {
	if p.peek() != '"' {
		return p.unexpected("a member name in double quotes")
	}
	var ok bool
	kid.KeyStart = int32(p.pos)
	if kid.Key, ok = p.str(); !ok {
		return false
	}
	kid.KeyEnd = int32(p.pos)
	p.space()
	if p.peek() != ':' {
		return p.unexpected("a colon")
	}
	p.pos++
	return true
}

// word reads true, false or null.
func (p *parser) word(want string) bool {
	for i := range len(want) {
		if p.peek() != want[i] {
			return p.unexpected("the word " + want)
		}
		p.pos++
	}
	return true
}

// number reads a number by the grammar of RFC 8259.
func (p *parser) number() bool {
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !p.digits() {
		return false
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return false
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		return p.digits()
	}
	return true
}

// digits reads at least one digit.
func (p *parser) digits() bool {
	from := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > from || p.unexpected("a digit")
}

// noComma fails after a member or item of n that neither a comma nor a bracket follows.
func (p *parser) noComma(n, before *Node, want string) bool {
	p.unexpected(want)
	end := int(before.End)
	switch c := p.peek(); {
	case c == '}' || c == ']' || p.pos == len(p.text):
		p.hint = p.closing(n)
	case before.Kind == Number && p.pos == end && c >= '0' && c <= '9':
		for to := end; ; to++ {
			if to == len(p.text) || p.text[to] < '0' || p.text[to] > '9' {
				octal := p.text[before.Start:to]
				p.fail("numbers have no leading zero", leadingZero(octal))
				return p.mark(int(before.Start), to)
			}
		}
	case c == '"' || c == '{' || c == '[':
		p.hint = "add a comma after the value before it"
		return p.mark(end, end+1)
	}
	return false
}

// closing says which bracket closes an object or list that is still open.
func (p *parser) closing(n *Node) string {
	what, bracket := "object", "}"
	if n.Kind == List {
		what, bracket = "list", "]"
	}
	where := "add " + bracket + " before it"
	if p.pos == len(p.text) {
		where = "the text may have been cut off, as clouds do with user data that is too large; if it was not, add " + bracket
	}
	return where + ": it closes the " + what + " that line " + strconv.Itoa(1+strings.Count(p.text[:n.Start], "\n")) + " opens"
}

// leadingZero says how to write a number that begins with a zero.
func leadingZero(number string) string {
	if v, err := strconv.ParseUint(number, 8, 31); err == nil {
		return "write " + strconv.FormatUint(v, 10) + ", which is octal " + number + "; modes are decimal in JSON"
	}
	return "write it without the zero"
}

// unexpected fails at the present byte; for a common slip, it says how to fix it.
func (p *parser) unexpected(want string) bool {
	if p.pos >= len(p.text) {
		if p.values <= 1 {
			return p.fail("it has nothing but white space", "")
		}
		return p.fail("it ends too early: expected "+want, "the text may have been cut off, as clouds do with user data that is too large")
	}
	rest := p.text[p.pos:]
	hint := ""
	switch c := rest[0]; {
	case p.pos == 0 && len(rest) >= 3 && rest[:3] == "\xef\xbb\xbf":
		return p.fail("it begins with a byte-order mark", "save it as UTF-8 without byte-order mark")
	case p.pos == 0 && len(rest) >= 2 && rest[:2] == "\x1f\x8b":
		return p.fail("it is compressed", "decompress it first")
	case c == '\'':
		hint = "use double quotes"
	case c == '#' && p.values <= 1:
		hint = "a config starts with {; scripts, cloud-config and comments are not read"
	case c == '/' || c == '#':
		hint = "remove the comment: JSON has none"
	case strings.HasPrefix(rest, "None"):
		hint = "write null, or remove the member"
	case c == 'T' || c == 'F' || c == 'N':
		hint = "write true, false and null in lower case"
	case strings.HasPrefix(rest, "\u201c") || strings.HasPrefix(rest, "\u201d") || strings.HasPrefix(rest, "\u2018") || strings.HasPrefix(rest, "\u2019"):
		p.fail("expected "+want+", found a typographic quotation mark", "replace the typographic quotation marks with straight ones")
		return p.mark(p.pos, p.pos+len("\u201c"))
	case c == '}' || c == ']':
		hint = "look for a missing or extra bracket"
	case want == "a member name in double quotes" && (c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'):
		hint = "put the name in double quotes"
	}
	return p.fail("expected "+want+", found "+quoteByte(rest[0]), hint)
}

// quoteByte shows one byte of a text.
func quoteByte(c byte) string {
	if c > ' ' && c < 0x7f {
		return "`" + string(c) + "`"
	}
	const hex = "0123456789abcdef"
	return "byte 0x" + string([]byte{hex[c>>4], hex[c&15]})
}
