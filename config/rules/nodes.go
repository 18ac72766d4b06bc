// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	gopath "path"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// nodeRules are about directories, files and links.
var nodeRules = []Rule{
	{ID: "V201", Check: nodePath, About: "A node has a path."},
	{ID: "V202", Check: nodePath, About: "The path of a node is absolute."},
	{ID: "V203", Check: nodePath, About: "The path of a node is in its simplest form."},
	{ID: "V210", Check: modeRange, About: "`mode` is 0 to 4095 (octal 7777)."},
	{ID: "V211", Until: spec.V3_5, Severity: diag.Warning, Check: specialBits, About: "`mode` has no bits above 511 (octal 777), which had no effect before 3.6.0."},
	{ID: "V212", Check: overwriteNeedsSource, About: "A file that overwrites has a source."},
	{ID: "V213", Check: oneOwner, About: "An owner is given by number or by name, not by both."},
	{ID: "V220", Check: belowLink(inDirectories), About: "A directory is not below a link of the config."},
	{ID: "V221", Check: belowLink(inFiles), About: "A file is not below a link of the config."},
	{ID: "V222", Check: belowLink(inLinks), About: "A link is not below a link of the config."},
	{ID: "V223", Since: from33, Check: linkTarget, About: "A link has a target."},
	{ID: "V224", Check: hardLinkToDirectory, About: "A hard link does not point to a directory of the config."},
	{ID: "V225", Severity: diag.Warning, Check: hardLinkOwner, About: "A hard link has no owner of its own."},
	{ID: "V230", Check: nodeOverUnit, About: "A node is not where a unit or drop-in of the config is written."},
}

// unitDir is where units are written.
const unitDir = "/etc/systemd/system"

// nodePath reports paths that break the running rule.
func nodePath(c *Context, config *types.Config) {
	eachNode(config, func(n *types.Node, at where) {
		summary, hint := unclean(n.Path)
		code := ""
		switch {
		case summary == "":
			return
		case n.Path == "":
			code = "V201"
		case n.Path[0] != '/':
			code = "V202"
		default:
			code = "V203"
		}
		if code == c.rule.ID {
			c.Report(summary, hint, at.steps("path")...)
		}
	})
}

// eachMode calls f with every mode that is set.
func eachMode(config *types.Config, f func(mode int, at where)) {
	for i := range config.Storage.Directories {
		if m := config.Storage.Directories[i].Mode; m != nil {
			f(*m, where{list: inDirectories, i: i})
		}
	}
	for i := range config.Storage.Files {
		if m := config.Storage.Files[i].Mode; m != nil {
			f(*m, where{list: inFiles, i: i})
		}
	}
}

func modeRange(c *Context, config *types.Config) {
	const most = 0o7777
	eachMode(config, func(mode int, at where) {
		if mode < 0 || mode > most {
			c.Report(fmt.Sprintf("mode %d is out of range: modes are 0 to 4095", mode), modeHint(mode), at.steps("mode")...)
		}
	})
}

// modeHint is the hint for a number that is not a mode.
func modeHint(mode int) string { return octalHint(mode, "modes are decimal, 0 to 4095") }

// octalHint gives the decimal value of a mode whose digits may be meant as octal, and returns otherwise for any other.
func octalHint(mode int, otherwise string) string {
	meant, digits := 0, fmt.Sprint(mode)
	for _, d := range digits {
		if d < '0' || d > '7' || len(digits) > 4 {
			return otherwise
		}
		meant = meant<<3 | int(d-'0')
	}
	return fmt.Sprintf("write %d, which is octal %s; modes are decimal in JSON", meant, digits)
}

func specialBits(c *Context, config *types.Config) {
	const special = 0o7000
	eachMode(config, func(mode int, at where) {
		if mode&special != 0 {
			c.Report("set-user-id, set-group-id and sticky bits have no effect in version "+c.Version.String(),
				octalHint(mode, laterVersion(spec.V3_6)), at.steps("mode")...)
		}
	})
}

func overwriteNeedsSource(c *Context, config *types.Config) {
	for i := range config.Storage.Files {
		if f := &config.Storage.Files[i]; types.True(f.Overwrite) && f.Contents.Source == nil {
			c.Report("overwrite is true, but the file has no contents.source",
				"add contents.source; an empty string makes an empty file", "storage", "files", i, "overwrite")
		}
	}
}

func oneOwner(c *Context, config *types.Config) {
	eachNode(config, func(n *types.Node, at where) {
		if n.User.ID != nil && set(n.User.Name) {
			c.Report("the user is given by id and by name", "remove one of the two", at.steps("user")...)
		}
		if n.Group.ID != nil && set(n.Group.Name) {
			c.Report("the group is given by id and by name", "remove one of the two", at.steps("group")...)
		}
	})
}

// A tree holds the paths of links, joined where they begin alike, so that looking for the links above a path takes as many
// steps as the path is long. It has at most two nodes for each link.
type tree struct {
	label string // what this node adds to the path
	links []int  // indexes of the links at this path
	below []*tree
}

// kid returns the node that continues with the rest of a path.
func (t *tree) kid(rest string) *tree {
	for _, k := range t.below {
		if k.label[0] == rest[0] {
			return k
		}
	}
	return nil
}

// add adds the link of an index. Paths below it continue with a slash.
func (t *tree) add(p string, link int) {
	for rest := p + "/"; ; {
		k := t.kid(rest)
		if k == nil {
			t.below = append(t.below, &tree{label: rest, links: []int{link}})
			return
		}
		n := 1
		for n < len(k.label) && n < len(rest) && k.label[n] == rest[n] {
			n++
		}
		if n < len(k.label) {
			*k = tree{label: k.label[:n], below: []*tree{{label: k.label[n:], links: k.links, below: k.below}}}
		}
		if t, rest = k, rest[n:]; rest == "" {
			t.links = append(t.links, link)
			return
		}
	}
}

// above calls f with the links that lie above a path.
func (t *tree) above(p string, f func(link int)) {
	for p != "" {
		if t = t.kid(p); t == nil || !strings.HasPrefix(p, t.label) {
			return
		}
		for _, link := range t.links {
			f(link)
		}
		p = p[len(t.label):]
	}
}

// belowLink makes the rule for one list of nodes.
func belowLink(list place) func(*Context, *types.Config) {
	return func(c *Context, config *types.Config) {
		links := config.Storage.Links
		if len(links) == 0 {
			return
		}
		var t tree
		for i := range links {
			if links[i].Path != "" {
				t.add(links[i].Path, i)
			}
		}
		eachNode(config, func(n *types.Node, at where) {
			if at.list != list || c.report.Full(c.rule.Severity) {
				return
			}
			t.above(n.Path, func(link int) {
				c.Report(fmt.Sprintf("the path is below %s, which is a link (%s)", shown(links[link].Path), c.other(where{list: inLinks, i: link}.steps())),
					"use the path that the link points to", at.steps()...)
			})
		})
	}
}

func linkTarget(c *Context, config *types.Config) {
	for i := range config.Storage.Links {
		if targetMissing(c, &config.Storage.Links[i]) {
			c.Report("the link has no target", "add target: the path that the link points to", "storage", "links", i, "target")
		}
	}
}

// targetMissing reports whether a link lacks its target, which is an error; other rules then skip the link.
func targetMissing(c *Context, l *types.Link) bool { return c.Version >= spec.V3_3 && !set(l.Target) }

func hardLinkToDirectory(c *Context, config *types.Config) {
	directories := map[string]int{}
	for i := range config.Storage.Directories {
		directories[config.Storage.Directories[i].Path] = i
	}
	for i := range config.Storage.Links {
		l := &config.Storage.Links[i]
		if !types.True(l.Hard) || targetMissing(c, l) {
			continue
		}
		target := ""
		if l.Target != nil {
			target = *l.Target
		}
		if !gopath.IsAbs(target) {
			target = gopath.Join(l.Path, target)
		}
		if j, ok := directories[target]; ok {
			c.Report("the hard link points to a directory ("+c.other(where{list: inDirectories, i: j}.steps())+")",
				"directories can have symbolic links only", "storage", "links", i)
		}
	}
}

func hardLinkOwner(c *Context, config *types.Config) {
	for i := range config.Storage.Links {
		l := &config.Storage.Links[i]
		if !types.True(l.Hard) || targetMissing(c, l) {
			continue
		}
		for _, m := range []struct {
			who, what string
			set       bool
		}{
			{"user", "id", l.User.ID != nil}, {"user", "name", l.User.Name != nil},
			{"group", "id", l.Group.ID != nil}, {"group", "name", l.Group.Name != nil},
		} {
			if m.set {
				c.Report("a hard link has the owner of its target; this owner is ignored", "set the owner of the target",
					"storage", "links", i, m.who, m.what)
			}
		}
	}
}

func nodeOverUnit(c *Context, config *types.Config) {
	written := map[string][]any{}
	for i := range config.Systemd.Units {
		u := &config.Systemd.Units[i]
		if set(u.Contents) {
			written[unitDir+"/"+u.Name] = []any{"systemd", "units", i}
		}
		for j := range u.Dropins {
			if d := &u.Dropins[j]; set(d.Contents) {
				written[unitDir+"/"+u.Name+".d/"+d.Name] = []any{"systemd", "units", i, "dropins", j}
			}
		}
	}
	if len(written) == 0 {
		return
	}
	eachNode(config, func(n *types.Node, at where) {
		if unit, ok := written[n.Path]; ok {
			c.Report("the path is that of a unit of this config ("+c.other(unit)+")", "remove one of the two", at.steps("path")...)
		}
	})
}
