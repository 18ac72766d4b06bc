// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
)

// impossible are rules about what no machine can do. Ignition accepts such configs and fails half-way. firstlight refuses
// them before the first write, once all configs are merged, and when it checks configs for people.
var impossible = []Rule{
	{ID: "E130", Check: impossibleServers, About: "URLs of proxies and Tang servers name a host, and a port between 1 and 65535."},
	{ID: "E201", Check: impossibleNames, About: "Paths, devices and names of units and volumes have no NUL byte; each of their parts has at most 255 bytes, a name of a volume 127."},
	{ID: "E213", Check: impossibleOwners, About: "The id of an owner is 0 to 4294967294, or -1, which keeps the owner."},
	{ID: "E701", Check: impossibleAccounts, About: "Names of users and groups are names that useradd(8) accepts."},
	{ID: "E702", Check: impossibleFields, About: "Fields of users and groups have neither a colon nor a line break."},
	{ID: "E703", Check: impossibleIDs, About: "Ids of users and groups are 0 to 4294967294."},
	{ID: "E705", Check: relativeFields, About: "Home directories and shells of users are absolute paths."},
}

// Impossible returns the rules about what no machine can do.
func Impossible() []Rule { return append([]Rule{}, impossible...) }

// Limits of Linux: NAME_MAX and PATH_MAX, the latter with its final NUL.
const (
	maxName = 255
	maxPath = 4095
	maxMap  = 127 // DM_NAME_LEN, without its final NUL
)

// checkName reports a path or name that no filesystem can hold.
func (c *Context) checkName(p string, steps ...any) {
	problem := ""
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > maxName {
			problem = fmt.Sprintf("a name has %d bytes; filesystems allow %d", len(name), maxName)
		}
	}
	if len(p) > maxPath {
		problem = fmt.Sprintf("the path has %d bytes; Linux allows %d", len(p), maxPath)
	}
	if strings.IndexByte(p, 0) >= 0 {
		problem = "a name has a NUL byte"
	}
	if problem != "" {
		c.Report(problem, "choose another name", steps...)
	}
}

func impossibleNames(c *Context, config *types.Config) {
	check := c.checkName
	eachNode(config, func(n *types.Node, at where) {
		if len(n.Path) > maxName || strings.IndexByte(n.Path, 0) >= 0 {
			check(n.Path, at.steps("path")...)
		}
	})
	for i := range config.Storage.Links {
		if t := config.Storage.Links[i].Target; t != nil {
			check(*t, "storage", "links", i, "target")
		}
	}
	for i := range config.Systemd.Units {
		u := &config.Systemd.Units[i]
		check(u.Name, "systemd", "units", i, "name")
		for j := range u.Dropins {
			check(u.Dropins[j].Name, "systemd", "units", i, "dropins", j, "name")
		}
	}
	eachAccount(config, func(_ string, _ *int, fields map[string]*string, steps ...any) {
		if home := types.Text(fields["homeDir"]); strings.IndexByte(home, 0) < 0 { // a NUL byte breaks E702
			check(home, append(steps, "homeDir")...)
		}
	})
	impossibleDevices(c, &config.Storage)
}

func impossibleDevices(c *Context, s *types.Storage) {
	for i := range s.Disks {
		c.checkName(s.Disks[i].Device, "storage", "disks", i, "device")
	}
	for i := range s.Raid {
		c.checkName(s.Raid[i].Name, "storage", "raid", i, "name")
		for j, device := range s.Raid[i].Devices {
			c.checkName(string(device), "storage", "raid", i, "devices", j)
		}
	}
	for i := range s.Filesystems {
		c.checkName(s.Filesystems[i].Device, "storage", "filesystems", i, "device")
		c.checkName(types.Text(s.Filesystems[i].Path), "storage", "filesystems", i, "path")
	}
	for i := range s.Luks {
		c.checkName(s.Luks[i].Device, "storage", "luks", i, "device")
		if n := len(s.Luks[i].Name); n > maxMap && n <= maxName {
			c.Report(fmt.Sprintf("the name has %d bytes; volumes allow %d", n, maxMap), "choose a shorter name", "storage", "luks", i, "name")
		}
		c.checkName(s.Luks[i].Name, "storage", "luks", i, "name")
	}
}

// impossibleServers checks URLs that earlier rules accept as far as they are URLs.
func impossibleServers(c *Context, config *types.Config) {
	check := func(raw string, steps ...any) {
		u, err := url.Parse(raw)
		if raw == "" || err != nil {
			return
		}
		if problem := checkServer(u); problem != "" {
			c.Report("the server cannot be reached: "+problem, "write it as http://HOST:PORT", steps...)
		}
	}
	proxy := &config.Ignition.Proxy
	check(types.Text(proxy.HTTPProxy), "ignition", "proxy", "httpProxy")
	check(types.Text(proxy.HTTPSProxy), "ignition", "proxy", "httpsProxy")
	for i := range config.Storage.Luks {
		for j, t := range config.Storage.Luks[i].Clevis.Tang {
			check(t.URL, "storage", "luks", i, "clevis", "tang", j, "url")
		}
	}
}

func impossibleOwners(c *Context, config *types.Config) {
	eachNode(config, func(n *types.Node, at where) {
		c.checkID(n.User.ID, at, "user")
		c.checkID(n.Group.ID, at, "group")
	})
}

// checkID reports an owner's id that is out of range. -1 keeps the owner, as in chown(2).
func (c *Context) checkID(id *int, at where, who string) {
	if id != nil && *id != -1 && !types.ValidID(*id) {
		c.Report(badID(*id), "give the id of a user or group, or its name", at.steps(who, "id")...)
	}
}

func badID(id int) string { return fmt.Sprintf("%d is not an id: ids are 0 to %d", id, types.MaxID) }

// eachAccount calls f with every user and group: their name, id and the fields that must exist if they are to exist.
func eachAccount(config *types.Config, f func(name string, id *int, fields map[string]*string, steps ...any)) {
	for i := range config.Passwd.Groups {
		g := &config.Passwd.Groups[i]
		if g.ShouldExist == nil || *g.ShouldExist {
			f(g.Name, g.GID, map[string]*string{"passwordHash": g.PasswordHash}, "passwd", "groups", i)
		}
	}
	for i := range config.Passwd.Users {
		u := &config.Passwd.Users[i]
		if u.ShouldExist == nil || *u.ShouldExist {
			f(u.Name, u.UID, map[string]*string{
				"gecos": u.Gecos, "homeDir": u.HomeDir, "shell": u.Shell, "passwordHash": u.PasswordHash,
			}, "passwd", "users", i)
		}
	}
}

func impossibleAccounts(c *Context, config *types.Config) {
	eachAccount(config, func(name string, _ *int, _ map[string]*string, steps ...any) {
		if name == "" {
			c.Report("the "+strings.TrimSuffix(steps[1].(string), "s")+" has no name", "add a name", append(steps, "name")...)
		} else if !accountName(name) {
			c.Report(shown(name)+" is not a name that useradd(8) accepts", "use at most 32 letters, digits, dashes and underscores, beginning with a letter",
				append(steps, "name")...)
		}
	})
}

// accountName reports whether Debian's tools, the most tolerant ones, accept a name.
func accountName(name string) bool {
	const most = 32
	if name == "" || len(name) > most || strings.IndexByte("-+~", name[0]) >= 0 || name == "." || name == ".." {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(":,/", r) }) < 0
}

func impossibleFields(c *Context, config *types.Config) {
	eachAccount(config, func(_ string, _ *int, fields map[string]*string, steps ...any) {
		for _, member := range []string{"gecos", "homeDir", "passwordHash", "shell"} {
			if v := fields[member]; v != nil && strings.ContainsAny(*v, ":\n\x00") {
				c.Report(member+" must not contain a colon or a line break: it is a field of a line in /etc/passwd or /etc/shadow", "remove the character",
					append(steps, member)...)
			}
		}
	})
}

func relativeFields(c *Context, config *types.Config) {
	eachAccount(config, func(_ string, _ *int, fields map[string]*string, steps ...any) {
		for _, member := range []string{"homeDir", "shell"} {
			if v := fields[member]; set(v) && (*v)[0] != '/' && *v != "*" {
				c.Report(member+" is not an absolute path, as useradd(8) demands", "start it with /", append(steps, member)...)
			}
		}
	})
}

func impossibleIDs(c *Context, config *types.Config) {
	eachAccount(config, func(_ string, id *int, _ map[string]*string, steps ...any) {
		if id == nil || types.ValidID(*id) {
			return
		}
		member := "uid"
		if steps[1] == "groups" {
			member = "gid"
		}
		c.Report(badID(*id), "leave it out to have one chosen", append(steps, member)...)
	})
}
