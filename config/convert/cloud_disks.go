// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firstlight-boot/firstlight/config/author"
)

// diskSetup converts partition tables. Cloud-config gives sizes in percent and a config in MiB, so only what does not
// depend on the size of the disk is carried over.
func (c *cloud) diskSetup(y *yaml.Node) {
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, d := y.Content[i], resolve(y.Content[i+1])
		if t := member(d, "table_type"); t != nil && t.Value != "gpt" {
			c.lost(key, "only GPT partition tables are supported, not "+t.Value, "set table_type to gpt", "disk_setup", key.Value)
			continue
		}
		wipe := member(d, "overwrite")
		disk := mapping("device", scalar(device(key.Value)), "wipe_table", boolean(isTrue(wipe)))
		layout := member(d, "layout")
		switch {
		case layout == nil || isFalse(layout):
			continue
		case layout.Kind == yaml.ScalarNode || len(layout.Content) == 1:
			disk.Content = append(disk.Content, scalar("partitions"), list([]*yaml.Node{mapping("number", number("1"), "size_mib", number("0"))}))
		default:
			c.lost(layout, "percentages need the size of the disk, which is not known here", "add partitions with size_mib", "disk_setup", key.Value, "layout")
			continue
		}
		c.disks = append(c.disks, disk)
	}
}

// filesystemSetup converts filesystems.
func (c *cloud) filesystemSetup(y *yaml.Node) {
	for i, f := range y.Content {
		f = resolve(f)
		on, format := member(f, "device"), member(f, "filesystem")
		if on == nil || format == nil {
			c.lost(f, "the filesystem has no device or no format", "", "fs_setup", i)
			continue
		}
		dev := device(on.Value)
		if p := member(f, "partition"); p != nil && p.Value != "none" {
			n := p.Value
			if _, err := strconv.Atoi(n); err != nil {
				n = "1" // "auto" and "any" search for a partition; this guesses the first
				c.note(p, "cloud-init would choose the partition; this is the first one", "set the number", "fs_setup", i, "partition")
			}
			dev = partition(dev, n)
		}
		out := mapping("device", scalar(dev), "format", scalar(format.Value))
		if l := member(f, "label"); l != nil && l.Value != "" {
			out.Content = append(out.Content, scalar("label"), scalar(l.Value))
		}
		if o := member(f, "overwrite"); o != nil {
			out.Content = append(out.Content, scalar("wipe_filesystem"), boolean(isTrue(o)))
		}
		for k := 0; k < len(f.Content); k += 2 {
			if key := f.Content[k]; !slices.Contains([]string{"device", "filesystem", "partition", "label", "overwrite"}, key.Value) {
				c.lost(key, key.Value+" has no counterpart", "", "fs_setup", i, key.Value)
			}
		}
		c.filesystems = append(c.filesystems, out)
	}
}

// mounts converts entries of fstab: into mount units of the filesystems that are made, or units of their own.
func (c *cloud) mounts(y *yaml.Node) {
	for i, m := range y.Content {
		fields := append(scalars(resolve(m)), "", "", "", "")
		what, where, format, options := device(fields[0]), fields[1], fields[2], texts(strings.FieldsFunc(fields[3], func(r rune) bool { return r == ',' }))
		isSwap := format == "swap"
		if fields[0] == "" || !isSwap && !strings.HasPrefix(where, "/") {
			c.lost(m, "only swap and mounts with a mount point are converted", "", "mounts", i)
			continue
		}
		made := slices.IndexFunc(c.filesystems, func(f *yaml.Node) bool {
			label := member(f, "label")
			return member(f, "device").Value == what || label != nil && what == "LABEL="+label.Value
		})
		if made < 0 {
			c.mountUnit(what, where, format, fields[3])
			continue
		}
		f := c.filesystems[made]
		if !isSwap {
			f.Content = append(f.Content, scalar("path"), scalar(where))
		}
		f.Content = append(f.Content, scalar("with_mount_unit"), boolean(true))
		if len(options) > 0 {
			f.Content = append(f.Content, scalar("mount_options"), list(options))
		}
	}
}

// mountUnit adds a unit for a filesystem that this config does not make.
func (c *cloud) mountUnit(what, where, format, options string) {
	if label, ok := strings.CutPrefix(what, "LABEL="); ok {
		what = "/dev/disk/by-label/" + label
	} else if id, ok := strings.CutPrefix(what, "UUID="); ok {
		what = "/dev/disk/by-uuid/" + id
	}
	name, text := unitName(where), "[Mount]\nWhat="+what+"\nWhere="+where+"\n"
	target := "local-fs.target"
	switch format {
	case "swap":
		name, text, target = author.UnitName(what)+".swap", "[Swap]\nWhat="+what+"\n", "swap.target"
	case "", "auto":
	default:
		text += "Type=" + format + "\n"
	}
	if options != "" {
		text += "Options=" + options + "\n"
	}
	text += "\n[Install]\nWantedBy=" + target + "\n"
	c.units = append(c.units, mapping("name", scalar(name), "enabled", boolean(true), "contents", scalar(text)))
}

// device returns the path of a device: cloud-config may omit /dev/.
func device(name string) string {
	if strings.HasPrefix(name, "/") || strings.Contains(name, "=") || strings.Contains(name, ":") {
		return name
	}
	return "/dev/" + name
}

// partition returns the path of a partition of a disk.
func partition(disk, number string) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		return disk + "p" + number
	}
	if strings.HasPrefix(disk, "/dev/disk/") {
		return disk + "-part" + number
	}
	return disk + number
}

// unitName is the name of the mount unit of a path.
func unitName(where string) string { return author.UnitName(where) + ".mount" }

// Making and reading YAML.

// resolve returns the value of an alias.
func resolve(y *yaml.Node) *yaml.Node {
	if y.Kind == yaml.AliasNode {
		return y.Alias
	}
	return y
}

// member returns a member of a mapping, or nil.
func member(y *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(y.Content) && y.Kind == yaml.MappingNode; i += 2 {
		if y.Content[i].Value == name {
			return resolve(y.Content[i+1])
		}
	}
	return nil
}

// scalars returns the texts of a list, or the single text given in place of a list.
func scalars(y *yaml.Node) []string {
	if y.Kind == yaml.ScalarNode {
		return []string{y.Value}
	}
	var out []string
	for _, c := range y.Content {
		if c = resolve(c); c.Kind == yaml.ScalarNode {
			out = append(out, c.Value)
		}
	}
	return out
}

// copyOf returns a scalar or a list of scalars in our own style, without comments and anchors.
func copyOf(y *yaml.Node) *yaml.Node {
	if y.Kind == yaml.SequenceNode {
		return list(texts(scalars(y)))
	}
	if y.Tag == "!!int" || y.Tag == "!!bool" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: y.Tag, Value: y.Value}
	}
	return scalar(y.Value)
}

// mapping makes a mapping of names and values; lists without items are left out.
func mapping(members ...any) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(members); i += 2 {
		name, _ := members[i].(string)
		if v, ok := members[i+1].(*yaml.Node); ok && (v.Kind != yaml.SequenceNode || len(v.Content) > 0) {
			out.Content = append(out.Content, scalar(name), v)
		}
	}
	return out
}

func list(items []*yaml.Node) *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Content: items} }

func texts(items []string) []*yaml.Node {
	var out []*yaml.Node
	for _, s := range items {
		out = append(out, scalar(s))
	}
	return out
}

func boolean(v bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
}

func number(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: v} }

func octal(mode int) *yaml.Node { return number("0" + strconv.FormatInt(int64(mode), 8)) }
