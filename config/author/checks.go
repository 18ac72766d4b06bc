// SPDX-License-Identifier: Apache-2.0

package author

import (
	"path"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
)

// A check looks at the document before it is translated.
type check struct {
	since spec.Version
	when  features // that the variant must have; 0 for all
	not   features // that it must not have
	run   func(*translator)
}

// checks are made in this order, which is that of Butane's reports.
var checks = []check{
	{since: spec.V3_5, when: wholeDisk, not: openshift, run: (*translator).numberlessPartitions},
	{since: spec.V3_5, when: wholeDisk, not: openshift, run: (*translator).mountPaths},
	{when: openshift, run: (*translator).metadata},
	{when: openshift | cexArgument, run: (*translator).cexKernelArgument},
	{when: bootDevice, run: (*translator).layout},
	{when: bootDevice, run: (*translator).bootLuks},
	{since: spec.V3_4, when: coreos, run: (*translator).grubUsers},
	{run: (*translator).resources},
	{run: (*translator).decimalModes},
	{when: coreos, run: (*translator).partitions},
	{since: spec.V3_1, run: (*translator).mountUnits},
	{since: spec.V3_1, run: (*translator).trees},
	{since: spec.V3_4, run: (*translator).contentsTwice},
	{since: spec.V3_7, run: (*translator).quadlets},
}

// validate makes the checks of the variant.
func (t *translator) validate() {
	for _, c := range checks {
		if t.v.Spec >= c.since && t.v.has&c.when == c.when && t.v.has&c.not == 0 {
			c.run(t)
		}
	}
}

// resources checks everything that names a payload.
func (t *translator) resources() {
	t.eachResource(t.in, t.shape)
}

// eachResource walks the document by its shape.
func (t *translator) eachResource(n *node, s *shape) {
	if s.fields["source"] != nil {
		t.oneSource(n)
	}
	for _, k := range n.kids {
		f := s.fields[k.key]
		switch {
		case f == nil || f.kind != object:
		case f.list:
			for _, item := range k.kids {
				t.eachResource(item.node, f.elem)
			}
		default:
			t.eachResource(k.node, f.elem)
		}
	}
}

func (t *translator) oneSource(n *node) {
	var given []string
	for _, name := range []string{"local", "inline", "source"} {
		if n.get(name) != nil {
			given = append(given, name)
		}
	}
	if len(given) < 2 {
		return
	}
	at := given[len(given)-1]
	if t.v.Spec == spec.V3_0 {
		at = "inline"
	}
	t.fail(CodeResource, n, at, "the resource has both "+strings.Join(given, " and "), "keep one of them")
}

// decimalModes warns about modes such as 644, which was meant as 0644.
func (t *translator) decimalModes() {
	for _, list := range []string{"directories", "files"} {
		for _, n := range t.in.get("storage", list).items() {
			mode := n.get("mode")
			if mode == nil {
				continue
			}
			v := mode.number()
			octal, err := strconv.ParseInt(strconv.Itoa(v), 8, 32)
			dir := list == "directories"
			if err == nil && octal <= 0o7777 && !usualMode(v, dir) && usualMode(int(octal), dir) {
				t.warn(CodeMode, n.node, "mode", "the mode "+strconv.Itoa(v)+" is decimal; in octal it is 0"+strconv.FormatInt(int64(v), 8),
					"write 0"+strconv.Itoa(v)+" if you mean octal")
			}
		}
	}
}

// usualMode reports whether a mode is one that people commonly set.
func usualMode(mode int, dir bool) bool {
	if mode == 0 {
		return true
	}
	if mode < 0 || mode > 0o7777 {
		return false
	}
	user, group, other := mode>>6&7, mode>>3&7, mode&7
	if other&^group != 0 || group&^user != 0 {
		return false
	}
	for _, class := range []int{user, group, other} {
		if class&3 != 0 && class&4 == 0 {
			return false
		}
	}
	executes := mode&0o111 != 0
	for _, class := range []int{user, group, other} {
		if executes && class&4 != 0 && class&1 == 0 {
			return false
		}
	}
	if user&4 == 0 {
		return false
	}
	setID, sticky := mode&0o6000 != 0, mode&0o1000 != 0
	if dir {
		return executes && mode&0o4000 == 0 && (mode&0o3000 == 0 || mode&0o222 != 0)
	}
	return !sticky && (!setID || executes && other&2 == 0)
}

// wantsMountUnit returns the filesystems that ask for a mount unit.
func (t *translator) wantsMountUnit(f func(fs *node)) {
	for _, fs := range t.in.get("storage", "filesystems").items() {
		if fs.get("with_mount_unit").isTrue() {
			f(fs.node)
		}
	}
}

// isSwap reports whether a filesystem is swap space that gets a swap unit.
func (t *translator) isSwap(fs *node) bool {
	return t.v.Spec >= spec.V3_3 && fs.get("format").str() == "swap"
}

func (t *translator) mountUnits() {
	t.wantsMountUnit(func(fs *node) {
		if fs.get("format").str() == "" {
			t.fail(CodeMountUnit, fs, "format", "with_mount_unit needs a format", "set format, for example to ext4 or xfs")
		}
		if fs.get("path").str() == "" && !t.isSwap(fs) {
			t.fail(CodeMountUnit, fs, "path", "with_mount_unit needs a path", "set path to the mount point")
		}
	})
}

// mountPaths refuses mount points that CoreOS cannot have.
func (t *translator) mountPaths() {
	t.wantsMountUnit(func(fs *node) {
		p := fs.get("path").str()
		if p == "" || t.isSwap(fs) {
			return
		}
		for _, top := range []string{"/etc", "/var"} {
			if p == top || strings.HasPrefix(p, top+"/") {
				return
			}
		}
		t.fail(CodeMountUnit, fs, "path", "the mount point "+shown(p)+" is outside of /etc and /var",
			"use a path such as "+path.Join("/var", p)+"; the rest of the system is read-only")
	})
}

// trees makes the checks of trees that need no files.
func (t *translator) trees() {
	for _, tree := range t.in.get("storage", "trees").items() {
		if tree.get("local").str() == "" {
			t.fail(CodeTree, tree.node, "", "the tree has no local directory", "set local to a directory below the files directory")
		}
	}
}

func (t *translator) contentsTwice() {
	check := func(n *node) {
		if n.get("contents") != nil && n.get("contents_local") != nil {
			t.fail(CodeContents, n, "contents_local", "both contents and contents_local are set", "remove one of them")
		}
	}
	for _, u := range t.in.get("systemd", "units").items() {
		check(u.node)
		for _, d := range u.get("dropins").items() {
			check(d.node)
		}
	}
}

// suffixes are those of quadlets.
var suffixes = []string{".container", ".volume", ".network", ".kube", ".image", ".build", ".pod", ".artifact"}

func (t *translator) quadlets() {
	for _, q := range t.in.get("systemd", "quadlets").items() {
		name := q.get("name").str()
		if !isQuadlet(name) {
			t.fail(CodeQuadlet, q.node, "name", "the quadlet name has no known suffix", "use one of "+strings.Join(suffixes, ", "))
		}
		for _, member := range []string{"contents", "contents_local"} {
			if _, isInstance := template(name); isInstance && q.get(member) != nil {
				t.fail(CodeQuadlet, q.node, member, "a template instance cannot have contents of its own", "remove them, or use a drop-in")
			}
		}
		t.quadletContents(q.node)
		for _, d := range q.get("dropins").items() {
			t.quadletContents(d.node)
		}
	}
}

func (t *translator) quadletContents(n *node) {
	if n.get("contents") != nil && n.get("contents_local") != nil {
		t.fail(CodeQuadlet, n, "contents_local", "both contents and contents_local are set", "remove one of them")
	}
}

func isQuadlet(name string) bool {
	ext := path.Ext(name)
	for _, s := range suffixes {
		if ext == s && len(name) > len(s) && !strings.Contains(name, "/") {
			return true
		}
	}
	return false
}

// template returns the template of an instance: PREFIX@.EXT for PREFIX@NAME.EXT.
func template(name string) (string, bool) {
	prefix, rest, ok := strings.Cut(name, "@")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 {
		return "", false
	}
	return prefix + "@" + rest[dot:], true
}
