// SPDX-License-Identifier: Apache-2.0

package merge

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// Origins knows where the value at each path of a config was written. Its JSON form has only names, lines and columns,
// no text of any config, so it can be kept for other processes. The zero value knows nothing.
type Origins struct{ root origin }

// An origin is where one value comes from. What lies below it is looked up in the document it comes from, apart from
// what merging brought from elsewhere.
type origin struct {
	from *document
	node *doc.Node
	own  *composed
}

// document is what nodes are looked up in: a config, or places as another process wrote them down.
type document struct {
	doc   *doc.Document
	files []string // not nil: doc is the JSON form of origins, and these are the names it refers to by index
	index sync.Map // *doc.Node to map[string]*doc.Kid, for objects with very many members
}

// find is Find for a node of the document. Objects of configs are small; one that is not must not make every lookup slow.
func (d *document) find(n *doc.Node, name string) *doc.Kid {
	const small = 64
	if len(n.Kids) <= small || n.Kind != doc.Object {
		return n.Find(name)
	}
	found, ok := d.index.Load(n)
	if !ok {
		members := make(map[string]*doc.Kid, len(n.Kids))
		for i := range n.Kids {
			kid := &n.Kids[i]
			if lower := strings.ToLower(kid.Key); lower != kid.Key && members[lower] == nil {
				members[lower] = kid
			}
			members[kid.Key] = kid
		}
		found, _ = d.index.LoadOrStore(n, members)
	}
	members, _ := found.(map[string]*doc.Kid)
	if kid := members[name]; kid != nil {
		return kid
	}
	return members[strings.ToLower(name)]
}

// composed is the origin of an object or list that merging assembled.
type composed struct {
	by      *token // who may change it; all others make a copy first
	at      origin // where the merged value itself stands: what touched it last
	members []member
	items   []origin
	isList  bool
}

// member is the origin of a member that differs from what the document says.
type member struct {
	name string
	origin
}

// token marks what one Merger made, and may therefore change.
type token struct{ _ byte }

// Of returns the origins of the values of one document.
func Of(d *doc.Document) Origins {
	return Origins{origin{from: &document{doc: d}, node: &d.Root}}
}

// At returns the place of the value at a path such as "$.storage.files.0.path" or, if nothing was written there, the
// nearest value around it.
func (o Origins) At(path string) diag.Place { return o.Span(path).Place() }

// Span is At with the text of the document, if this process knows it.
func (o Origins) Span(path string) diag.Span {
	w := walk{root: o.root}
	for step := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), ".") {
		if step != "" && !w.enter(step) {
			break
		}
	}
	return w.span()
}

// SpanOf is Span for a path in steps: names and indexes.
func (o Origins) SpanOf(steps []any) diag.Span {
	w := walk{root: o.root}
	for _, step := range steps {
		name, isName := step.(string)
		if index, ok := step.(int); ok && !isName {
			name = strconv.Itoa(index)
		}
		if !w.enter(name) {
			break
		}
	}
	return w.span()
}

// A walk goes from the root of a config to a value. It allocates nothing at usual depths, because every finding and every step of a plan
// starts one.
type walk struct {
	root origin
	few  [8]origin
	deep []origin // what did not fit into few
	n    int      // the number of steps from the root
}

// at returns the value after n steps.
func (w *walk) at(n int) origin {
	switch {
	case n == 0:
		return w.root
	case n <= len(w.few):
		return w.few[n-1]
	}
	return w.deep[n-1-len(w.few)]
}

// enter goes to a member or an item, if something is known of it.
func (w *walk) enter(step string) bool {
	next := w.at(w.n).child(step)
	if next.unknown() {
		return false
	}
	if w.n < len(w.few) {
		w.few[w.n] = next
	} else {
		w.deep = append(w.deep, next)
	}
	w.n++
	return true
}

// span returns the span of the value, or of the nearest one around it that has one.
func (w *walk) span() diag.Span {
	for n := w.n; n > 0; n-- {
		if s := w.at(n).span(); s.Source != nil {
			return s
		}
	}
	return w.root.span()
}

// Within returns the span of a part of a string, the bytes from and to of the value at a path, or the zero Span if this
// process does not know the text.
func (o Origins) Within(steps []any, from, to int) diag.Span {
	at := o.root
	for _, step := range steps {
		name, isName := step.(string)
		if index, ok := step.(int); ok && !isName {
			name = strconv.Itoa(index)
		}
		at = at.child(name)
	}
	if at.own != nil {
		at = at.own.at
	}
	if at.node == nil || at.from.files != nil {
		return diag.Span{}
	}
	return at.from.doc.Within(at.node, from, to)
}

// Tree returns the document that all values come from, or nil if they come from several or were written down by another
// process.
func (o Origins) Tree() *doc.Document {
	if o.root.own != nil || o.root.node == nil || o.root.from.files != nil {
		return nil
	}
	return o.root.from.doc
}

func (o origin) unknown() bool { return o.node == nil && o.own == nil }

// span returns the span of the value itself.
func (o origin) span() diag.Span {
	switch {
	case o.own != nil:
		return o.own.at.span()
	case o.node == nil:
		return diag.Span{}
	case o.from.files != nil:
		return o.from.place(o.node).Span()
	}
	return o.from.doc.Span(o.node)
}

// place returns where the value itself starts.
func (o origin) place() diag.Place {
	switch {
	case o.own != nil:
		return o.own.at.place()
	case o.node == nil:
		return diag.Place{}
	case o.from.files != nil:
		return o.from.place(o.node)
	}
	return o.from.doc.Place(o.node)
}

// child returns the origin of a member or item.
func (o origin) child(step string) origin {
	if o.own != nil {
		if o.own.isList {
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(o.own.items) {
				return o.own.items[i]
			}
			return origin{}
		}
		for _, m := range o.own.members {
			if m.name == step {
				return m.origin
			}
		}
	}
	if o.node == nil {
		return origin{}
	}
	if o.node.Kind == doc.List {
		i, err := strconv.Atoi(step)
		if err != nil {
			return origin{}
		}
		return o.item(i)
	}
	return o.named(step)
}

// named looks a member up in the document. Of members of equal names the last counts, and letter case may differ,
// as when decoding.
func (o origin) named(name string) origin {
	if kid := o.from.find(o.node, name); kid != nil {
		return origin{from: o.from, node: &kid.Node}
	}
	return origin{}
}

// item looks an item up in the document.
func (o origin) item(i int) origin {
	kids := o.node.Kids
	if o.from.files != nil && len(kids) > 0 {
		kids = kids[1:]
	}
	if i < 0 || i >= len(kids) {
		return origin{}
	}
	return origin{from: o.from, node: &kids[i].Node}
}

// mine returns the part of the origin that the holder of a token may change, created or copied if needed.
func (o *origin) mine(by *token) *composed {
	switch {
	case o.own == nil:
		o.own = &composed{by: by, at: origin{from: o.from, node: o.node}}
	case o.own.by != by:
		c := *o.own
		c.by, c.members, c.items = by, slices.Clone(c.members), slices.Clone(c.items)
		o.own = &c
	}
	return o.own
}

// list is mine for a list of n items.
func (o *origin) list(by *token, n int) *composed {
	fresh := o.own == nil
	c := o.mine(by)
	c.isList = true
	if fresh && o.node != nil && o.node.Kind == doc.List {
		c.items = make([]origin, n, n+n/4+1)
		for i := range c.items {
			c.items[i] = o.item(i)
		}
	}
	for len(c.items) < n {
		c.items = append(c.items, origin{})
	}
	return c
}

// set says where a member comes from.
func (c *composed) set(name string, from origin) {
	for i := range c.members {
		if c.members[i].name == name {
			c.members[i].origin = from
			return
		}
	}
	c.members = append(c.members, member{name, from})
}
