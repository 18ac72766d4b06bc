// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"strings"

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

// repeats reports every element of a list whose key an earlier one has. The member is that of the key; lists of strings
// have none.
func repeats[T any](c *Context, list []T, member string, key func(*T) string, steps ...any) {
	const few = 8 // up to here comparing all pairs beats a map
	switch {
	case len(list) < 2:
	case len(list) <= few:
		for i := 1; i < len(list); i++ {
			for j := range i {
				if k := key(&list[i]); k == key(&list[j]) {
					c.repeated(member, k, i, j, steps)
					break
				}
			}
		}
	default:
		seen := make(map[string]int, len(list))
		for i := range list {
			k := key(&list[i])
			if j, ok := seen[k]; ok {
				c.repeated(member, k, i, j, steps)
			} else {
				seen[k] = i
			}
		}
	}
}

// repeated reports that element i has the key of element j. Only names and paths are shown: a source may hold a secret.
func (c *Context) repeated(member, key string, i, j int, steps []any) {
	if c.full() {
		return
	}
	f := Finding{Steps: join(steps, i), Other: join(steps, j), OtherText: "the first entry is here"}
	what := "entry"
	switch member {
	case "":
	case numberOrLabel:
		name, value, _ := strings.Cut(key, " ")
		what = "partition " + name + " " + shown(value)
		f.Exact, f.Other = join(f.Steps, name), join(f.Other, name)
	default:
		what = member
		f.Exact, f.Other = join(f.Steps, member), join(f.Other, member)
		if member != "source" && member != "url" {
			what += " " + shown(key)
		}
	}
	f.Summary = "duplicate " + what + ": " + c.other(join(steps, j)) + " has it too"
	f.Hint = "merge the two entries, or remove one"
	c.Add(f)
}

// numberOrLabel stands for the key of partitions.
const numberOrLabel = "number or label"

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
	repeats(c, config.Ignition.Proxy.NoProxy, "", text, "ignition", "proxy", "noProxy")
	repeats(c, config.KernelArguments.ShouldExist, "", text, "kernelArguments", "shouldExist")
	repeats(c, config.KernelArguments.ShouldNotExist, "", text, "kernelArguments", "shouldNotExist")
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
		repeats(c, u.Groups, "", text, "passwd", "users", i, "groups")
		repeats(c, u.SSHAuthorizedKeys, "", text, "passwd", "users", i, "sshAuthorizedKeys")
	}
}

func uniqueStorage(c *Context, s *types.Storage) {
	repeats(c, s.Disks, "device", func(d *types.Disk) string { return d.Device }, "storage", "disks")
	for i := range s.Disks {
		repeats(c, s.Disks[i].Partitions, numberOrLabel, func(p *types.Partition) string { return p.Key() },
			"storage", "disks", i, "partitions")
	}
	repeats(c, s.Raid, "name", func(r *types.Raid) string { return r.Name }, "storage", "raid")
	for i := range s.Raid {
		repeats(c, s.Raid[i].Devices, "", text, "storage", "raid", i, "devices")
	}
	repeats(c, s.Filesystems, "device", func(f *types.Filesystem) string { return f.Device }, "storage", "filesystems")
	repeats(c, s.Luks, "name", func(l *types.Luks) string { return l.Name }, "storage", "luks")
	for i := range s.Luks {
		repeats(c, s.Luks[i].Clevis.Tang, "url", func(t *types.Tang) string { return t.URL },
			"storage", "luks", i, "clevis", "tang")
		repeats(c, s.Luks[i].OpenOptions, "", text, "storage", "luks", i, "openOptions")
	}
}

// uniquePaths looks through the three lists in the order in which the later of two entries is the one to report.
func uniquePaths(c *Context, config *types.Config) {
	s := &config.Storage
	seen := make(map[string]where, len(s.Directories)+len(s.Files)+len(s.Links))
	check := func(n *types.Node, at where) {
		if first, ok := seen[n.Path]; ok && c.full() {
			return
		} else if ok {
			c.Add(Finding{
				Summary: "duplicate path " + shown(n.Path) + ": " + c.other(first.steps()) + " has it too",
				Hint:    "merge the two entries, or remove one",
				Steps:   at.steps(), Exact: at.steps("path"), Other: first.steps("path"), OtherText: "the first entry with this path",
			})
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
	wanted := make(map[string]int, len(k.ShouldExist))
	for i, a := range k.ShouldExist {
		wanted[a] = i
	}
	for i, a := range k.ShouldNotExist {
		if j, ok := wanted[a]; ok {
			c.Add(Finding{
				Summary: fmt.Sprintf("kernel argument %s is in both lists", shown(a)), Hint: "remove it from one of the two lists",
				Steps: []any{"kernelArguments", "shouldNotExist", i},
				Other: []any{"kernelArguments", "shouldExist", j}, OtherText: "the same argument in shouldExist",
			})
		}
	}
}
