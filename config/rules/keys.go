// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
)

// keyRules are about keys being unique.
var keyRules = []Rule{
	{ID: "V020", Kind: Keys, Check: uniqueKeys, About: "Within a keyed list every key occurs once."},
	{ID: "V021", Kind: Accepts, About: "`append`, `options` and `mountOptions` may repeat entries."},
	{ID: "V022", Kind: Keys, Check: uniquePaths, About: "A path occurs once over directories, files and links."},
	{ID: "V023", Kind: Keys, Since: from33, Check: uniqueArguments, About: "A kernel argument is in one of the two lists only."},
}

// text is the key of an element of a list of strings.
func text(s *string) string { return *s }

// repeats reports every element of a list whose key an earlier one has.
func repeats[T any](c *Context, list []T, what string, key func(*T) string, steps ...any) {
	const few = 8 // up to here comparing all pairs beats a map
	switch {
	case len(list) < 2:
	case len(list) <= few:
		for i := 1; i < len(list); i++ {
			for j := range i {
				if key(&list[i]) == key(&list[j]) {
					c.repeated(what, i, j, steps)
					break
				}
			}
		}
	default:
		seen := make(map[string]int, len(list))
		for i := range list {
			k := key(&list[i])
			if j, ok := seen[k]; ok {
				c.repeated(what, i, j, steps)
			} else {
				seen[k] = i
			}
		}
	}
}

// repeated reports that element i has the key of element j. The key itself is not shown: a source may hold a secret.
func (c *Context) repeated(what string, i, j int, steps []any) {
	if c.full() {
		return
	}
	c.Report("duplicate "+what+": "+c.other(append(slices.Clip(steps), j))+" has it too", "merge the two entries, or remove one",
		append(steps, i)...)
}

// headers checks the headers of a resource.
func headers(c *Context, r *types.Resource, at where) {
	if len(r.HTTPHeaders) > 1 {
		repeats(c, r.HTTPHeaders, "name", func(h *types.HTTPHeader) string { return h.Name }, at.steps("httpHeaders")...)
	}
}

func uniqueKeys(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) { headers(c, r, at) })
	source := func(r *types.Resource) string { return r.Key() }
	repeats(c, config.Ignition.Config.Merge, "source", source, "ignition", "config", "merge")
	repeats(c, config.Ignition.Security.TLS.CertificateAuthorities, "source", source,
		"ignition", "security", "tls", "certificateAuthorities")
	repeats(c, config.Ignition.Proxy.NoProxy, "host", text, "ignition", "proxy", "noProxy")
	repeats(c, config.KernelArguments.ShouldExist, "string", text, "kernelArguments", "shouldExist")
	repeats(c, config.KernelArguments.ShouldNotExist, "string", text, "kernelArguments", "shouldNotExist")
	uniqueStorage(c, &config.Storage)
	repeats(c, config.Systemd.Units, "name", func(u *types.Unit) string { return u.Name }, "systemd", "units")
	for i := range config.Systemd.Units {
		if u := &config.Systemd.Units[i]; len(u.Dropins) > 1 {
			repeats(c, u.Dropins, "name", func(d *types.Dropin) string { return d.Name }, "systemd", "units", i, "dropins")
		}
	}
	repeats(c, config.Passwd.Groups, "name", func(g *types.Group) string { return g.Name }, "passwd", "groups")
	repeats(c, config.Passwd.Users, "name", func(u *types.User) string { return u.Name }, "passwd", "users")
	for i := range config.Passwd.Users {
		u := &config.Passwd.Users[i]
		repeats(c, u.Groups, "name", text, "passwd", "users", i, "groups")
		repeats(c, u.SSHAuthorizedKeys, "string", text, "passwd", "users", i, "sshAuthorizedKeys")
	}
}

func uniqueStorage(c *Context, s *types.Storage) {
	repeats(c, s.Disks, "device", func(d *types.Disk) string { return d.Device }, "storage", "disks")
	for i := range s.Disks {
		repeats(c, s.Disks[i].Partitions, "number or label", func(p *types.Partition) string { return p.Key() },
			"storage", "disks", i, "partitions")
	}
	repeats(c, s.Raid, "name", func(r *types.Raid) string { return r.Name }, "storage", "raid")
	for i := range s.Raid {
		repeats(c, s.Raid[i].Devices, "path", text, "storage", "raid", i, "devices")
	}
	repeats(c, s.Filesystems, "device", func(f *types.Filesystem) string { return f.Device }, "storage", "filesystems")
	repeats(c, s.Luks, "name", func(l *types.Luks) string { return l.Name }, "storage", "luks")
	for i := range s.Luks {
		repeats(c, s.Luks[i].Clevis.Tang, "url", func(t *types.Tang) string { return t.URL },
			"storage", "luks", i, "clevis", "tang")
		repeats(c, s.Luks[i].OpenOptions, "string", text, "storage", "luks", i, "openOptions")
	}
}

// uniquePaths looks through the three lists in the order in which the later of two entries is the one to report.
func uniquePaths(c *Context, config *types.Config) {
	s := &config.Storage
	seen := make(map[string]where, len(s.Directories)+len(s.Files)+len(s.Links))
	check := func(n *types.Node, at where) {
		if first, ok := seen[n.Path]; ok {
			c.Report("duplicate path "+shown(n.Path)+": "+c.other(first.steps())+" has it too", "merge the two entries, or remove one",
				at.steps()...)
			return
		}
		seen[n.Path] = at
	}
	eachNode(config, check)
}

func uniqueArguments(c *Context, config *types.Config) {
	k := &config.KernelArguments
	if len(k.ShouldExist) == 0 || len(k.ShouldNotExist) == 0 {
		return
	}
	wanted := make(map[string]bool, len(k.ShouldExist))
	for _, a := range k.ShouldExist {
		wanted[a] = true
	}
	for i, a := range k.ShouldNotExist {
		if wanted[a] {
			c.Report("kernel argument "+shown(a)+" is in both lists", "remove it from one of the two lists",
				"kernelArguments", "shouldNotExist", i)
		}
	}
}
