// SPDX-License-Identifier: Apache-2.0

package merge

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// The JSON form of origins follows the config's own shape. A scalar is a place, "FILE:LINE:COLUMN" with the index of the
// file's name; an object has its own place as the member "@"; a list has its own place as its first item.
//
//	{"files":["a.ign"],"root":{"@":"0:1:2","storage":{"@":"0:3:14","files":["0:4:12",{"@":"0:5:8","path":"0:5:16"}]}}}

// placeKey is the member that holds an object's own place; no config has a member of that name with a meaning.
const placeKey = "@"

// MarshalJSON writes all places down.
func (o Origins) MarshalJSON() ([]byte, error) {
	w := writer{index: map[string]int{}, names: map[string]string{}}
	w.origin(o.root)
	files, err := json.Marshal(w.files)
	if err != nil {
		return nil, err
	}
	text := append([]byte(`{"files":`), files...)
	text = append(text, `,"root":`...)
	return append(append(text, w.text...), '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Origins) UnmarshalJSON(text []byte) error {
	d, report := doc.ParseJSON(diag.NewSource("origins", []byte(string(text))))
	if report.HasErrors() {
		return errors.New(report[0].Line())
	}
	files, root := d.Root.Member("files"), d.Root.Member("root")
	if files == nil || root == nil {
		return errors.New("read origins: a member is missing")
	}
	from := &document{doc: d, files: []string{}}
	for i := range files.Kids {
		from.files = append(from.files, files.Kids[i].Text)
	}
	o.root = origin{}
	if root.Kind != doc.Null {
		o.root = origin{from: from, node: &root.Node}
	}
	return nil
}

// place reads the place of a node of stored origins.
func (d *document) place(n *doc.Node) diag.Place {
	switch {
	case n.Kind == doc.List && len(n.Kids) > 0:
		n = &n.Kids[0].Node
	case n.Kind == doc.Object:
		if kid := n.Member(placeKey); kid != nil {
			n = &kid.Node
		}
	}
	var numbers [3]int
	rest := n.Text
	for i := range numbers {
		var word string
		word, rest, _ = strings.Cut(rest, ":")
		v, err := strconv.Atoi(word)
		if err != nil || v < 0 {
			return diag.Place{}
		}
		numbers[i] = v
	}
	if numbers[0] >= len(d.files) {
		return diag.Place{}
	}
	return diag.Place{File: d.files[numbers[0]], Line: numbers[1], Column: numbers[2]}
}

// writer writes origins down.
type writer struct {
	text  []byte
	files []string
	index map[string]int
	names map[string]string // of members, as they are written
}

func (w *writer) place(p diag.Place) {
	if p == (diag.Place{}) {
		w.text = append(w.text, `""`...)
		return
	}
	i, ok := w.index[p.File]
	if !ok {
		i = len(w.files)
		w.index[p.File] = i
		w.files = append(w.files, p.File)
	}
	w.text = append(w.text, '"')
	w.text = strconv.AppendInt(w.text, int64(i), 10)
	w.text = strconv.AppendInt(append(w.text, ':'), int64(p.Line), 10)
	w.text = strconv.AppendInt(append(w.text, ':'), int64(p.Column), 10)
	w.text = append(w.text, '"')
}

func (w *writer) origin(o origin) {
	own := o.own
	switch {
	case o.unknown():
		w.text = append(w.text, "null"...)
	case own != nil && own.isList:
		w.list(o, len(own.items), func(i int) origin { return own.items[i] })
	case own != nil || o.node.Kind == doc.Object:
		w.object(o)
	case o.node.Kind == doc.List:
		n := len(o.node.Kids)
		if o.from.files != nil && n > 0 {
			n--
		}
		w.list(o, n, o.item)
	default:
		w.place(o.place())
	}
}

func (w *writer) list(o origin, n int, item func(int) origin) {
	w.text = append(w.text, '[')
	w.place(o.place())
	for i := range n {
		w.text = append(w.text, ',')
		w.origin(item(i))
	}
	w.text = append(w.text, ']')
}

func (w *writer) object(o origin) {
	w.name('{', placeKey)
	w.place(o.place())
	if o.own != nil {
		for _, m := range o.own.members {
			w.name(',', m.name)
			w.origin(m.origin)
		}
	}
	for i := 0; o.node != nil && i < len(o.node.Kids); i++ {
		kid := &o.node.Kids[i]
		if kid.Key == placeKey || o.own != nil && o.own.has(kid.Key) {
			continue
		}
		w.name(',', kid.Key)
		w.origin(origin{from: o.from, node: &kid.Node})
	}
	w.text = append(w.text, '}')
}

func (c *composed) has(name string) bool {
	for _, m := range c.members {
		if m.name == name {
			return true
		}
	}
	return false
}

// name writes a bracket or comma, and the name of a member.
func (w *writer) name(before byte, name string) {
	quoted, known := w.names[name]
	if !known {
		text, err := json.Marshal(name)
		if err != nil {
			text = []byte(`""`) // a string always has a JSON form
		}
		quoted = string(text) + ":"
		w.names[name] = quoted
	}
	w.text = append(append(w.text, before), quoted...)
}
