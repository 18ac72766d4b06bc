// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// entry is a directory, file or link of the config.
type entry struct {
	path  string // in the config: "$.storage.files.3"
	node  types.Node
	place string // resolved
	plan  func(*builder, entry)
}

// Files makes all nodes and units, and then what the machine needs at later boots.
func Files(b *builder) {
	for _, plan := range []Planner{planNodes, planUnits, planCrypttab, planPlatformFiles, planRelabel} {
		plan(b)
	}
}

// planNodes makes directories, files and symbolic links together, those nearest to the root first. Hard links come after them,
// because any of these may be their target.
func planNodes(b *builder) {
	entries, hard := b.entries()
	seen := make(map[string]string, len(entries)+len(hard))
	entries, hard = b.distinct(entries, seen), b.distinct(hard, seen)
	b.expect(len(entries) + len(hard))
	sort.SliceStable(entries, func(i, j int) bool { return depth(entries[i].place) < depth(entries[j].place) })
	for _, e := range entries {
		e.plan(b, e)
	}
	b.barrier(0, len(b.steps))
	for _, e := range hard { // each after the one before: that may be what it is a link to
		first := len(b.steps)
		if e.plan(b, e); len(b.steps) > first {
			b.barrier(first, len(b.steps))
		}
	}
	b.barriers = nil
}

// distinct adds the places of entries to seen. It reports and leaves out entries whose place is in it already.
func (b *builder) distinct(entries []entry, seen map[string]string) []entry {
	return slices.DeleteFunc(entries, func(e entry) bool {
		other, ok := seen[e.place]
		if ok {
			b.fail(e.path, fmt.Sprintf("%s leads to %s, as does %s", e.node.Path, e.place, other),
				"keep one of the two entries")
			return true
		}
		seen[e.place] = e.node.Path
		return false
	})
}

func (b *builder) entries() (entries, hard []entry) {
	s := b.c.Storage
	entries = make([]entry, 0, len(s.Directories)+len(s.Files)+len(s.Links))
	add := func(list *[]entry, what string, i int, n types.Node, plan func(*builder, entry)) {
		*list = append(*list, entry{at("storage", what, i), n, b.facts.Tree.Place(path.Clean(n.Path)), plan})
	}
	for i, d := range s.Directories {
		add(&entries, "directories", i, d.Node, func(b *builder, e entry) { b.directory(e, d) })
	}
	for i, f := range s.Files {
		add(&entries, "files", i, f.Node, func(b *builder, e entry) { b.file(e, f) })
	}
	for i, l := range s.Links {
		if types.True(l.Hard) {
			add(&hard, "links", i, l.Node, func(b *builder, e entry) { b.hardLink(e, l) })
		} else {
			add(&entries, "links", i, l.Node, func(b *builder, e entry) { b.link(e, l) })
		}
	}
	return entries, hard
}

// homeParents makes the missing parents of a place in a home directory, owned by the user: the user's programs could not use
// them if root owned them.
func (b *builder) homeParents(p, place string) {
	near, n := b.facts.Tree.Near(place)
	if n.UID == 0 || near == path.Dir(place) {
		return
	}
	for _, name := range b.usersOf(n.UID) {
		u, _ := b.database().User(name)
		if home := b.facts.Tree.Final(u.Home); home == "/" || !facts.Within(near, home) {
			continue
		}
		for rest := range strings.SplitSeq(path.Dir(place)[len(near)+1:], "/") {
			near = path.Join(near, rest)
			b.addNode(p, near, op.MakeDirectory{Place: op.Place{Path: near}, Owner: op.Owner{UID: u.UID, GID: u.GID}, Mode: op.NoMode},
				"it is missing in the home directory of user "+name)
		}
		return
	}
}

// addNode adds a step that makes or changes the node at a place, after the step that makes its nearest parent, if there is one.
func (b *builder) addNode(p, place string, o op.Op, reason string) {
	if !b.reaches(p, place, place, "add an entry that overwrites it with a directory") {
		return
	}
	b.homeParents(p, place)
	var after []int
	for dir := path.Dir(place); dir != "/"; dir = path.Dir(dir) {
		if step, ok := b.last[op.PlaceResource(dir)]; ok {
			after = append(after, step)
			break
		}
	}
	b.relabel(place, keepsLabel(o))
	b.add(p, o, reason, append(after, b.barriers...)...)
}

// barrier makes all further steps of addNode come after the steps from first up to end. Each of those costs an edge per later
// step, so keep them few.
func (b *builder) barrier(first, end int) {
	b.barriers = nil
	for i := first; i < end; i++ {
		b.barriers = append(b.barriers, i)
	}
}

// found returns the node at the place of an entry, after checking that the place can be reached. With overwrite, existing nodes
// do not count.
func (b *builder) found(e entry) (n facts.Node, place op.Place, ok bool) {
	if !b.reaches(e.path, e.node.Path, e.place, "add an entry that overwrites it with a directory") {
		return n, place, false
	}
	n = b.facts.Tree.Nodes[e.place]
	place.Path = e.place
	if b.facts.Tree.Hides(e.place) {
		b.postpone("%s: what exists there shows when its filesystem is mounted", e.node.Path)
		return n, place, false
	}
	if types.True(e.node.Overwrite) && n.Type != "" {
		if e.place == "/" {
			b.fail(e.path, "the root directory cannot be overwritten", "remove \"overwrite\" from the entry")
			return n, place, false
		}
		place.Replace = true
		n = facts.Node{}
	}
	return n, place, true
}

// reaches reports a conflict, and returns false, if a path of the target leads to no place in which a node can be made. The
// hint is for a parent that is not a directory.
func (b *builder) reaches(p, name, place, hint string) bool {
	t := b.facts.Tree
	if why := t.Unreachable[name]; why != "" {
		b.fail(p, why, "remove one of these links from the target, or use another path")
		return false
	}
	if parent := t.Blocked(place); parent != "" {
		b.fail(p, fmt.Sprintf("%s cannot be made: %s is %s, not a directory", name, parent, kindOf(t.Nodes[parent])), hint)
		return false
	}
	return true
}

// regular reports a conflict, and returns false, if a place is taken by anything but a regular file: firstlight adds lines to it.
func (b *builder) regular(p, place string) bool {
	n := b.facts.Tree.Nodes[place]
	if n.Type == "" || n.Type == "file" {
		return true
	}
	b.fail(p, fmt.Sprintf("%s is %s, not a file", place, kindOf(n)), "remove it from the target: firstlight adds lines to this file")
	return false
}

// exists reports that an existing node is in the way.
func (b *builder) exists(e entry, n facts.Node, wanted string) {
	b.fail(e.path, fmt.Sprintf("%s exists already and is %s, not %s", e.node.Path, kindOf(n), wanted),
		"set \"overwrite\" to have it replaced")
}

// kindOf describes the type of a node.
func kindOf(n facts.Node) string {
	switch n.Type {
	case "other":
		return "a FIFO, socket or device"
	case "link":
		return "a link to " + diag.Shown(n.Target, mostTarget)
	}
	return "a " + n.Type
}

// owner returns the owner that an entry asks for, or fallback if it asks for none.
func (b *builder) owner(e entry, fallback int) op.Owner {
	uid := b.id(e.path+".user", e.node.User, fallback, "user", (*account.DB).Users, func(db *account.DB, name string) (int, bool) {
		u, ok := db.User(name)
		return u.UID, ok
	})
	gid := b.id(e.path+".group", e.node.Group, fallback, "group", (*account.DB).Groups, (*account.DB).GroupID)
	return op.Owner{UID: uid, GID: gid}
}

func (b *builder) id(p string, o types.Owner, fallback int, kind string, names func(*account.DB) []string, find func(*account.DB, string) (int, bool)) int {
	if o.ID != nil {
		return *o.ID
	}
	if o.Name == nil || *o.Name == "" {
		return fallback
	}
	id, ok := find(b.database(), *o.Name)
	if !ok {
		b.fail(p, fmt.Sprintf("%s %q does not exist in the target", kind, *o.Name), b.similar(*o.Name, func() []string { return names(b.database()) }))
		return fallback
	}
	return id
}

// database returns the accounts of the target.
func (b *builder) database() *account.DB {
	if b.accounts == nil {
		b.accounts, b.named = account.Parse(b.facts.Accounts.Texts, b.in.Today), nil
	}
	return b.accounts
}

// usersOf returns the names of the target's users with an id.
func (b *builder) usersOf(uid int) []string {
	db := b.database()
	if b.named == nil {
		b.named = map[int][]string{}
		for _, name := range db.Users() {
			u, _ := db.User(name)
			b.named[u.UID] = append(b.named[u.UID], name)
		}
	}
	return b.named[uid]
}

// mostHints is how many names get a suggestion: each is compared with all names there are.
const mostHints = 20

// similar suggests one of names in place of a name that does not exist, or nothing.
func (b *builder) similar(name string, all func() []string) string {
	if b.hints++; b.hints > mostHints {
		return ""
	}
	best, found := diag.Closest(name, all())
	if !found {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func mode(m *int) int {
	if m == nil {
		return op.NoMode
	}
	return *m
}

// has reports whether a node already has the owner and the mode that are asked for.
func has(n facts.Node, o op.Owner, mode int) bool {
	return (o.UID == -1 || o.UID == n.UID) && (o.GID == -1 || o.GID == n.GID) && (mode == op.NoMode || mode == n.Mode)
}

func (b *builder) directory(e entry, d types.Directory) {
	n, place, ok := b.found(e)
	switch {
	case !ok:
	case n.Type == "" && e.place != "/":
		b.addNode(e.path, e.place, op.MakeDirectory{Place: place, Owner: b.owner(e, 0), Mode: mode(d.Mode)}, "")
	case n.Type == "directory" || e.place == "/":
		o := op.MakeDirectory{Place: place, Exists: true, Owner: b.owner(e, -1), Mode: mode(d.Mode)}
		if !has(n, o.Owner, o.Mode) {
			b.addNode(e.path, e.place, o, "it is there already")
		}
	default:
		b.exists(e, n, "a directory")
	}
}

func (b *builder) file(e entry, f types.File) {
	n, place, ok := b.found(e)
	switch {
	case !ok:
	case n.Type == "" && e.place != "/":
		o := op.WriteFile{Place: place, Fragments: b.contents(f.Append...), Owner: b.owner(e, 0), Mode: mode(f.Mode)}
		if c, ok := b.content(f.Contents); ok {
			o.Content = &c
		}
		b.addNode(e.path, e.place, o, "")
	case n.Type != "file":
		b.exists(e, n, "a file")
	case f.Contents.Source != nil:
		b.fail(e.path, fmt.Sprintf("%s exists already", e.node.Path),
			"set \"overwrite\" to have it replaced, or use \"append\" to add to it")
	default:
		o := op.KeepFile{
			Place: place, Fragments: b.contents(f.Append...), Size: n.Size, Digest: n.Digest,
			Owner: b.owner(e, -1), Mode: mode(f.Mode),
		}
		if len(o.Fragments) > 0 && n.Inode != "" {
			if other, ok := b.appended[n.Inode]; ok {
				b.fail(e.path, fmt.Sprintf("%s and %s are names of one file, and both are appended to", e.node.Path, other),
					"put all fragments into one entry")
				return
			}
			b.appended[n.Inode] = e.node.Path
		}
		if len(o.Fragments) > 0 || !has(n, o.Owner, o.Mode) {
			b.addNode(e.path, e.place, o, "it is there already")
		}
	}
}

func (b *builder) link(e entry, l types.Link) {
	target := types.Text(l.Target)
	n, place, ok := b.found(e)
	switch {
	case !ok:
	case n.Type == "" && e.place != "/":
		b.addNode(e.path, e.place, op.MakeLink{Place: place, Target: target, Owner: b.owner(e, 0)}, "")
	case n.Type == "link" && path.Clean(n.Target) == path.Clean(target):
	default:
		b.exists(e, n, "a link to "+target)
	}
}

func (b *builder) hardLink(e entry, l types.Link) {
	target := path.Clean("/" + types.Text(l.Target))
	n, place, ok := b.found(e)
	there := b.facts.Tree.Nodes[b.facts.Tree.Place(target)]
	switch {
	case !ok:
	case there.Type == "directory":
		b.fail(e.path, fmt.Sprintf("%s is a directory, which cannot have a hard link", target), "make a symbolic link")
	case n.Type == "" && e.place != "/":
		b.addNode(e.path, e.place, op.MakeHardLink{Place: place, Target: target}, "")
	case n.Inode != "" && n.Inode == there.Inode:
	default:
		b.exists(e, n, "a hard link to "+target)
	}
}
