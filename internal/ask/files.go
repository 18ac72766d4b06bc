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
// are about.
func Accounts(c *types.Config, f *facts.Facts) facts.Questions {
	if !namesAccounts(c) {
		return facts.Questions{}
	}
	if f.Accounts == nil {
		return facts.Questions{Accounts: true, Handover: f.Handover == nil}
	}
	q := handover(f)
	homes, skeleton := plan.HomePaths(c, f.Accounts)
	for _, name := range homes {
		q.Nodes = nodes(q.Nodes, f, facts.NodeQuestion{Path: name})
	}
	if skeleton != "" && !f.Tree.Knows(facts.NodeQuestion{Path: skeleton}) {
		q.Trees = append(q.Trees, skeleton)
	}
	return q
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

// Files asks for every place of the target root that the config is about, for the units to be enabled, and for the headers of
// the encrypted volumes.
func Files(c *types.Config, f *facts.Facts) facts.Questions {
	q := join(places(c, f), units(c, f))
	q.Look = unknown(f, plan.LUKSPaths(c))
	return join(q, join(labels(f), handover(f)))
}

// FilesAhead is Files before the encrypted volumes exist.
func FilesAhead(c *types.Config, f *facts.Facts) facts.Questions {
	q := join(places(c, f), units(c, f))
	return join(q, join(labels(f), handover(f)))
}

func places(c *types.Config, f *facts.Facts) facts.Questions {
	var q facts.Questions
	add := func(content bool, name ...string) {
		q.Nodes = nodes(q.Nodes, f, facts.NodeQuestion{Path: path.Clean("/" + path.Join(name...)), Content: content})
	}
	for _, d := range c.Storage.Directories {
		add(false, d.Path)
	}
	for _, file := range c.Storage.Files {
		add(len(file.Append) > 0, file.Path)
	}
	for _, l := range c.Storage.Links {
		add(false, l.Path)
		if l.Hard != nil && *l.Hard && l.Target != nil {
			add(false, *l.Target)
		}
	}
	for _, u := range c.Systemd.Units {
		add(false, unit.ConfigDir, u.Name)
		for _, d := range u.Dropins {
			add(false, unit.ConfigDir, u.Name+".d", d.Name)
		}
	}
	if len(c.Systemd.Units) > 0 {
		add(false, unit.PresetFile)
	}
	for _, l := range c.Storage.Luks {
		add(false, plan.Crypttab)
		add(false, plan.KeyDir, l.Name)
	}
	if f.Handover != nil {
		for _, name := range f.Handover.VolumeKeyFiles {
			add(false, name)
		}
		for _, file := range f.Handover.PlatformFiles {
			add(false, file.Path)
		}
	}
	return q
}

// units asks for the units to be enabled, and for the names of all if one is missing.
func units(c *types.Config, f *facts.Facts) facts.Questions {
	var q facts.Questions
	missing := false
	for _, u := range c.Systemd.Units {
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
	q.UnitNames = missing && f.Units.Names == nil
	return q
}
