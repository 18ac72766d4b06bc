// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// cloudVersion is the variant that cloud-config becomes: it can mount anywhere.
const cloudVersion = "1.5.0"

// A cloud turns a cloud-config into YAML of the Butane language.
type cloud struct {
	place       func(*yaml.Node) diag.Span
	report      diag.List
	users       []*yaml.Node
	groups      []*yaml.Node
	files       []*yaml.Node
	disks       []*yaml.Node
	filesystems []*yaml.Node
	units       []*yaml.Node
}

// modules are the keys of cloud-config that are carried over. Users come before keys, filesystems before mounts.
var modules = []struct {
	name string
	run  func(*cloud, *yaml.Node)
}{
	{"users", (*cloud).userList}, {"groups", (*cloud).groupList}, {"ssh_authorized_keys", (*cloud).defaultKeys},
	{"write_files", (*cloud).writeFiles}, {"hostname", (*cloud).hostname}, {"fqdn", (*cloud).hostname}, {"ntp", (*cloud).ntp},
	{"disk_setup", (*cloud).diskSetup}, {"fs_setup", (*cloud).filesystemSetup}, {"mounts", (*cloud).mounts},
	{"runcmd", (*cloud).commands},
}

// reasons say what to do about keys that are not carried over.
var reasons = map[string]string{
	"packages": "put packages into the image; at first boot there may be no network to get them from", "package_update": "update the image", "package_upgrade": "update the image",
	"bootcmd": "write a unit that runs early", "apt": "put package sources into the image", "yum_repos": "put package sources into the image",
	"chpasswd": "give users a password_hash", "password": "give the user a password_hash", "growpart": "set resize on the partition", "resize_rootfs": "set resize on the partition",
	"timezone": "write a link from /etc/localtime", "locale": "write the file /etc/locale.conf", "network": "write files below /etc/NetworkManager/system-connections",
	"power_state": "write a unit that runs last", "phone_home": "write a unit that runs last", "swap": "make a swap filesystem with a mount unit",
}

// FromCloudConfig turns the common part of a cloud-config into YAML of the Butane language. The report has every key that is
// not carried over.
func FromCloudConfig(src *diag.Source) ([]byte, diag.List) {
	root, place, report := author.ParseYAML(src)
	if report.HasErrors() {
		return nil, report
	}
	if root.Kind != yaml.MappingNode {
		return nil, fail(src, "the cloud-config is not a mapping")
	}
	c := cloud{place: place}
	for _, m := range modules {
		if v := member(root, m.name); v != nil && (m.name != "hostname" || member(root, "fqdn") == nil) {
			m.run(&c, resolve(v))
		}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		if !slices.ContainsFunc(modules, func(m struct {
			name string
			run  func(*cloud, *yaml.Node)
		}) bool {
			return m.name == key.Value
		}) {
			c.lost(key, key.Value+" has no counterpart", reasons[key.Value], key.Value)
		}
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(c.document()); err != nil {
		return nil, fail(src, "write YAML: "+err.Error())
	}
	return b.Bytes(), c.report
}

// document joins the sections.
func (c *cloud) document() *yaml.Node {
	out := mapping("variant", scalar("fcos"), "version", scalar(cloudVersion))
	section := func(name string, members ...any) {
		if m := mapping(members...); len(m.Content) > 0 {
			out.Content = append(out.Content, scalar(name), m)
		}
	}
	section("passwd", "users", list(c.users), "groups", list(c.groups))
	section("storage", "disks", list(c.disks), "filesystems", list(c.filesystems), "files", list(c.files))
	section("systemd", "units", list(c.units))
	return out
}

// lost reports a value that is not carried over.
func (c *cloud) lost(y *yaml.Node, summary, hint string, steps ...any) {
	c.report = append(c.report, diag.Diagnostic{
		Severity: diag.Warning, Code: CodeLost, Path: path.New("yaml", steps...), Span: c.place(y), Summary: summary + ": left out", Hint: hint,
	})
}

// note reports a value that is carried over with a slightly different meaning.
func (c *cloud) note(y *yaml.Node, summary, hint string, steps ...any) {
	c.report = append(c.report, diag.Diagnostic{
		Severity: diag.Info, Code: CodeNote, Path: path.New("yaml", steps...), Span: c.place(y), Summary: summary, Hint: hint,
	})
}

// isTrue reports whether a value is one that YAML 1.1 takes for true.
func isTrue(y *yaml.Node) bool {
	return y != nil && slices.Contains([]string{"true", "yes", "on"}, strings.ToLower(y.Value))
}

// isFalse reports whether a value is one that YAML 1.1 takes for false.
func isFalse(y *yaml.Node) bool {
	return y != nil && slices.Contains([]string{"false", "no", "off"}, strings.ToLower(y.Value))
}

// groupList converts groups: names, and mappings from a name to the names of members. A member is a user of this config.
func (c *cloud) groupList(y *yaml.Node) {
	group := func(name string) { c.groups = append(c.groups, mapping("name", scalar(name))) }
	if y.Kind == yaml.MappingNode {
		y = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{y}}
	}
	if y.Kind == yaml.ScalarNode {
		for _, name := range words(y.Value) {
			group(name)
		}
		return
	}
	for i, g := range y.Content {
		if g = resolve(g); g.Kind != yaml.MappingNode {
			group(g.Value)
			continue
		}
		for k := 0; k+1 < len(g.Content); k += 2 {
			name, members := g.Content[k].Value, resolve(g.Content[k+1])
			group(name)
			for _, m := range scalars(members) {
				if !c.join(m, name) {
					c.lost(members, "the member "+m+" is not a user of this config", "add the user to users, with groups: ["+name+"]", "groups", i, name)
				}
			}
		}
	}
}

// join adds a group to a user of this config.
func (c *cloud) join(user, group string) bool {
	for _, u := range c.users {
		if n := member(u, "name"); n == nil || n.Value != user {
			continue
		}
		groups := member(u, "groups")
		if groups == nil {
			groups = &yaml.Node{Kind: yaml.SequenceNode}
			u.Content = append(u.Content, scalar("groups"), groups)
		}
		if !slices.Contains(scalars(groups), group) {
			groups.Content = append(groups.Content, scalar(group))
		}
		return true
	}
	return false
}

// words splits a list that is one text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// userList converts users.
func (c *cloud) userList(y *yaml.Node) {
	for i, u := range y.Content {
		u = resolve(u)
		switch {
		case u.Kind == yaml.ScalarNode && u.Value == "default":
			continue
		case u.Kind == yaml.ScalarNode:
			c.users = append(c.users, mapping("name", scalar(u.Value)))
		case u.Kind == yaml.MappingNode:
			c.user(u, i)
		default:
			c.lost(u, "not a user", "", "users", i)
		}
	}
}

// userMembers maps the members of cloud-config users to their counterparts.
var userMembers = map[string]string{
	"name": "name", "gecos": "gecos", "primary_group": "primary_group", "homedir": "home_dir", "shell": "shell", "uid": "uid", "no_create_home": "no_create_home",
	"no_user_group": "no_user_group", "no_log_init": "no_log_init", "system": "system", "passwd": "password_hash", "hashed_passwd": "password_hash",
	"ssh_authorized_keys": "ssh_authorized_keys", "ssh-authorized-keys": "ssh_authorized_keys", "groups": "groups",
}

func (c *cloud) user(u *yaml.Node, index int) {
	out := mapping()
	for i := 0; i+1 < len(u.Content); i += 2 {
		key, value := u.Content[i], resolve(u.Content[i+1])
		to := userMembers[key.Value]
		switch {
		case to == "groups" && value.Kind == yaml.ScalarNode:
			value = list(texts(words(value.Value)))
		case key.Value == "sudo":
			c.sudo(member(u, "name"), value, index)
			continue
		case key.Value == "lock_passwd":
			if isFalse(value) && member(u, "passwd") == nil && member(u, "hashed_passwd") == nil {
				c.lost(key, "a user without password stays locked", "give the user a password_hash", "users", index, key.Value)
			}
			continue
		case to == "password_hash" && !isFalse(member(u, "lock_passwd")) && !strings.HasPrefix(value.Value, "!"):
			c.note(key, "cloud-init locks this password, since lock_passwd is not false: it stays locked", "remove the exclamation mark to unlock it",
				"users", index, key.Value)
			value = scalar("!" + value.Value)
		case key.Value == "plain_text_passwd":
			c.lost(key, "a password in plain text has no counterpart", "give its hash as password_hash; mkpasswd --method=yescrypt prints it", "users", index, key.Value)
			continue
		}
		if to == "" {
			c.lost(key, key.Value+" has no counterpart", "", "users", index, key.Value)
			continue
		}
		out.Content = append(out.Content, scalar(to), copyOf(value))
	}
	c.users = append(c.users, out)
}

// sudo writes the rules of a user.
func (c *cloud) sudo(name, rules *yaml.Node, index int) {
	lines := scalars(rules)
	if name == nil || len(lines) == 0 || rules.Tag == "!!bool" || rules.Tag == "!!null" {
		return
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(name.Value + " " + l + "\n")
	}
	c.file("/etc/sudoers.d/90-"+name.Value, 0o440, text.String())
}

func (c *cloud) defaultKeys(y *yaml.Node) {
	for i, u := range c.users {
		if n := member(u, "name"); n != nil && n.Value == "core" {
			keys := member(u, "ssh_authorized_keys")
			if keys == nil {
				c.users[i].Content = append(u.Content, scalar("ssh_authorized_keys"), copyOf(y))
			} else {
				keys.Content = append(keys.Content, copyOf(y).Content...)
			}
			return
		}
	}
	c.users = append(c.users, mapping("name", scalar("core"), "ssh_authorized_keys", copyOf(y)))
}

// file adds a file with contents.
func (c *cloud) file(at string, mode int, text string) {
	c.files = append(c.files, mapping("path", scalar(at), "mode", octal(mode), "overwrite", boolean(true), "contents", mapping("inline", scalar(text))))
}

// writeFiles converts files.
func (c *cloud) writeFiles(y *yaml.Node) {
	for i, f := range y.Content {
		f = resolve(f)
		at := member(f, "path")
		if at == nil {
			c.lost(f, "the file has no path", "", "write_files", i)
			continue
		}
		contents, ok := c.contents(f, i)
		if !ok {
			continue
		}
		out := mapping("path", scalar(at.Value))
		if p := member(f, "permissions"); p != nil {
			if mode, err := strconv.ParseInt(strings.TrimPrefix(p.Value, "0o"), 8, 32); err == nil {
				out.Content = append(out.Content, scalar("mode"), octal(int(mode)))
			} else {
				c.lost(p, "the permissions are not an octal number", "write them like 0644", "write_files", i, "permissions")
			}
		}
		if o := member(f, "owner"); o != nil {
			user, group, _ := strings.Cut(o.Value, ":")
			for _, who := range []struct{ key, name string }{{"user", user}, {"group", group}} {
				if who.name != "" {
					out.Content = append(out.Content, scalar(who.key), mapping("name", scalar(who.name)))
				}
			}
		}
		if isTrue(member(f, "append")) {
			out.Content = append(out.Content, scalar("append"), list([]*yaml.Node{contents}))
		} else {
			out.Content = append(out.Content, scalar("overwrite"), boolean(true), scalar("contents"), contents)
		}
		for k := 0; k < len(f.Content); k += 2 {
			if key := f.Content[k]; !slices.Contains([]string{"path", "content", "encoding", "permissions", "owner", "append", "defer", "source"}, key.Value) {
				c.lost(key, key.Value+" has no counterpart", "", "write_files", i, key.Value)
			}
		}
		c.files = append(c.files, out)
	}
}

// contents returns the resource of a file.
func (c *cloud) contents(f *yaml.Node, index int) (*yaml.Node, bool) {
	text, encoding := "", ""
	if v := member(f, "content"); v != nil {
		text = v.Value
	}
	if v := member(f, "encoding"); v != nil {
		encoding = v.Value
	}
	if source := member(f, "source"); source != nil {
		uri := member(source, "uri")
		if h := member(source, "headers"); uri == nil || h != nil {
			c.lost(source, "a source with headers, or without a URI, is not converted", "set contents.source and http_headers", "write_files", index, "source")
		}
		if uri != nil {
			return mapping("source", scalar(uri.Value)), true
		}
	}
	base64 := "data:;base64," + strings.Join(strings.Fields(text), "")
	switch encoding {
	case "", "text/plain":
		return mapping("inline", scalar(text)), true
	case "b64", "base64":
		return mapping("source", scalar(base64)), true
	case "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		return mapping("source", scalar(base64), "compression", scalar("gzip")), true
	}
	c.lost(f, "the encoding "+encoding+" is not known", "use b64 or gz+b64", "write_files", index, "encoding")
	return nil, false
}

func (c *cloud) hostname(y *yaml.Node) { c.file("/etc/hostname", 0o644, y.Value+"\n") }

// ntp writes the time servers for chrony.
func (c *cloud) ntp(y *yaml.Node) {
	if isFalse(member(y, "enabled")) {
		return
	}
	var b strings.Builder
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], resolve(y.Content[i+1])
		switch key.Value {
		case "servers", "pools":
			for _, s := range scalars(value) {
				b.WriteString(strings.TrimSuffix(key.Value, "s") + " " + s + " iburst\n")
			}
		case "enabled":
		default:
			c.lost(key, key.Value+" has no counterpart", "chrony is configured; write /etc/chrony.conf for anything else", "ntp", key.Value)
		}
	}
	if b.Len() > 0 {
		c.file("/etc/chrony.conf", 0o644, b.String()+"driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\n")
	}
}

// commands writes a script and a unit that runs it at the first boot.
func (c *cloud) commands(y *yaml.Node) {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n")
	for i, cmd := range y.Content {
		cmd = resolve(cmd)
		switch cmd.Kind {
		case yaml.ScalarNode:
			script.WriteString(cmd.Value + "\n")
		case yaml.SequenceNode:
			var words []string
			for _, w := range scalars(cmd) {
				words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
			}
			script.WriteString(strings.Join(words, " ") + "\n")
		default:
			c.lost(cmd, "not a command", "", "runcmd", i)
		}
	}
	const at = "/etc/firstboot-commands.sh"
	c.file(at, 0o755, script.String())
	c.units = append(c.units, mapping("name", scalar("firstboot-commands.service"), "enabled", boolean(true), "contents", scalar(
		"[Unit]\nDescription=Commands of the first boot\nConditionFirstBoot=yes\nWants=network-online.target\nAfter=network-online.target\n\n"+
			"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh "+at+"\n\n[Install]\nWantedBy=multi-user.target\n")))
}
