// SPDX-License-Identifier: Apache-2.0

package author

import (
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
)

// A node is a value of the YAML, or one that sugar made of it. Nodes are shared between the author's tree and the output
// and are not changed once they are in both.
type node struct {
	kind       doc.Kind
	made       bool // by sugar: it has no members in the YAML, and has the place of its cause
	start, end int32
	text       string
	path       *step    // where it is in the YAML; nil for the whole document
	data       *payload // of a data URL that is written when it is needed; text is a stand-in
	kids       []kid
}

// A kid is a member of an object, or an item of a list, which has no key.
type kid struct {
	key string
	*node
}

// A step is the last part of a path, with a pointer to the steps before it.
type step struct {
	up    *step
	name  string // of a member; empty for an item
	index int
}

// steps returns the path as names and indexes.
func (s *step) steps() []any {
	n := 0
	for p := s; p != nil; p = p.up {
		n++
	}
	list := make([]any, n)
	for p := s; p != nil; p = p.up {
		n--
		if list[n] = p.name; p.name == "" {
			list[n] = p.index
		}
	}
	return list
}

// The methods below have so many callers that inlining them made the engine 0.1 MB larger.

// get returns a member of a member, or nil.
//
//go:noinline
func (n *node) get(names ...string) *node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		var found *node
		for i := range n.kids {
			if n.kids[i].key == name {
				found = n.kids[i].node
				break
			}
		}
		n = found
	}
	return n
}

// items returns the members or items of a node, which may be nil.
//
//go:noinline
func (n *node) items() []kid {
	if n == nil {
		return nil
	}
	return n.kids
}

// str returns the text of a scalar, which may be nil.
//
//go:noinline
func (n *node) str() string {
	if n == nil {
		return ""
	}
	return n.text
}

// isTrue reports whether a boolean is given and true.
//
//go:noinline
func (n *node) isTrue() bool { return n != nil && n.kind == doc.Bool && n.text == "true" }

// number returns the value of an integer; 0 if it is not given.
//
//go:noinline
func (n *node) number() int {
	v, err := strconv.Atoi(n.str())
	if err != nil {
		return 0
	}
	return v
}

// set adds or replaces a member.
//
//go:noinline
func (n *node) set(key string, v *node) {
	for i := range n.kids {
		if n.kids[i].key == key {
			n.kids[i].node = v
			return
		}
	}
	n.kids = append(n.kids, kid{key, v})
}

// make returns a node that sugar makes because of this one.
//
//go:noinline
func (n *node) make(kind doc.Kind, text string) *node {
	return &node{kind: kind, made: true, start: n.start, end: n.end, text: text, path: n.path}
}

// makeText returns a string that sugar makes because of n.
//
//go:noinline
func (n *node) makeText(text string) *node { return n.make(doc.String, text) }

// makeNumber returns a number that sugar makes because of n.
//
//go:noinline
func (n *node) makeNumber(v int) *node { return n.make(doc.Number, strconv.Itoa(v)) }

// makeTrue returns a true that sugar makes because of n.
//
//go:noinline
func (n *node) makeTrue() *node { return n.make(doc.Bool, "true") }

// makeObject returns an object of members that sugar makes because of n. Members without value are left out.
//
//go:noinline
func (n *node) makeObject(members ...kid) *node {
	o := n.make(doc.Object, "")
	for _, m := range members {
		if m.node != nil {
			o.kids = append(o.kids, m)
		}
	}
	return o
}

// makeList returns a list that sugar makes because of n.
//
//go:noinline
func (n *node) makeList(items ...*node) *node {
	l := n.make(doc.List, "")
	for _, i := range items {
		l.kids = append(l.kids, kid{node: i})
	}
	return l
}

// child returns a member of an object, and makes an empty one of a kind if there is none.
func (n *node) child(name string, kind doc.Kind) *node {
	if c := n.get(name); c != nil {
		return c
	}
	c := n.make(kind, "")
	n.set(name, c)
	return c
}

// document returns the tree in the form that decoding takes.
func (n *node) document() doc.Node {
	d := doc.Node{Kind: n.kind, Start: n.start, End: n.end, Text: n.text}
	if len(n.kids) > 0 {
		d.Kids = make([]doc.Kid, len(n.kids))
		for i, k := range n.kids {
			d.Kids[i] = doc.Kid{Key: k.key, KeyStart: k.start, KeyEnd: k.start, Node: k.document()}
		}
	}
	return d
}

// find returns the deepest node on a path, and the steps that it does not have.
func (n *node) find(path []any) (*node, []any) {
	for i, s := range path {
		var next *node
		switch s := s.(type) {
		case string:
			next = n.get(s)
		case int:
			if n.kind == doc.List && s >= 0 && s < len(n.kids) {
				next = n.kids[s].node
			}
		}
		if next == nil {
			return n, path[i:]
		}
		n = next
	}
	return n, nil
}

// snake turns the name of a member of a config into the language's: sizeMiB into size_mib.
func snake(name string) string {
	name = strings.Replace(name, "MiB", "Mib", 1)
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// MemberName returns the language's name of a member of the config: size_mib for sizeMiB.
func MemberName(name string) string { return snake(name) }
