// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"strings"

	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Forms of values, as regular expressions that both ECMA-262 and Go read.
const (
	segment   = `([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+)`
	cleanPath = `^/$|^(/` + segment + `)+$`
	guidForm  = "^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
	httpForm  = "^[hH][tT][tT][pP][sS]?:"
	fieldForm = `^[^:\n]*$`
)

// repeating are the lists of strings that may have an entry twice.
var repeating = []string{
	"storage.raid.options", "storage.filesystems.options", "storage.filesystems.mountOptions", "storage.luks.options",
}

func number(n int) *int { return &n }

// optional is an enumeration of words, the empty text and null.
func optional(words []string) []any {
	list := []any{nil, ""}
	for _, word := range words {
		list = append(list, word)
	}
	return list
}

// limits are the limits of values by the path of their member. Limits that depend on several members, or that a schema cannot
// express, are missing.
var limits = map[string]func(s *schema, v spec.Version){
	"ignition.version":          func(s *schema, v spec.Version) { s.Type, s.Const = "string", v.String() },
	"ignition.proxy.httpProxy":  pattern(httpForm),
	"ignition.proxy.httpsProxy": pattern(httpForm),

	"storage.disks.device":              pattern(cleanPath),
	"storage.disks.partitions.guid":     pattern(guidForm),
	"storage.disks.partitions.typeGuid": pattern(guidForm),
	"storage.disks.partitions.label":    func(s *schema, _ spec.Version) { s.Pattern, s.MaxLength = "^[^:]*$", number(36) },
	"storage.raid.level":                func(s *schema, _ spec.Version) { s.Type, s.Enum = "string", optional(rules.Levels())[2:] },
	"storage.raid.devices":              func(s *schema, _ spec.Version) { s.Items = &schema{Type: "string", Pattern: cleanPath} },
	"storage.filesystems.format":        func(s *schema, v spec.Version) { s.Enum = optional(rules.Formats(v)) },
	"storage.filesystems.path":          pattern("^$|" + cleanPath),
	"storage.filesystems.device":        filesystemDevice,
	"storage.luks.name":                 pattern("^[^/]*$"),
	"storage.luks.device":               pattern(cleanPath),
	"storage.luks.label":                func(s *schema, _ spec.Version) { s.MaxLength = number(47) },
	"storage.luks.clevis.tang.url":      pattern(httpForm),
	"storage.luks.clevis.custom.pin":    knownPins,
	"storage.files.path":                pattern(cleanPath),
	"storage.directories.path":          pattern(cleanPath),
	"storage.links.path":                pattern(cleanPath),
	"storage.files.mode":                between(0, 0o7777),
	"storage.directories.mode":          between(0, 0o7777),
	"systemd.units.dropins.name":        pattern(`\.conf$`),
	"systemd.units.name":                pattern(`\.(service|socket|device|mount|automount|swap|target|path|timer|snapshot|slice|scope)$`),
	"passwd.users.uid":                  between(0, 1<<32-2),
	"passwd.groups.gid":                 between(0, 1<<32-2),
	"passwd.users.gecos":                pattern(fieldForm),
	"passwd.users.homeDir":              pattern(fieldForm),
	"passwd.users.shell":                pattern(fieldForm),
	"passwd.users.passwordHash":         pattern(fieldForm),
	"passwd.groups.passwordHash":        pattern(fieldForm),
}

// endings are limits by the end of a path, for members that occur in several places.
var endings = map[string]func(s *schema, v spec.Version){
	".source":            sourceForm,
	".compression":       func(s *schema, _ spec.Version) { s.Enum = optional([]string{"gzip"}) },
	".verification.hash": hashForm,
	".httpHeaders.name":  func(s *schema, _ spec.Version) { s.Type, s.MinLength = "string", 1 },
	".httpHeaders.value": func(s *schema, _ spec.Version) { s.MinLength = 1 },
	".user.id":           between(-1, 1<<32-2),
	".group.id":          between(-1, 1<<32-2),
}

// limit adds the limits of a member.
func limit(path string, s *schema, v spec.Version) {
	if f := limits[path]; f != nil {
		f(s, v)
	}
	for end, f := range endings {
		if strings.HasSuffix(path, end) {
			f(s, v)
		}
	}
}

func pattern(form string) func(*schema, spec.Version) {
	return func(s *schema, _ spec.Version) { s.Pattern = form }
}

func between(low, high int64) func(*schema, spec.Version) {
	return func(s *schema, _ spec.Version) { s.Minimum, s.Maximum = &low, &high }
}

// filesystemDevice allows only paths, except in the newest version, where the tag of a share may take its place.
func filesystemDevice(s *schema, v spec.Version) {
	if v < spec.V3_7 {
		s.Pattern = cleanPath
	}
}

func knownPins(s *schema, v spec.Version) {
	if v < spec.V3_6 {
		s.Enum = optional([]string{"tpm2", "tang", "sss"})
	}
}

// sourceForm allows the schemes of sources, in any letter case except for data.
func sourceForm(s *schema, v spec.Version) {
	var b strings.Builder
	for _, scheme := range rules.Schemes(v) {
		b.WriteString("|")
		for _, c := range scheme {
			if lower, upper := string(c), strings.ToUpper(string(c)); scheme == "data" || lower == upper {
				b.WriteString(lower)
			} else {
				b.WriteString("[" + lower + upper + "]")
			}
		}
	}
	s.Pattern = "^(" + b.String()[1:] + "):"
	if s.MinLength == 0 {
		s.Pattern = "^$|" + s.Pattern
	}
}

func hashForm(s *schema, v spec.Version) {
	s.Pattern = "^sha512-.{128}$|^sha256-.{64}$"
	if v < spec.V3_1 {
		s.Pattern = "^sha512-.{128}$"
	}
}
