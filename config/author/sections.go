// SPDX-License-Identifier: Apache-2.0

package author

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
)

var errChanged = errors.New("the file changed while it was read")

// A planter adds nodes to the author's files, directories and links, and knows which paths are taken.
type planter struct {
	t     *translator
	kinds map[string]string // list by path
	nodes map[string]*node
}

// planter returns a planter that knows the author's entries. It fills copies of them.
func (t *translator) planter() *planter {
	p := &planter{t: t, kinds: map[string]string{}, nodes: map[string]*node{}}
	for _, list := range []string{"directories", "files", "links"} {
		for _, k := range t.out.get("storage", list).items() {
			at := k.get("path").str()
			p.kinds[at], p.nodes[at] = list, k.node
		}
	}
	return p
}

// add adds an entry to a list.
func (p *planter) add(list string, n *node) {
	storage := p.t.out.child("storage", doc.Object)
	l := storage.child(list, doc.List)
	l.kids = append(l.kids, kid{node: n})
	at := n.get("path").str()
	p.kinds[at], p.nodes[at] = list, n
}

// copyTrees copies directories of local files.
func (t *translator) copyTrees() {
	trees := t.in.get("storage", "trees").items()
	if len(trees) == 0 {
		return
	}
	p := t.planter()
	for _, tree := range trees {
		name, err := t.localName(tree.get("local").str())
		if err == nil {
			var info fs.FileInfo
			if info, err = fs.Stat(t.o.Files, name); err == nil && !info.IsDir() {
				err = errors.New("it is not a directory")
			}
		}
		if err != nil {
			t.fail(CodeTree, tree.node, "", "copy the tree "+shown(tree.get("local").str())+": "+reason(err), localHint(err))
			continue
		}
		to := "/"
		if at := tree.get("path").str(); at != "" {
			to = path.Clean(at)
		}
		p.copy(tree.node, name, to)
	}
}

// copy copies a directory with its contents.
func (p *planter) copy(tree *node, dir, to string) {
	user, group, mode := tree.get("user"), tree.get("group"), tree.get("dir_mode")
	if user != nil || group != nil || mode != nil {
		if list, taken := p.kinds[to]; taken {
			p.t.fail(CodeTree, tree, "", "the tree would create "+to+", which is already in "+list, "remove that entry, or do not set user, group or dir_mode on the tree")
		} else {
			if mode == nil {
				mode = tree.makeNumber(0o755)
			}
			p.add("directories", tree.makeObject(kid{"path", tree.makeText(to)}, kid{"mode", mode}, kid{"user", user}, kid{"group", group}))
		}
	}
	entries, err := fs.ReadDir(p.t.o.Files, dir)
	if err != nil {
		p.t.fail(CodeTree, tree, "", "read the directory "+dir+" of the tree: "+reason(err), "")
		return
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	for _, e := range entries {
		from, at := path.Join(dir, e.Name()), path.Join(to, e.Name())
		switch {
		case e.IsDir():
			p.copy(tree, from, at)
		case e.Type().IsRegular():
			p.file(tree, e, from, at)
		case e.Type() == fs.ModeSymlink:
			p.link(tree, from, at)
		default:
			p.t.fail(CodeTree, tree, "", from+" is not a regular file, directory or symbolic link", "remove it from the tree")
		}
	}
}

// file copies a file. The contents go to the author's entry of that path if it has none, and otherwise to a new entry.
func (p *planter) file(tree *node, e fs.DirEntry, from, at string) {
	info, err := e.Info()
	if err != nil {
		p.t.fail(CodeTree, tree, "", "read "+from+" of the tree: "+reason(err), "")
		return
	}
	entry := p.nodes[at]
	switch list := p.kinds[at]; {
	case entry == nil:
		entry = tree.makeObject(kid{"path", tree.makeText(at)}, kid{"user", tree.get("user")}, kid{"group", tree.get("group")})
		p.add("files", entry)
	case list != "files":
		p.t.fail(CodeTree, tree, "", "the tree has the file "+at+", which is already in "+list, "remove that entry")
		return
	case entry.get("contents", "source") != nil:
		p.t.fail(CodeTree, tree, "", "the tree has the file "+at+", and files sets its contents too", "remove contents from that entry")
		return
	}
	contents := tree.make(doc.Object, "")
	if old := entry.get("contents"); old != nil {
		c := *old
		c.kids = slices.Clone(old.kids)
		contents = &c
	}
	if info.Size() <= largeFile && p.t.loaded+info.Size() <= allFiles {
		text, err := fs.ReadFile(p.t.o.Files, from)
		if err != nil {
			p.t.fail(CodeTree, tree, "", "read "+from+" of the tree: "+reason(err), "")
			return
		}
		p.t.loaded += int64(len(text))
		p.t.fill(contents, tree, text)
	} else {
		p.t.fillLarge(contents, tree, from)
	}
	entry.set("contents", contents)
	if entry.get("mode") != nil {
		return
	}
	mode := tree.get("file_mode")
	switch {
	case mode != nil:
	case info.Mode()&0o111 != 0:
		mode = tree.makeNumber(0o755)
	default:
		mode = tree.makeNumber(0o644)
	}
	entry.set("mode", mode)
}

// link copies a symbolic link. The target goes to the author's entry of that path if it has none, and otherwise to a new entry.
func (p *planter) link(tree *node, from, at string) {
	target, err := fs.ReadLink(p.t.o.Files, from)
	if err != nil {
		p.t.fail(CodeTree, tree, "", "read the link "+from+" of the tree: "+reason(err), "")
		return
	}
	entry := p.nodes[at]
	switch list := p.kinds[at]; {
	case entry == nil:
		p.add("links", tree.makeObject(kid{"path", tree.makeText(at)}, kid{"target", tree.makeText(target)},
			kid{"user", tree.get("user")}, kid{"group", tree.get("group")}))
	case list != "links":
		p.t.fail(CodeTree, tree, "", "the tree has the link "+at+", which is already in "+list, "remove that entry")
	case entry.get("target").str() != "":
		p.t.fail(CodeTree, tree, "", "the tree has the link "+at+", and links sets its target too", "remove target from that entry")
	default:
		entry.set("target", tree.makeText(target))
	}
}

// makeQuadlets turns quadlets into the files that podman reads.
func (t *translator) makeQuadlets() {
	quadlets := t.in.get("systemd", "quadlets").items()
	if len(quadlets) == 0 {
		return
	}
	p := t.planter()
	for _, q := range quadlets {
		dir := "/etc/containers/systemd/users"
		if q.get("rootful").isTrue() {
			dir = "/etc/containers/systemd"
		}
		name := q.get("name")
		at := path.Join(dir, name.str())
		if target, isInstance := template(name.str()); isInstance {
			if p.free(name, at) {
				p.add("links", q.makeObject(kid{"path", name.makeText(at)}, kid{"target", name.makeText(target)}))
			}
		} else if p.free(name, at) {
			p.quadlet(q.node, name, at)
		}
		for _, d := range q.get("dropins").items() {
			cause := d.get("name")
			if cause == nil {
				cause = d.node
			}
			if file := path.Join(at+".d", cause.str()); p.free(cause, file) {
				p.quadlet(d.node, cause, file)
			}
		}
	}
}

// free reports whether no entry has a path yet. If one has, that is an error in the report.
func (p *planter) free(cause *node, at string) bool {
	list, taken := p.kinds[at]
	if taken {
		p.t.fail(CodeQuadlet, cause, "", "the quadlet would create "+at+", which is already in "+list, "remove one of the two")
	}
	return !taken
}

// quadlet adds the file of a quadlet or drop-in.
func (p *planter) quadlet(n, name *node, at string) {
	contents := n.make(doc.Object, "")
	switch text, local := n.get("contents"), n.get("contents_local"); {
	case text != nil:
		p.t.fill(contents, text, []byte(text.text))
	case local != nil:
		if text, ok := p.t.readLocal(local); ok {
			p.t.fill(contents, local, text)
		}
	default:
		p.t.fill(contents, n, nil)
	}
	p.add("files", n.makeObject(kid{"path", name.makeText(at)}, kid{"mode", n.makeNumber(0o644)}, kid{"contents", contents}))
}

// makeMountUnits makes a unit for every filesystem that asks for one.
func (t *translator) makeMountUnits() {
	var units []*node
	t.wantsMountUnit(func(fs *node) {
		cause := fs.get("with_mount_unit")
		name, contents := t.mountUnit(fs)
		units = append(units, cause.makeObject(kid{"name", cause.makeText(name)}, kid{"enabled", cause.makeTrue()}, kid{"contents", cause.makeText(contents)}))
	})
	if len(units) == 0 {
		return
	}
	systemd := t.in.makeObject(kid{"units", units[0].makeList(units...)})
	t.under(t.in.makeObject(kid{"systemd", systemd}))
}

// mountUnit returns the name and text of a unit that mounts a filesystem.
func (t *translator) mountUnit(fs *node) (name, contents string) {
	device, where := fs.get("device").str(), fs.get("path").str()
	var options []string
	for _, o := range fs.get("mount_options").items() {
		options = append(options, o.text)
	}
	remote := t.v.Spec >= spec.V3_2 && t.isRemote(device)
	if remote {
		options = append(options, "_netdev")
	}
	var b strings.Builder
	b.WriteString("# Generated by Butane\n")
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + "=" + value + "\n")
		}
	}
	// A percent sign begins a specifier of systemd. Options may use specifiers; a percent sign in a path is literal.
	unitDevice, unitWhere := strings.ReplaceAll(device, "%", "%%"), strings.ReplaceAll(where, "%", "%%")
	if t.isSwap(fs) {
		b.WriteString("[Swap]\n")
		line("What", unitDevice)
		line("Options", strings.Join(options, ","))
		b.WriteString("\n[Install]\nRequiredBy=swap.target")
		return escape(device) + ".swap", b.String()
	}
	fsck := "systemd-fsck@" + escape(device) + ".service"
	b.WriteString("[Unit]\nRequires=" + fsck + "\nAfter=" + fsck + "\n\n[Mount]\n")
	line("Where", unitWhere)
	line("What", unitDevice)
	line("Type", fs.get("format").str())
	line("Options", strings.Join(options, ","))
	target := "local-fs.target"
	if remote {
		target = "remote-fs.target"
	}
	b.WriteString("\n[Install]\nRequiredBy=" + target)
	return escape(where) + ".mount", b.String()
}

// isRemote reports whether a device is an encrypted volume that the network unlocks.
func (t *translator) isRemote(device string) bool {
	name, ok := strings.CutPrefix(device, "/dev/mapper/")
	if !ok {
		if name, ok = strings.CutPrefix(device, "/dev/disk/by-id/dm-name-"); !ok {
			return false
		}
	}
	if name == "root" && t.v.has&bootDevice != 0 && len(t.in.get("boot_device", "luks", "tang").items()) > 0 {
		return true
	}
	for _, l := range t.in.get("storage", "luks").items() {
		clevis := l.get("clevis")
		if l.get("name").str() == name && (len(clevis.get("tang").items()) > 0 || clevis.get("custom", "needs_network").isTrue()) {
			return true
		}
	}
	return false
}

// escape is systemd-escape --path.
func escape(p string) string {
	const digits = "0123456789abcdef"
	p = strings.Trim(path.Clean("/"+p), "/")
	if p == "" {
		return "-"
	}
	var b strings.Builder
	for i := range len(p) {
		c := p[i]
		switch {
		case c == '/':
			b.WriteByte('-')
		case c == '.' && i == 0, c != ':' && c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z'):
			b.WriteString(`\x` + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// UnitName returns the name of the unit of a path, without its suffix, as systemd-escape --path does.
func UnitName(p string) string { return escape(p) }
