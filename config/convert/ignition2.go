// SPDX-License-Identifier: Apache-2.0

package convert

import (
	gopath "path"
	"reflect"
	"slices"
	"strings"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// FromIgnition2 turns a config of version 2.x into JSON of the oldest 3.x version that can express it.
func FromIgnition2(src *diag.Source) ([]byte, diag.List) {
	d, report := doc.ParseJSON(src)
	if report.HasErrors() {
		return nil, report
	}
	c := converter2{doc: d}
	report = d.Decode(&c.in, spec.Describe(reflect.TypeFor[config2]()), spec.Newest)
	if report.HasErrors() {
		return nil, report.Errors()
	}
	for _, found := range report {
		if found.Code == "V007" {
			found.Code, found.Summary = CodeLost, found.Summary+": left out"
			c.report = append(c.report, found)
		}
	}
	c.convert()
	c.out.Ignition.Version = spec.Newest.String()
	text, failed := oldest(config.Document{Config: c.out})
	for _, found := range failed.Errors() {
		found.Span = c.doc.Span(c.source(found.Path.Path))
		c.report = append(c.report, found)
	}
	return text, c.report
}

// A converter2 turns 2.x into 3.x.
type converter2 struct {
	doc    *doc.Document
	in     config2
	out    types.Config
	report diag.List
	roots  map[string]string // where filesystems are mounted, by name
}

// note reports something at a place of the document.
func (c *converter2) note(severity diag.Severity, code, summary, hint string, steps ...any) {
	c.report = append(c.report, diag.Diagnostic{
		Severity: severity, Code: code, Path: path.New("json", steps...), Span: c.doc.Span(c.find(steps)), Summary: summary, Hint: hint,
	})
}

// find returns the deepest value of the document on a path.
func (c *converter2) find(steps []any) *doc.Node {
	n := &c.doc.Root
	for _, s := range steps {
		next := n
		switch s := s.(type) {
		case string:
			if k := n.Find(s); k != nil {
				next = &k.Node
			}
		case int:
			if n.Kind == doc.List && s < len(n.Kids) {
				next = &n.Kids[s].Node
			}
		}
		if next == n {
			break
		}
		n = next
	}
	return n
}

// source returns the value that became the one at a path of the result, or one around it. Entries of some lists are joined and
// get other indexes, so they are found by name.
func (c *converter2) source(steps []any) *doc.Node {
	if len(steps) < 3 {
		return c.find(steps)
	}
	i, _ := steps[2].(int)
	name, member := "", "path"
	switch s := &c.out.Storage; steps[1] {
	case "files":
		name = s.Files[i].Path
	case "directories":
		name = s.Directories[i].Path
	case "links":
		name = s.Links[i].Path
	case "units":
		name, member = c.out.Systemd.Units[i].Name, "name"
	default:
		return c.find(steps)
	}
	list := c.find(steps[:2])
	best := list
	for j := range list.Kids {
		k := list.Kids[j].Find(member)
		if k == nil || !strings.HasSuffix(name, k.Text) {
			continue
		}
		// The last entry that has the member counts.
		if n := c.find(append([]any{steps[0], steps[1], j}, steps[3:]...)); best == list || n != &list.Kids[j].Node {
			best = n
		}
	}
	return best
}

func (c *converter2) lost(summary, hint string, steps ...any) {
	c.note(diag.Warning, CodeLost, summary, hint, steps...)
}

func (c *converter2) convert() {
	in, out := &c.in, &c.out
	out.Ignition.Config.Merge = in.Ignition.Config.Append
	out.Ignition.Config.Replace = in.Ignition.Config.Replace
	out.Ignition.Proxy, out.Ignition.Security, out.Ignition.Timeouts = in.Ignition.Proxy, in.Ignition.Security, in.Ignition.Timeouts
	if len(in.Ignition.Config.Append) > 0 || in.Ignition.Config.Replace.Source != nil {
		c.note(diag.Info, CodeNote, "referenced configs must be of version 3.x too", "convert them as well", "ignition", "config")
	}
	out.Passwd.Groups = in.Passwd.Groups
	for _, u := range in.Passwd.Users {
		out.Passwd.Users = append(out.Passwd.Users, user3(u))
	}
	c.disks()
	out.Storage.Raid = in.Storage.Raid
	c.filesystems()
	c.files()
	c.units()
}

// user3 joins the members of a user with those that old versions have in create.
func user3(u user2) types.User {
	out, c := u.User, &u.Create
	set(&out.Gecos, c.GECOS)
	set(&out.HomeDir, c.HomeDir)
	set(&out.NoCreateHome, c.NoCreateHome)
	set(&out.NoLogInit, c.NoLogInit)
	set(&out.NoUserGroup, c.NoUserGroup)
	set(&out.PrimaryGroup, c.PrimaryGroup)
	set(&out.Shell, c.Shell)
	set(&out.System, c.System)
	set(&out.UID, c.UID)
	for _, g := range c.Groups {
		if !slices.Contains(out.Groups, g) {
			out.Groups = append(out.Groups, g)
		}
	}
	return out
}

func set[T any](to **T, from *T) {
	if *to == nil {
		*to = from
	}
}

// disks converts partitions, whose sizes were in sectors.
func (c *converter2) disks() {
	const perMiB = 2048
	for i, d := range c.in.Storage.Disks {
		disk := types.Disk{Device: d.Device, WipeTable: d.WipeTable}
		for j, p := range d.Partitions {
			for _, m := range []struct {
				name    string
				sectors *int
				to      **int
			}{{"size", p.Size, &p.SizeMiB}, {"start", p.Start, &p.StartMiB}} {
				if m.sectors == nil {
					continue
				}
				if *m.sectors%perMiB != 0 {
					c.note(diag.Error, CodeLost, "3.x counts in MiB, and this is not a multiple of 2048 sectors", "choose a multiple of 2048", "storage", "disks", i, "partitions", j, m.name)
					continue
				}
				mib := *m.sectors / perMiB
				set(m.to, &mib)
			}
			disk.Partitions = append(disk.Partitions, p.Partition)
		}
		c.out.Storage.Disks = append(c.out.Storage.Disks, disk)
	}
}

// filesystems converts filesystems. In 2.x a file names its filesystem; in 3.x its path says which one it is on.
func (c *converter2) filesystems() {
	c.roots = map[string]string{"": "/", "root": "/"}
	mounted := map[string]string{}
	for _, u := range c.in.Systemd.Units {
		if strings.HasSuffix(u.Name, ".mount") && u.Contents != nil {
			where, what := option(*u.Contents, "Where"), option(*u.Contents, "What")
			mounted[what] = where
		}
	}
	for i, f := range c.in.Storage.Filesystems {
		if f.Path != nil && f.Mount.Device == "" {
			c.roots[f.Name] = *f.Path
			continue
		}
		m := &f.Mount
		out := types.Filesystem{Device: m.Device, Format: m.Format, Label: m.Label, UUID: m.UUID, WipeFilesystem: m.WipeFilesystem, Options: slices.Concat(m.Options, m.Create.Options)}
		if m.Create.Force != nil {
			set(&out.WipeFilesystem, m.Create.Force)
		}
		where := cmpOr(f.Path, mounted[m.Device])
		if where == "" && f.Name == "root" {
			where = "/" // recreated in place of the image's
		}
		if where != "" {
			out.Path = &where
			c.roots[f.Name] = where
		} else if m.Format != nil && *m.Format != "swap" && c.used(f.Name) {
			c.note(diag.Error, CodeLost, "the filesystem "+f.Name+" has files but no mount point",
				"add a mount unit for "+m.Device+": 3.x finds files by absolute path", "storage", "filesystems", i)
		}
		c.out.Storage.Filesystems = append(c.out.Storage.Filesystems, out)
	}
}

func cmpOr(p *string, other string) string {
	if p != nil {
		return *p
	}
	return other
}

// used reports whether anything is put on a filesystem.
func (c *converter2) used(name string) bool {
	for _, f := range c.in.Storage.Files {
		if f.Filesystem == name {
			return true
		}
	}
	for _, d := range c.in.Storage.Directories {
		if d.Filesystem == name {
			return true
		}
	}
	for _, l := range c.in.Storage.Links {
		if l.Filesystem == name {
			return true
		}
	}
	return false
}

// option returns the value of an option of a unit.
func option(text, name string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// at returns the absolute path of something on a filesystem.
func (c *converter2) at(filesystem, name string, steps ...any) string {
	root, ok := c.roots[filesystem]
	if !ok {
		root = "/"
		if !slices.ContainsFunc(c.in.Storage.Filesystems, func(f filesystem2) bool { return f.Name == filesystem }) {
			c.note(diag.Error, CodeLost, "unknown filesystem "+filesystem, "add it to storage.filesystems", steps...)
		}
	}
	return gopath.Join(root, name)
}

// files converts directories, files and links. In 2.x a path may occur several times, of which the last counts, and a
// file replaces an existing file by default.
func (c *converter2) files() {
	s := &c.out.Storage
	for i, d := range c.in.Storage.Directories {
		d.Path = c.at(d.Filesystem, d.Path, "storage", "directories", i)
		s.Directories = append(slices.DeleteFunc(s.Directories, func(o types.Directory) bool { return o.Path == d.Path }), d.Directory)
	}
	for i, f := range c.in.Storage.Files {
		f.Path = c.at(f.Filesystem, f.Path, "storage", "files", i)
		if f.Contents.Source != nil && strings.HasPrefix(*f.Contents.Source, "oem:") {
			c.lost("3.x has no oem: sources", "put the contents into the config, or at a URL", "storage", "files", i, "contents", "source")
			continue
		}
		same := slices.IndexFunc(s.Files, func(o types.File) bool { return o.Path == f.Path })
		if f.Append != nil && *f.Append {
			if same < 0 {
				s.Files = append(s.Files, types.File{Node: f.Node, Mode: f.Mode})
				same = len(s.Files) - 1
			}
			s.Files[same].Append = append(s.Files[same].Append, f.Contents)
			continue
		}
		file := types.File{Node: f.Node, Contents: f.Contents, Mode: f.Mode}
		if file.Contents.Source == nil {
			file.Contents.Source = new(string)
		}
		if file.Overwrite == nil {
			yes := true
			file.Overwrite = &yes
		}
		if same >= 0 {
			s.Files[same] = file
		} else {
			s.Files = append(s.Files, file)
		}
	}
	for i, l := range c.in.Storage.Links {
		l.Path = c.at(l.Filesystem, l.Path, "storage", "links", i)
		s.Links = append(slices.DeleteFunc(s.Links, func(o types.Link) bool { return o.Path == l.Path }), l.Link)
	}
}

// units converts systemd units, and networkd units, which become files in 3.x.
func (c *converter2) units() {
	for _, u := range c.in.Systemd.Units {
		if u.Enabled == nil && u.Enable != nil && *u.Enable {
			u.Enabled = u.Enable
		}
		if same := slices.IndexFunc(c.out.Systemd.Units, func(o types.Unit) bool { return o.Name == u.Name }); same >= 0 {
			joinUnits(&c.out.Systemd.Units[same], u.Unit)
			continue
		}
		c.out.Systemd.Units = append(c.out.Systemd.Units, u.Unit)
	}
	const dir = "/etc/systemd/network"
	for _, u := range c.in.Networkd.Units {
		if u.Contents != nil {
			c.networkd(gopath.Join(dir, u.Name), *u.Contents)
		}
		for _, d := range u.Dropins {
			if d.Contents != nil {
				c.networkd(gopath.Join(dir, u.Name+".d", d.Name), *d.Contents)
			}
		}
	}
}

// joinUnits joins two entries of one unit, which 2.x allows: members of the later one win.
func joinUnits(into *types.Unit, later types.Unit) {
	for _, m := range []struct{ to, from **bool }{{&into.Enabled, &later.Enabled}, {&into.Mask, &later.Mask}} {
		if *m.from != nil {
			*m.to = *m.from
		}
	}
	if later.Contents != nil {
		into.Contents = later.Contents
	}
	for _, d := range later.Dropins {
		into.Dropins = append(slices.DeleteFunc(into.Dropins, func(o types.Dropin) bool { return o.Name == d.Name }), d)
	}
}

func (c *converter2) networkd(at, text string) {
	mode, source, yes := 0o644, "data:,"+escape(text), true
	file := types.File{Node: types.Node{Path: at, Overwrite: &yes}, Mode: &mode}
	file.Contents.Source = &source
	c.out.Storage.Files = append(c.out.Storage.Files, file)
}

// escape percent-encodes a text.
func escape(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/':
			b.WriteByte(c)
		default:
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
		}
	}
	return b.String()
}
