// SPDX-License-Identifier: Apache-2.0

package merge

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// Origins tells for every path of a config where the value there was written. It has names, lines and columns only,
// no text of any config, so that it can be kept for other processes.
type Origins struct{ root *origin }

// An origin is where one value comes from. What lies below it is looked up in the document it comes from, unless it was
// put together of several.
type origin struct {
	doc     *doc.Document
	node    *doc.Node
	place   diag.Place // of an origin that another process wrote down
	members map[string]*origin
	items   []*origin
}

// Of returns the origins of the values of one document.
func Of(d *doc.Document) Origins { return Origins{&origin{doc: d, node: &d.Root}} }

// At returns where the value at a path stands, or, if nothing was written there, the nearest value around it.
func (o Origins) At(path string) diag.Place { return o.Span(path).Place() }

// Span is At with the document, as far as it is known to this process.
func (o Origins) Span(path string) diag.Span {
	at := o.root
	if at == nil {
		return diag.Span{}
	}
	best := at.span()
	for _, step := range strings.Split(path, ".")[1:] {
		if at = at.child(step); at == nil {
			break
		}
		if s := at.span(); s.Source != nil {
			best = s
		}
	}
	return best
}

func (o *origin) span() diag.Span {
	if o.node != nil {
		return o.doc.Span(o.node)
	}
	return o.place.Span()
}

// child returns the origin of a member or item, or nil.
func (o *origin) child(step string) *origin {
	if m, ok := o.members[step]; ok {
		return m
	}
	index, err := strconv.Atoi(step)
	if err == nil && o.items != nil {
		if index < 0 || index >= len(o.items) {
			return nil
		}
		return o.items[index]
	}
	if o.node == nil || o.members != nil {
		return nil
	}
	return o.below(step, index, err == nil)
}

// below looks a step up in the document. Of members of equal names the last counts, as when decoding.
func (o *origin) below(step string, index int, isIndex bool) *origin {
	if o.node.Kind == doc.List {
		if !isIndex || index < 0 || index >= len(o.node.Kids) {
			return nil
		}
		return &origin{doc: o.doc, node: &o.node.Kids[index].Node}
	}
	for i := len(o.node.Kids) - 1; i >= 0; i-- {
		if k := &o.node.Kids[i]; o.node.Kind == doc.Object && strings.EqualFold(o.doc.Key(k), step) {
			return &origin{doc: o.doc, node: &k.Node}
		}
	}
	return nil
}

// stored is the JSON form of an origin: a file's index, a line, a column, and what is below.
type stored struct {
	At      []int              `json:"a,omitempty"`
	Members map[string]*stored `json:"m,omitempty"`
	Items   []*stored          `json:"i,omitempty"`
}

type storedOrigins struct {
	Files []string `json:"files"`
	Root  *stored  `json:"root,omitempty"`
}

// MarshalJSON writes all places down.
func (o Origins) MarshalJSON() ([]byte, error) {
	s := &storer{index: map[string]int{}}
	root := s.store(o.root)
	return json.Marshal(storedOrigins{Files: s.files, Root: root})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Origins) UnmarshalJSON(text []byte) error {
	var s storedOrigins
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	o.root = s.Root.restore(s.Files)
	return nil
}

type storer struct {
	files []string
	index map[string]int
}

func (s *storer) store(o *origin) *stored {
	if o == nil {
		return nil
	}
	out := &stored{At: s.at(o.span().Place())}
	for name, m := range o.members {
		if out.Members == nil {
			out.Members = map[string]*stored{}
		}
		out.Members[name] = s.store(m)
	}
	for _, item := range o.items {
		out.Items = append(out.Items, s.store(item))
	}
	if o.node == nil || o.members != nil || o.items != nil {
		return out
	}
	for i := range o.node.Kids {
		kid := &o.node.Kids[i]
		below := s.store(&origin{doc: o.doc, node: &kid.Node})
		if o.node.Kind == doc.List {
			out.Items = append(out.Items, below)
			continue
		}
		if out.Members == nil {
			out.Members = map[string]*stored{}
		}
		out.Members[o.doc.Key(kid)] = below
	}
	return out
}

func (s *storer) at(p diag.Place) []int {
	if p == (diag.Place{}) {
		return nil
	}
	i, ok := s.index[p.File]
	if !ok {
		i = len(s.files)
		s.index[p.File] = i
		s.files = append(s.files, p.File)
	}
	return []int{i, p.Line, p.Column}
}

func (s *stored) restore(files []string) *origin {
	if s == nil {
		return nil
	}
	o := &origin{members: map[string]*origin{}}
	if len(s.At) == 3 && s.At[0] >= 0 && s.At[0] < len(files) {
		o.place = diag.Place{File: files[s.At[0]], Line: s.At[1], Column: s.At[2]}
	}
	for name, m := range s.Members {
		o.members[name] = m.restore(files)
	}
	for _, item := range s.Items {
		o.items = append(o.items, item.restore(files))
	}
	return o
}
