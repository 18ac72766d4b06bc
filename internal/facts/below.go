// SPDX-License-Identifier: Apache-2.0

package facts

import "path"

// An index finds the nodes below a directory without a look at all others. Places that are empty again stay in it.
type index struct {
	nodes    int // how many nodes the tree had: callers may add nodes to the map of a tree
	children map[string][]string
	linked   map[string]bool // places that are among the children of their directory
}

// forget drops an index that misses nodes, so that it is made again.
func (t *Tree) forget() {
	if t.index != nil && t.index.nodes != len(t.Nodes) {
		t.index = nil
	}
}

// AtOrBelow returns the places of all nodes at a resolved place and below it, in no certain order.
func (t *Tree) AtOrBelow(place string) []string {
	if t.forget(); t.index == nil {
		t.index = &index{children: map[string][]string{}, linked: map[string]bool{}}
		for p := range t.Nodes {
			t.index.add(p)
		}
		t.index.nodes = len(t.Nodes)
	}
	var found []string
	for open := []string{place}; len(open) > 0; {
		p := open[len(open)-1]
		open = append(open[:len(open)-1], t.index.children[p]...)
		if _, exists := t.Nodes[p]; exists {
			found = append(found, p)
		}
	}
	return found
}

func (i *index) add(place string) {
	for place != "/" && place != "." && !i.linked[place] {
		dir := path.Dir(place)
		i.linked[place] = true
		i.children[dir] = append(i.children[dir], place)
		place = dir
	}
}

// set adds or changes a node, and keeps the index.
func (t *Tree) set(place string, n Node) {
	if t.Nodes == nil {
		t.Nodes = map[string]Node{}
	}
	t.forget()
	t.Nodes[place] = n
	if t.index != nil {
		t.index.add(place)
		t.index.nodes = len(t.Nodes)
	}
}

// remove removes a node, and keeps the index.
func (t *Tree) remove(place string) {
	t.forget()
	delete(t.Nodes, place)
	if t.index != nil {
		t.index.nodes = len(t.Nodes)
	}
}
