// SPDX-License-Identifier: Apache-2.0

// Package doc is a parsed document that knows where each of its values stands.
//
// It accepts exactly the texts that encoding/json accepts, and gives no meaning to what it reads: package types has the
// shape of a config, package rules its meaning. The invariant: every node has a span, and the text of a span, parsed
// again, is an equal node.
package doc

import (
	"encoding/json"
	"errors"
	"strconv"
	"unsafe"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// Kind is the type of a value.
type Kind uint8

// The kinds of JSON.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// String returns the kind's name for people.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// A Node is one value: the half-open range of its text, and its children. It is kept small, since a document has
// a great many.
type Node struct {
	Start, End int32
	Kind       Kind
	Kids       []Kid // of a list and of an object, in the order of the text
}

// A Kid is a member of an object, or an item of a list, which has no key.
type Kid struct {
	KeyStart, KeyEnd int32 // the key's range, with its quotes
	Node
}

// A Document is the tree of a source.
type Document struct {
	Source *diag.Source
	Root   Node

	text string // of the source, shared with it: a Source's text never changes
}

// ParseJSON parses a JSON text. On a syntax error the list has one entry, at the offending byte.
func ParseJSON(src *diag.Source) (*Document, diag.List) {
	if len(src.Text) > maxText {
		return nil, syntax(src, 0, "the document is larger than 1 GiB")
	}
	if !json.Valid(src.Text) {
		at, text := firstError(src.Text)
		return nil, syntax(src, at, text)
	}
	d := &Document{Source: src, text: unsafe.String(unsafe.SliceData(src.Text), len(src.Text))}
	s := scanner{text: d.text}
	d.Root = s.value()
	return d, nil
}

// maxText keeps offsets within 32 bits.
const maxText = 1 << 30

func syntax(src *diag.Source, at int, text string) diag.List {
	return diag.List{{
		Severity: diag.Error, Code: "V002", Path: diag.ParsePath("$"), Span: src.Span(at, at+1),
		Summary: "not well-formed JSON: " + text,
	}}
}

// firstError returns where and why a text is not JSON.
func firstError(text []byte) (int, string) {
	var v json.RawMessage
	err := json.Unmarshal(text, &v)
	var s *json.SyntaxError
	if !errors.As(err, &s) {
		return 0, "it cannot be read"
	}
	at := int(s.Offset) - 1 // encoding/json counts the offending byte as read
	if at >= len(text)-1 && s.Error() == "unexpected end of JSON input" {
		at = len(text)
	}
	return at, s.Error()
}

// A scanner assigns spans to a text that is known to be valid.
type scanner struct {
	text  string
	pos   int
	stack []Kid // children of values in progress
	arena []Kid // children of finished values
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// value reads one value and the space before it.
func (s *scanner) value() Node {
	s.space()
	n := Node{Start: int32(s.pos)}
	switch s.text[s.pos] {
	case '{', '[':
		n.Kind = List
		if s.text[s.pos] == '{' {
			n.Kind = Object
		}
		n.Kids = s.kids(n.Kind)
	case '"':
		n.Kind = String
		s.skipString()
	default:
		n.Kind = s.word()
	}
	n.End = int32(s.pos)
	return n
}

// kids reads the children of a list or object, brackets included.
func (s *scanner) kids(k Kind) []Kid {
	base := len(s.stack)
	s.pos++
	for {
		s.space()
		switch s.text[s.pos] {
		case '}', ']':
			s.pos++
			return s.keep(base)
		case ',':
			s.pos++
			continue
		}
		var kid Kid
		if k == Object {
			kid.KeyStart = int32(s.pos)
			s.skipString()
			kid.KeyEnd = int32(s.pos)
			s.space()
			s.pos++ // the colon
		}
		kid.Node = s.value()
		s.stack = append(s.stack, kid)
	}
}

// keep moves the children above base from the stack to the arena.
func (s *scanner) keep(base int) []Kid {
	n := len(s.stack) - base
	if n == 0 {
		return nil
	}
	if cap(s.arena)-len(s.arena) < n {
		s.arena = make([]Kid, 0, max(n, 512))
	}
	from := len(s.arena)
	s.arena = append(s.arena, s.stack[base:]...)
	s.stack = s.stack[:base]
	return s.arena[from:len(s.arena):len(s.arena)]
}

func (s *scanner) skipString() {
	for s.pos++; s.text[s.pos] != '"'; s.pos++ {
		if s.text[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
}

// word reads a number, boolean or null.
func (s *scanner) word() Kind {
	first := s.text[s.pos]
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r', ',', ']', '}':
			return wordKind(first)
		}
		s.pos++
	}
	return wordKind(first)
}

func wordKind(first byte) Kind {
	switch first {
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Text returns the text of a node.
func (d *Document) Text(n *Node) string { return d.text[n.Start:n.End] }

// Str returns the value of a string node.
func (d *Document) Str(n *Node) string { return unquote(d.text[n.Start:n.End]) }

// Key returns the name of a member.
func (d *Document) Key(k *Kid) string { return unquote(d.text[k.KeyStart:k.KeyEnd]) }

// Int returns the value of a number node; ok is false if it has a fraction or an exponent or does not fit.
func (d *Document) Int(n *Node) (value int, ok bool) {
	v, err := strconv.ParseInt(d.Text(n), 10, 64)
	return int(v), err == nil
}

// unquote returns the value of a JSON string; one without escapes shares the document's memory.
func unquote(quoted string) string {
	inner := quoted[1 : len(quoted)-1]
	for i := 0; i < len(inner); i++ {
		if c := inner[i]; c == '\\' || c >= 0x80 {
			var v string
			if json.Unmarshal([]byte(quoted), &v) != nil {
				return inner
			}
			return v
		}
	}
	return inner
}

// Span returns where a node stands: for objects and lists, as Ignition's reports have it, from the byte after the
// opening bracket.
func (d *Document) Span(n *Node) diag.Span {
	start := int(n.Start)
	if n.Kind == Object || n.Kind == List {
		start++
	}
	return d.Source.Span(start, int(n.End))
}

// KeySpan returns where the name of a member stands.
func (d *Document) KeySpan(k *Kid) diag.Span {
	return d.Source.Span(int(k.KeyStart), int(k.KeyEnd))
}
