// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// str reads a string, quotes included, and returns its value. A value that needs no decoding shares the text's memory.
func (p *parser) str() (string, bool) {
	p.pos++
	from := p.pos
	plain := true // neither escapes nor bytes beyond ASCII
	for {
		p.pos = skipPlain(p.text, p.pos)
		if p.pos >= len(p.text) {
			p.fail("it ends inside a string", "add the missing double quote; if there is none, the text was cut off: hand over all of it")
			return "", p.mark(from-1, lineEnd(p.text, from))
		}
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return unquote(p.text[from:p.pos-1], plain), true
		case c == '\\':
			plain = false
			if !p.escape() {
				return "", false
			}
		case c < ' ':
			if c != '\n' && c != '\r' {
				return "", p.fail("a string holds "+quoteByte(c)+", a control character", "write it as an escape, such as \\t")
			}
			p.fail("a string has a line break, a control character", `close the string with a double quote, or write \n for a line break`)
			return "", p.mark(from-1, p.pos)
		default:
			plain = false
			p.pos++
		}
	}
}

// lineEnd returns the end of the line in which an offset is.
func lineEnd(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}

// SWAR masks: one bit or byte of each of the eight bytes of a word.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipPlain returns the position of the first byte from pos on that is a quote, a backslash, a control character or not
// ASCII. It looks at eight bytes at a time: nearly all of a config is the contents of files.
func skipPlain(text string, pos int) int {
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	for ; pos+8 <= len(b); pos += 8 {
		w := binary.LittleEndian.Uint64(b[pos:])
		quote := w ^ ones*'"'
		slash := w ^ ones*'\\'
		if ((quote-ones)&^quote|(slash-ones)&^slash|(w-ones*' ')&^w|w)&highs != 0 {
			break
		}
	}
	for ; pos < len(b); pos++ {
		if c := b[pos]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
	}
	return pos
}

// IsPlain reports whether a text has no quote, backslash or control character, and is ASCII.
func IsPlain(text string) bool { return skipPlain(text, 0) == len(text) }

// escape skips one escape sequence.
func (p *parser) escape() bool {
	p.pos++
	switch p.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.pos++
		return true
	case 'u':
		p.pos++
		for range 4 {
			if _, ok := hexDigit(p.peek()); !ok {
				return p.unexpected("a hexadecimal digit")
			}
			p.pos++
		}
		return true
	}
	if p.pos >= len(p.text) {
		return p.fail("it ends inside a string", "add the missing double quote; if there is none, the text was cut off: hand over all of it")
	}
	return p.fail("a string has an unknown escape, a backslash before "+quoteByte(p.text[p.pos]), "write a backslash as two")
}

func hexDigit(c byte) (uint16, bool) {
	switch {
	case c >= '0' && c <= '9':
		return uint16(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint16(c|0x20-'a') + 10, true
	}
	return 0, false
}

// unquote returns the value of the text between two quotes, which is well-formed. As encoding/json does, it puts the
// replacement character for each byte that is not UTF-8 and for each half of a surrogate pair.
func unquote(inner string, plain bool) string {
	if plain {
		return inner
	}
	if strings.IndexByte(inner, '\\') < 0 && utf8.ValidString(inner) {
		return inner
	}
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); {
		next := skipPlain(inner, i)
		out = append(out, inner[i:next]...)
		if i = next; i == len(inner) {
			break
		}
		if inner[i] != '\\' {
			r, size := utf8.DecodeRuneInString(inner[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		var r rune
		r, i = unescape(inner, i+1)
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// unescape decodes the escape whose letter is at i, and returns the position after it.
func unescape(s string, i int) (rune, int) {
	switch s[i] {
	case 'b':
		return '\b', i + 1
	case 'f':
		return '\f', i + 1
	case 'n':
		return '\n', i + 1
	case 'r':
		return '\r', i + 1
	case 't':
		return '\t', i + 1
	case 'u':
		r := unit(s[i+1:])
		i += 5
		if !utf16.IsSurrogate(r) {
			return r, i
		}
		if len(s) >= i+6 && s[i] == '\\' && s[i+1] == 'u' {
			if pair := utf16.DecodeRune(r, unit(s[i+2:])); pair != utf8.RuneError {
				return pair, i + 6
			}
		}
		return utf8.RuneError, i
	}
	return rune(s[i]), i + 1
}

// unit reads four hexadecimal digits.
func unit(s string) rune {
	var r rune
	for i := range 4 {
		d, _ := hexDigit(s[i])
		r = r<<4 | rune(d)
	}
	return r
}

// Int returns the value of a number node; ok is false if it has a fraction or an exponent, or does not fit.
func (n *Node) Int() (v int, ok bool) {
	v, err := strconv.Atoi(n.Text) // an int has 32 bits on some machines
	return v, err == nil && n.Kind == Number
}
