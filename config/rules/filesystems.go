// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// filesystemRules are about filesystems.
var filesystemRules = []Rule{
	{ID: "V400", Check: eachFilesystem(filesystemDevice), About: "The device of a filesystem is an absolute path in its simplest form."},
	{ID: "V401", Check: eachFilesystem(formatMissing), About: "A filesystem has a format if it sets anything but its device."},
	{ID: "V402", Check: eachFilesystem(formatKnown), About: "The format is one that the version knows."},
	{ID: "V403", Check: eachFilesystem(labelNeedsFormat), About: "A filesystem with a label has a format."},
	{ID: "V404", Check: eachFilesystem(filesystemPath), About: "The path of a filesystem is absolute and in its simplest form."},
	{ID: "V405", Check: eachFilesystem(labelFits), About: "The label fits into the format."},
	{ID: "V408", Since: from37, Check: onVirtiofs("label", func(f *types.Filesystem) bool { return set(f.Label) }), About: "A `virtiofs` share has no label."},
	{ID: "V410", Since: from37, Check: eachFilesystem(mountTag), About: "A `virtiofs` share has a mount tag."},
	{ID: "V411", Since: from37, Check: eachFilesystem(mountTag), About: "The mount tag of a `virtiofs` share has at most 36 bytes."},
	{ID: "V412", Since: from37, Check: onVirtiofs("uuid", func(f *types.Filesystem) bool { return set(f.UUID) }), About: "A `virtiofs` share has no UUID."},
	{ID: "V413", Since: from37, Check: onVirtiofs("wipeFilesystem", func(f *types.Filesystem) bool { return types.True(f.WipeFilesystem) }), About: "A `virtiofs` share is not wiped."},
	{ID: "V414", Since: from37, Check: onVirtiofs("options", func(f *types.Filesystem) bool { return len(f.Options) > 0 }), About: "A `virtiofs` share has no mkfs options."},
	{ID: "V420", Severity: diag.Warning, Check: filesystemOverTable, About: "A filesystem is not put on a disk that gets partitions."},
	{ID: "V421", Severity: diag.Warning, Check: filesystemOverTable, About: "A filesystem on a disk whose table is wiped is wiped as well."},
	{ID: "V422", Kind: Accepts, About: "The contents of `uuid`, `options` and `mountOptions` are not checked."},
}

// A format is one format of filesystems. The list is generated from the engine's table.
type format struct {
	name  string
	since spec.Version // the first that knows it
	label int          // how many bytes a label may have; negative: any number
}

// virtiofs is the format that has no block device.
const virtiofs = "virtiofs"

// Formats returns the formats of filesystems that a version knows.
func Formats(v spec.Version) []string {
	var list []string
	for _, f := range formats {
		if v >= f.since {
			list = append(list, f.name)
		}
	}
	return list
}

// eachFilesystem makes a rule of a check of one filesystem; at is its path.
func eachFilesystem(check func(c *Context, f *types.Filesystem, at func(string) []any)) func(*Context, *types.Config) {
	return func(c *Context, config *types.Config) {
		for i := range config.Storage.Filesystems {
			check(c, &config.Storage.Filesystems[i], func(member string) []any { return []any{"storage", "filesystems", i, member} })
		}
	}
}

// isVirtiofs reports whether a filesystem is a share, in a version that knows them.
func isVirtiofs(c *Context, f *types.Filesystem) bool {
	return c.Version >= spec.V3_7 && f.Format != nil && *f.Format == virtiofs
}

func filesystemDevice(c *Context, f *types.Filesystem, at func(string) []any) {
	if isVirtiofs(c, f) {
		return
	}
	if summary, hint := uncleanDevice(f.Device); summary != "" {
		c.Report(summary, hint, at("device")...)
	}
}

func formatMissing(c *Context, f *types.Filesystem, at func(string) []any) {
	if set(f.Format) {
		return
	}
	if set(f.Path) || set(f.Label) || set(f.UUID) || types.True(f.WipeFilesystem) || len(f.Options) > 0 || len(f.MountOptions) > 0 {
		c.Report("the filesystem has no format", "use one of "+words(Formats(c.Version)), at("format")...)
	}
}

func formatKnown(c *Context, f *types.Filesystem, at func(string) []any) {
	if !set(f.Format) {
		return
	}
	for _, known := range formats {
		if known.name != *f.Format {
			continue
		}
		if c.Version < known.since {
			c.Report("the format "+known.name+" is not known in version "+c.Version.String(),
				laterVersion(known.since), at("format")...)
		}
		return
	}
	c.Report("the format "+shown(*f.Format)+" is not known", nearest(*f.Format, Formats(c.Version)), at("format")...)
}

func labelNeedsFormat(c *Context, f *types.Filesystem, at func(string) []any) {
	if set(f.Label) && !set(f.Format) {
		c.Report("there is a label, but no format", "add format, or remove label", at("label")...)
	}
}

func filesystemPath(c *Context, f *types.Filesystem, at func(string) []any) {
	if !set(f.Path) {
		return
	}
	if summary, hint := unclean(*f.Path); summary != "" {
		c.Report(summary, hint, at("path")...)
	}
}

func labelFits(c *Context, f *types.Filesystem, at func(string) []any) {
	if !set(f.Label) || !set(f.Format) {
		return
	}
	for _, known := range formats {
		if known.name == *f.Format && known.label >= 0 && len(*f.Label) > known.label {
			c.Report(tooLong(*f.Label, known.label, known.name), "the longest that fits is "+shown(clip(*f.Label, known.label)), at("label")...)
		}
	}
}

// onVirtiofs makes a rule that a share does not have a member.
func onVirtiofs(member string, has func(*types.Filesystem) bool) func(*Context, *types.Config) {
	return eachFilesystem(func(c *Context, f *types.Filesystem, at func(string) []any) {
		if isVirtiofs(c, f) && has(f) {
			c.Report("a virtiofs share cannot have "+member, "remove "+member+": the host decides on it", at(member)...)
		}
	})
}

// mountTag reports tags that break the running rule.
func mountTag(c *Context, f *types.Filesystem, at func(string) []any) {
	const most = 36 // virtio 1.2, section 5.11.4
	switch {
	case !isVirtiofs(c, f):
	case f.Device == "" && c.rule.ID == "V410":
		c.Report("the share has no mount tag", "set device to the tag that the host uses", at("device")...)
	case len(f.Device) > most && c.rule.ID == "V411":
		c.Report(fmt.Sprintf("the mount tag has %d bytes; virtio allows %d", len(f.Device), most), "shorten the tag, on the host too", at("device")...)
	}
}

// filesystemOverTable reports filesystems that break the running rule.
func filesystemOverTable(c *Context, config *types.Config) {
	disks := make(map[string]*types.Disk, len(config.Storage.Disks))
	for i := range config.Storage.Disks {
		disks[config.Storage.Disks[i].Device] = &config.Storage.Disks[i]
	}
	for i := range config.Storage.Filesystems {
		f := &config.Storage.Filesystems[i]
		d := disks[f.Device]
		switch {
		case d == nil:
		case len(d.Partitions) > 0 && c.rule.ID == "V420":
			c.Report("this filesystem overwrites the partition table of its disk", "put it on one of the partitions",
				"storage", "filesystems", i, "device")
		case len(d.Partitions) == 0 && types.True(d.WipeTable) && !types.True(f.WipeFilesystem) && c.rule.ID == "V421":
			c.Report("wipeTable destroys the filesystem on this device too", "set wipeFilesystem to true to confirm",
				"storage", "filesystems", i, "device")
		}
	}
}

// LabelLimit returns how many bytes the label of a format may have; ok is false if there is no limit.
func LabelLimit(format string) (most int, ok bool) {
	for _, f := range formats {
		if f.name == format && f.label >= 0 {
			return f.label, true
		}
	}
	return 0, false
}
