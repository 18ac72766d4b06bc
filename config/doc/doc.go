// SPDX-License-Identifier: Apache-2.0

// Package doc parses a document into a tree that knows the place of each value.
//
// It accepts exactly the texts that encoding/json accepts, up to MaxValues, and gives no meaning to what it reads:
// package types has the shape of a config, package rules its meaning. Front ends other than JSON make the same tree with
// spans of their own. The invariant: every node has a span, and for JSON the text of a span, parsed again, is an equal
// node.
package doc

import (
	"strings"

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

// A Node is one value. It is kept small, since a document has a great many, and its strings share the source's memory.
type Node struct {
	Kind       Kind
	Start, End int32  // the value's text in the source, End excluded
	Text       string // the value of a string; the text of a number, boolean or null
	Kids       []Kid  // of a list and of an object, in the order of the text
}

// A Kid is a member of an object, or an item of a list, which has no key.
type Kid struct {
	Key              string
	KeyStart, KeyEnd int32 // the key's text in the source, its quotes included
	Node
}

// Member returns the last member of a name, which is the one that counts, or nil.
func (n *Node) Member(name string) *Kid {
	if n.Kind != Object {
		return nil
	}
	for i := len(n.Kids) - 1; i >= 0; i-- {
		if n.Kids[i].Key == name {
			return &n.Kids[i]
		}
	}
	return nil
}

// Find is Member for a name as decoding finds it: if no member has exactly that name, letter case may differ.
func (n *Node) Find(name string) *Kid {
	if kid := n.Member(name); kid != nil || n.Kind != Object {
		return kid
	}
	for i := len(n.Kids) - 1; i >= 0; i-- {
		if strings.EqualFold(n.Kids[i].Key, name) {
			return &n.Kids[i]
		}
	}
	return nil
}

// A Document is the tree of a source.
type Document struct {
	Source *diag.Source
	Root   Node
	Exact  bool // spans are those of the nodes: what generated them may have brackets of its own
}

// Span returns the span of a node: for objects and lists, as Ignition's reports have it, from the byte after the
// opening bracket.
func (d *Document) Span(n *Node) diag.Span { return d.Source.Span(d.start(n), int(n.End)) }

// Place returns where the span of a node starts.
func (d *Document) Place(n *Node) diag.Place {
	at := d.Source.Pos(d.start(n))
	return diag.Place{File: d.Source.Name, Line: at.Line, Column: at.Column}
}

func (d *Document) start(n *Node) int {
	start := int(n.Start)
	if (n.Kind == Object || n.Kind == List) && start < len(d.Source.Text) && !d.Exact {
		if c := d.Source.Text[start]; c == '{' || c == '[' {
			start++
		}
	}
	return start
}

// Within returns the span of a part of a string, from one byte of its value to another. If the source has the string in
// a form that cannot be followed byte by byte, that is the span of the whole string.
func (d *Document) Within(n *Node, from, to int) diag.Span {
	if n.Kind == String && from >= 0 && from <= to && to <= len(n.Text) && n.Start < n.End && int(n.End) <= len(d.Source.Text) {
		raw := d.Source.Text[n.Start:n.End]
		if raw[0] == '|' { // a front end may not know where the block ends
			raw = d.Source.Text[n.Start:]
		}
		if start, end, ok := part(raw, n.Text, from, to); ok {
			return d.Source.Span(int(n.Start)+start, int(n.Start)+end)
		}
	}
	return d.Span(n)
}

// KeySpan returns the span of the name of a member.
func (d *Document) KeySpan(k *Kid) diag.Span {
	return d.Source.Span(int(k.KeyStart), int(k.KeyEnd))
}

// Present reports whether the document has a value other than null at a path of names and indexes.
func (d *Document) Present(steps ...any) bool {
	n := &d.Root
	for _, step := range steps {
		switch s := step.(type) {
		case int:
			if n.Kind != List || s < 0 || s >= len(n.Kids) {
				return false
			}
			n = &n.Kids[s].Node
		case string:
			kid := n.Find(s)
			if kid == nil {
				return false
			}
			n = &kid.Node
		}
	}
	return n.Kind != Null
}
