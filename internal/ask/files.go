// SPDX-License-Identifier: Apache-2.0

package ask

import (
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// Accounts asks for the account files if the config names users or groups, and then for the home directories that its changes
// affect.
func Accounts(c *types.Config, f *facts.Facts, q *facts.Questions) {
	if !namesAccounts(c) {
		return
	}
	handover(f, q)
	if f.Accounts == nil {
		q.Accounts = true
		return
	}
	names, skeleton := plan.HomePaths(c, f.Accounts)
	if len(c.Passwd.Users)+len(c.Passwd.Groups) > 0 {
		labels(f, q)
		files, others := plan.AccountPaths(f.Tree)
		names = append(names, files...)
		for _, name := range others {
			node(f, q, name, false)
		}
	}
	for _, name := range names {
		node(f, q, f.Tree.Final(name), false) // for a link: first the link, then its target
	}
	if skeleton != "" && !f.Tree.Knows(facts.NodeQuestion{Path: skeleton}) {
		q.Trees = append(q.Trees, skeleton)
	}
}

// namesAccounts reports whether the config has users or groups, or owners by name.
func namesAccounts(c *types.Config) bool {
	named := func(n types.Node) bool {
		return n.User.Name != nil && *n.User.Name != "" || n.Group.Name != nil && *n.Group.Name != ""
	}
	return len(c.Passwd.Users)+len(c.Passwd.Groups) > 0 ||
		slices.ContainsFunc(c.Storage.Directories, func(d types.Directory) bool { return named(d.Node) }) ||
		slices.ContainsFunc(c.Storage.Files, func(f types.File) bool { return named(f.Node) }) ||
		slices.ContainsFunc(c.Storage.Links, func(l types.Link) bool { return named(l.Node) })
}

// Files asks for every place of the target root that the config names, for the units to enable, and for the headers of the
// encrypted volumes.
func Files(c *types.Config, f *facts.Facts, q *facts.Questions) {
	FilesAhead(c, f, q)
	q.Look = append(q.Look, unknown(f, plan.LUKSPaths(c))...)
}

// FilesAhead is Files before the encrypted volumes exist.
func FilesAhead(c *types.Config, f *facts.Facts, q *facts.Questions) {
	Accounts(c, f, q)
	places(c, f, q)
	units(c, f, q)
	labels(f, q)
	handover(f, q)
	if f.Accounts == nil && f.Tree != nil && inHomes(c, f.Tree) {
		q.Accounts = true
	}
}

// inHomes reports whether the parents of an entry are missing in a directory that is not root's, which may be a user's home
// directory.
func inHomes(c *types.Config, t *facts.Tree) bool {
	missing := func(n *types.Node) bool {
		place := t.Place(path.Clean(n.Path))
		near, found := t.Near(place)
		return found.UID != 0 && near != path.Dir(place)
	}
	s := &c.Storage
	return slices.ContainsFunc(s.Directories, func(d types.Directory) bool { return missing(&d.Node) }) ||
		slices.ContainsFunc(s.Files, func(f types.File) bool { return missing(&f.Node) }) ||
		slices.ContainsFunc(s.Links, func(l types.Link) bool { return missing(&l.Node) })
}

func places(c *types.Config, f *facts.Facts, q *facts.Questions) {
	for i := range c.Storage.Directories {
		node(f, q, c.Storage.Directories[i].Path, false)
	}
	for i := range c.Storage.Files {
		node(f, q, c.Storage.Files[i].Path, len(c.Storage.Files[i].Append) > 0)
	}
	for i := range c.Storage.Links {
		l := &c.Storage.Links[i]
		node(f, q, l.Path, false)
		if l.Hard != nil && *l.Hard && l.Target != nil {
			node(f, q, *l.Target, false)
		}
	}
	for i := range c.Systemd.Units {
		u := &c.Systemd.Units[i]
		node(f, q, unit.ConfigDir+"/"+u.Name, false)
		for _, d := range u.Dropins {
			node(f, q, unit.ConfigDir+"/"+u.Name+".d/"+d.Name, false)
		}
	}
	if len(c.Systemd.Units) > 0 {
		node(f, q, unit.PresetFile, false)
	}
	for i := range c.Storage.Luks {
		node(f, q, plan.Crypttab, false)
		node(f, q, plan.KeyDir+"/"+c.Storage.Luks[i].Name, false)
	}
	if f.Handover != nil {
		for _, name := range f.Handover.VolumeKeyFiles {
			node(f, q, name, false)
		}
		for _, file := range f.Handover.PlatformFiles {
			node(f, q, file.Path, false)
		}
	}
}

// units asks for the units to enable, and for the names of all units if one is missing.
func units(c *types.Config, f *facts.Facts, q *facts.Questions) {
	missing := false
	for i := range c.Systemd.Units {
		u := &c.Systemd.Units[i]
		if u.Enabled == nil || !*u.Enabled {
			continue
		}
		if f.Units == nil {
			q.Units = append(q.Units, u.Name)
			continue
		}
		found, known := f.Units.Found[u.Name]
		if !known {
			q.Units = append(q.Units, u.Name)
		}
		missing = missing || known && !found
	}
	if missing && f.Units.Names == nil {
		q.UnitNames = true
	}
}
