// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// planRelabel sets the labels of all that was written, at the end.
func planRelabel(b *builder) {
	policy := b.policy()
	if policy == "" {
		return
	}
	paths := map[string]bool{}
	for _, place := range b.labels {
		paths[place] = true
	}
	if len(b.c.Passwd.Users)+len(b.c.Passwd.Groups) > 0 {
		for _, name := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
			paths["/etc/"+name], paths["/etc/"+name+"-"] = true, true
		}
		paths["/etc/.pwd.lock"] = true
		for _, u := range b.c.Passwd.Users {
			if have, ok := b.database().User(u.Name); ok && !types.True(u.NoCreateHome) && have.Home != "/" {
				paths[have.Home] = true
			}
		}
	}
	if len(paths) == 0 {
		return
	}
	b.barrier(0, len(b.steps))
	b.add(at(), op.Relabel{Policy: policy, Paths: slices.Sorted(maps.Keys(paths))}, "", b.barriers...)
	b.barriers = nil
}

// relabel notes a place for SELinux labels: itself, or the topmost directory that is made for it.
func (b *builder) relabel(place string) {
	if !b.in.Relabel {
		return
	}
	if top, ok := b.facts.Tree.Missing[path.Dir(place)]; ok {
		place = top
	}
	b.labels = append(b.labels, place)
}
