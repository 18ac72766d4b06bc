// SPDX-License-Identifier: Apache-2.0

package author

import (
	"slices"
	"sort"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
)

// filter reports members that the platform of the variant cannot use. It looks at the output, so sugar cannot bypass it.
func (t *translator) filter() { t.forbidden(t.out, "") }

// forbidden walks the output in alphabetical order. The place is a path of member names.
func (t *translator) forbidden(n *node, place string) {
	kids := slices.Clone(n.kids)
	sort.SliceStable(kids, func(i, j int) bool { return kids[i].key < kids[j].key })
	for _, k := range kids {
		at := place
		if n.kind == doc.Object {
			at = strings.TrimPrefix(place+"."+k.key, ".")
		}
		if t.forbids(at, n.kind == doc.Object && place == "passwd.users", k.key) && !empty(k.node) {
			hint := "remove it"
			if at == "kernelArguments" && t.v.has&openshift != 0 {
				hint = "use openshift.kernel_arguments"
			}
			t.fail(CodeForbidden, k.node, "", t.v.Name+" "+t.v.Version+" does not support "+snake(at[strings.LastIndexByte(at, '.')+1:]), hint)
			continue
		}
		if k.kind == doc.Object || k.kind == doc.List {
			t.forbidden(k.node, at)
		}
	}
}

func (t *translator) forbids(place string, ofUser bool, member string) bool {
	return slices.Contains(t.v.forbids, place) || ofUser && t.v.users != nil && !slices.Contains(t.v.users, member)
}

// empty reports whether a value asks for nothing.
func empty(n *node) bool {
	switch n.kind {
	case doc.Object:
		return !slices.ContainsFunc(n.kids, func(k kid) bool { return !empty(k.node) })
	case doc.List:
		return len(n.kids) == 0
	case doc.String:
		return n.text == ""
	}
	return n.kind == doc.Null
}
