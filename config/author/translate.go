// SPDX-License-Identifier: Apache-2.0

package author

import (
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// A layer is sugar that works on the whole document.
type layer struct {
	since spec.Version
	when  features
	apply func(*translator)
}

// layers are applied in this order after the author's own sections. What a layer generates is the parent in a merge, so
// the author can override it; trees and quadlets add to the author's entries.
var layers = []layer{
	{since: spec.V3_1, apply: (*translator).copyTrees},
	{since: spec.V3_7, apply: (*translator).makeQuadlets},
	{since: spec.V3_1, apply: (*translator).makeMountUnits},
	{when: bootDevice, apply: (*translator).makeBootDevice},
	{since: spec.V3_4, when: coreos, apply: (*translator).makeGrub},
	{when: openshift, apply: (*translator).fips},
}

// translate makes the config.
func (t *translator) translate() {
	t.out = t.object(t.in, t.shape)
	for _, l := range layers {
		if t.v.Spec >= l.since && t.v.has&l.when == l.when {
			l.apply(t)
		}
	}
	t.encode()
	ignition := t.out.get("ignition")
	if ignition == nil {
		ignition = t.in.make(doc.Object, "")
	}
	version := t.in.get("version")
	if version == nil {
		version = t.in
	}
	head := *ignition
	head.kids = append(slices.Clone(head.kids), kid{"version", version.makeText(t.v.Spec.String())})
	t.out.set("ignition", &head)
}

// object gives the members of an object their names in the config, and translates its sugar.
func (t *translator) object(in *node, s *shape) *node {
	out := *in
	out.kids = make([]kid, 0, len(in.kids))
	for _, k := range in.kids {
		f := s.fields[k.key]
		if f == nil || f.to == "" {
			continue
		}
		v := k.node
		switch {
		case f.kind != object:
		case f.list:
			list := *v
			list.kids = make([]kid, len(v.kids))
			for i, item := range v.kids {
				list.kids[i].node = t.object(item.node, f.elem)
			}
			v = &list
		default:
			v = t.object(v, f.elem)
		}
		out.kids = append(out.kids, kid{f.to, v})
	}
	if s.sugar != nil {
		s.sugar(t, in, &out)
	}
	return &out
}

// under merges the config so far over a generated one.
func (t *translator) under(parent *node) { t.out = overlay(spec.Config(), parent, t.out) }

// overlay is Ignition's merge on trees: members of the child win, elements of lists with equal keys become one, and the
// elements of the parent come first.
func overlay(s *spec.Struct, parent, child *node) *node {
	out := *child
	out.kids = slices.Clone(parent.kids)
	for _, k := range child.kids {
		f, _ := s.Find(k.key, spec.Newest)
		old := parent.get(k.key)
		switch {
		case f == nil || old == nil:
			out.set(k.key, k.node)
		case k.kind == doc.Object && f.Elem != nil:
			out.set(k.key, overlay(f.Elem, old, k.node))
		case k.kind == doc.List:
			out.set(k.key, overlayList(f, old, k.node))
		default:
			out.set(k.key, k.node)
		}
	}
	if s.Path == "storage" {
		dropSiblings(&out, parent, child)
	}
	return &out
}

func overlayList(f *spec.Field, parent, child *node) *node {
	out := *child
	out.kids = slices.Clone(parent.kids)
	if f.List == spec.Appended {
		out.kids = append(out.kids, child.kids...)
		return &out
	}
	index := make(map[string]int, len(parent.kids))
	for i, k := range parent.kids {
		index[keyOf(f.Path, k.node)] = i
	}
	for _, k := range child.kids {
		i, ok := index[keyOf(f.Path, k.node)]
		switch {
		case !ok:
			out.kids = append(out.kids, k)
		case f.Elem != nil:
			out.kids[i].node = overlay(f.Elem, out.kids[i].node, k.node)
		}
	}
	return &out
}

// dropSiblings drops generated nodes whose paths the author uses for nodes of another kind.
func dropSiblings(out, parent, child *node) {
	lists := []string{"directories", "files", "links"}
	for _, name := range lists {
		if parent.get(name) == nil {
			continue
		}
		taken := map[string]bool{}
		for _, other := range lists {
			for _, k := range child.get(other).items() {
				if other != name {
					taken[k.get("path").str()] = true
				}
			}
		}
		list := *out.get(name)
		list.kids = slices.DeleteFunc(slices.Clone(list.kids), func(k kid) bool { return k.made && taken[k.get("path").str()] })
		out.set(name, &list)
	}
}

// keys are the members that identify elements of keyed lists, by the place of the list; all others have a name.
var keys = map[string]string{
	"storage.disks": "device", "storage.filesystems": "device", "storage.files": "path", "storage.directories": "path", "storage.links": "path",
	"storage.luks.clevis.tang": "url", "ignition.config.merge": "source", "ignition.security.tls.certificateAuthorities": "source",
}

// keyOf returns what identifies an element of a list, as the Key methods of package types have it.
func keyOf(place string, n *node) string {
	if n.kind != doc.Object {
		return n.text
	}
	if place == "storage.disks.partitions" {
		if number := n.get("number").number(); number != 0 {
			return "number " + strconv.Itoa(number)
		}
		return "label " + n.get("label").str()
	}
	if k := keys[place]; k != "" {
		return n.get(k).str()
	}
	return n.get("name").str()
}

// contentsLocal reads the text of a unit or drop-in.
func (t *translator) contentsLocal(in, out *node) {
	local := in.get("contents_local")
	if local == nil {
		return
	}
	if text, ok := t.readLocal(local); ok {
		out.set("contents", local.makeText(string(text)))
	}
}

// keysLocal reads files of SSH keys.
func (t *translator) keysLocal(in, out *node) {
	local := in.get("ssh_authorized_keys_local")
	if local == nil {
		return
	}
	list := local.makeList()
	if inline := in.get("ssh_authorized_keys"); inline != nil {
		c := *inline
		c.kids = slices.Clone(inline.kids)
		list = &c
	}
	for _, file := range local.kids {
		text, ok := t.readLocal(file.node)
		if !ok {
			continue
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				list.kids = append(list.kids, kid{node: file.makeText(line)})
			}
		}
	}
	out.set("sshAuthorizedKeys", list)
}
