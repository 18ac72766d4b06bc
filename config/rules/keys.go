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
	{ID: "V023", Kind: Keys, Since: from33, Check: uniqueArguments, About: "A kernel argument is in only one of the two lists."},
}

// repeats reports every element of a list of n whose key an earlier one has. It is not generic: one for each type of element
// would be 20 kB.
func repeats(c *Context, n int, what string, key func(int) string, steps ...any) {
	const few = 8 // up to here comparing all pairs beats a map
	switch {
	case n < 2:
	case n <= few:
		for i := 1; i < n; i++ {
			for j := range i {
				if key(i) == key(j) {
					c.repeated(what, i, j, steps)
					break
				}
			}
		}
	default:
		seen := make(map[string]int, n)
		for i := range n {
			k := key(i)
			if j, ok := seen[k]; ok {
				c.repeated(what, i, j, steps)
			} else {
				seen[k] = i
			}
		}
	}
}

// repeatedTexts reports the same for a list of strings.
func repeatedTexts(c *Context, list []string, what string, steps ...any) {
	repeats(c, len(list), what, func(i int) string { return list[i] }, steps...)
}

// repeatedSources reports the same for a list of resources.
func repeatedSources(c *Context, list []types.Resource, steps ...any) {
	repeats(c, len(list), "source", func(i int) string { return list[i].Key() }, steps...)
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
		repeats(c, len(r.HTTPHeaders), "name", func(i int) string { return r.HTTPHeaders[i].Name }, at.steps("httpHeaders")...)
	}
}

func uniqueKeys(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) { headers(c, r, at) })
	repeatedSources(c, config.Ignition.Config.Merge, "ignition", "config", "merge")
	repeatedSources(c, config.Ignition.Security.TLS.CertificateAuthorities,
		"ignition", "security", "tls", "certificateAuthorities")
	repeatedTexts(c, config.Ignition.Proxy.NoProxy, "host", "ignition", "proxy", "noProxy")
	repeatedTexts(c, config.KernelArguments.ShouldExist, "string", "kernelArguments", "shouldExist")
	repeatedTexts(c, config.KernelArguments.ShouldNotExist, "string", "kernelArguments", "shouldNotExist")
	uniqueStorage(c, &config.Storage)
	repeats(c, len(config.Systemd.Units), "name", func(i int) string { return config.Systemd.Units[i].Name }, "systemd", "units")
	for i := range config.Systemd.Units {
		if u := &config.Systemd.Units[i]; len(u.Dropins) > 1 {
			repeats(c, len(u.Dropins), "name", func(j int) string { return u.Dropins[j].Name }, "systemd", "units", i, "dropins")
		}
	}
	repeats(c, len(config.Passwd.Groups), "name", func(i int) string { return config.Passwd.Groups[i].Name }, "passwd", "groups")
	repeats(c, len(config.Passwd.Users), "name", func(i int) string { return config.Passwd.Users[i].Name }, "passwd", "users")
	for i := range config.Passwd.Users {
		u := &config.Passwd.Users[i]
		repeatedTexts(c, u.Groups, "name", "passwd", "users", i, "groups")
		repeatedTexts(c, u.SSHAuthorizedKeys, "string", "passwd", "users", i, "sshAuthorizedKeys")
	}
}

func uniqueStorage(c *Context, s *types.Storage) {
	repeats(c, len(s.Disks), "device", func(i int) string { return s.Disks[i].Device }, "storage", "disks")
	for i := range s.Disks {
		list := s.Disks[i].Partitions
		repeats(c, len(list), "number or label", func(j int) string { return list[j].Key() },
			"storage", "disks", i, "partitions")
	}
	repeats(c, len(s.Raid), "name", func(i int) string { return s.Raid[i].Name }, "storage", "raid")
	for i := range s.Raid {
		repeatedTexts(c, s.Raid[i].Devices, "path", "storage", "raid", i, "devices")
	}
	repeats(c, len(s.Filesystems), "device", func(i int) string { return s.Filesystems[i].Device }, "storage", "filesystems")
	repeats(c, len(s.Luks), "name", func(i int) string { return s.Luks[i].Name }, "storage", "luks")
	for i := range s.Luks {
		tang := s.Luks[i].Clevis.Tang
		repeats(c, len(tang), "url", func(j int) string { return tang[j].URL },
			"storage", "luks", i, "clevis", "tang")
		repeatedTexts(c, s.Luks[i].OpenOptions, "string", "storage", "luks", i, "openOptions")
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
