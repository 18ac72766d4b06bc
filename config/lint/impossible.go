// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/firstlight-boot/firstlight/config/dataurl"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/config/unitfile"
)

// dataHash reports data URLs whose contents do not match their hash or compression.
func dataHash(c *checker) {
	c.eachResource(func(r *types.Resource, steps []any) {
		source := types.Text(r.Source)
		if !strings.HasPrefix(source, "data:") || !rules.IsSource(source, c.version) || c.result != nil && c.result.IsStandIn(join(steps, "source")) {
			return
		}
		raw, ok := dataurl.Decode(source)
		if !ok {
			return
		}
		contents := raw
		if types.Text(r.Compression) == "gzip" {
			if contents, ok = gunzip(raw); !ok {
				c.add(finding{
					summary: "compression is gzip, but the source is not", hint: "remove compression, or give contents that gzip has made",
					steps: join(steps, "compression"), other: join(steps, "source"), otherText: "the source",
				})
				return
			}
		}
		function, want, _ := strings.Cut(types.Text(r.Verification.Hash), "-")
		got, known := digest(function, contents)
		if !known || len(want) != len(got) || strings.EqualFold(got, want) {
			return
		}
		f := finding{
			summary: "the hash does not match the contents of the data URL", hint: "the contents are part of the config, so the hash is not needed: remove it",
			steps: join(steps, "verification", "hash"), other: join(steps, "source"), otherText: "the contents",
		}
		if packed, _ := digest(function, raw); strings.EqualFold(packed, want) {
			f.summary = "this is the hash of the compressed contents; hash the decompressed contents instead"
			f.hint = "gunzip < FILE | " + function + "sum prints it"
		}
		c.add(f)
	})
}

// gunzip decompresses a text, up to a size that no sensible config exceeds, and returns false if it cannot.
func gunzip(packed []byte) ([]byte, bool) {
	const most = 64 << 20
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, false
	}
	text, err := io.ReadAll(io.LimitReader(r, most))
	return text, err == nil
}

// digest returns the digest of a text in hexadecimal digits.
func digest(function string, text []byte) (string, bool) {
	var h hash.Hash
	switch function {
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return "", false
	}
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), true
}

// belowFile reports nodes below a file.
func belowFile(c *checker) {
	const longest = 4096 // the kernel takes no longer path
	files := map[string]int{}
	for i := range c.config.Storage.Files {
		files[c.config.Storage.Files[i].Path] = i
	}
	c.eachPath(func(p string, steps []any) bool {
		for end := strings.LastIndexByte(p, '/'); end > 0 && len(p) <= longest; end = strings.LastIndexByte(p[:end], '/') {
			if i, ok := files[p[:end]]; ok {
				c.add(finding{
					summary: "the path is below " + quote(p[:end]) + ", which is a file", hint: "make that a directory, or use another path",
					steps: join(steps, "path"), other: at("storage", "files", i, "path"), otherText: "the file",
				})
				break
			}
		}
		return true
	})
}

// userAndGroup reports users who get a group of their own whose name a group of the config has.
func userAndGroup(c *checker) {
	groups := map[string]int{}
	for i := range c.config.Passwd.Groups {
		if g := &c.config.Passwd.Groups[i]; g.ShouldExist == nil || *g.ShouldExist {
			groups[g.Name] = i
		}
	}
	for i := range c.config.Passwd.Users {
		u := &c.config.Passwd.Users[i]
		j, ok := groups[u.Name]
		if !ok || u.Name == "" || u.ShouldExist != nil && !*u.ShouldExist || types.True(u.NoUserGroup) || types.Text(u.PrimaryGroup) != "" {
			continue
		}
		c.add(finding{
			summary: "the user " + quote(u.Name) + " gets a group of that name, which the config makes already",
			hint:    "set primaryGroup to " + quote(u.Name) + ", or noUserGroup to true",
			steps:   at("passwd", "users", i, "name"), other: at("passwd", "groups", j, "name"), otherText: "the group",
		})
	}
}

// namedAfter are the types of units that systemd names after a path, with the setting that has it.
var namedAfter = map[string]struct{ section, setting string }{
	"mount": {"Mount", "Where"}, "automount": {"Automount", "Where"}, "swap": {"Swap", "What"},
}

// mountUnitName reports units that systemd refuses to load because they do not have the name of their path.
func mountUnitName(c *checker) {
	for i := range c.config.Systemd.Units {
		u := &c.config.Systemd.Units[i]
		name, suffix := splitUnit(u.Name)
		rule, ok := namedAfter[suffix]
		if !ok || strings.Contains(name, "@") || types.Text(u.Contents) == "" {
			continue
		}
		file := unitfile.Parse(*u.Contents)
		if file.Strict != nil {
			continue
		}
		where, line := lastValue(file.Sections, rule.section, rule.setting)
		if !strings.HasPrefix(where, "/") || strings.Contains(where, "%") || escapePath(where) == name {
			continue
		}
		from, to := valueRange(*u.Contents, line, where)
		c.add(finding{
			summary: "systemd refuses this unit: for " + rule.setting + "=" + quote(where) + " its name must be " + quote(escapePath(where)+"."+suffix),
			hint:    "rename the unit, or change " + rule.setting + "=", steps: at("systemd", "units", i, "contents"), from: from, to: to,
			other: at("systemd", "units", i, "name"), otherText: "the name",
		})
	}
}

// splitUnit splits the name of a unit from its suffix.
func splitUnit(name string) (prefix, suffix string) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return name, ""
	}
	return name[:dot], name[dot+1:]
}

// lastValue returns the last value of a setting, which is the one that counts, and its line.
func lastValue(sections []unitfile.Section, section, setting string) (text string, line int) {
	for _, s := range sections {
		for _, o := range s.Options {
			if s.Name == section && o.Name == setting {
				text, line = o.Value, o.Line
			}
		}
	}
	return text, line
}

// valueRange returns the range of a value in a line of a unit, or that of the line.
func valueRange(text string, line int, value string) (from, to int) {
	from, to = unitfile.LineRange(text, line)
	if i := strings.LastIndex(text[from:to], value); i >= 0 {
		return from + i, from + i + len(value)
	}
	return from, to
}

// escapePath returns a path as units are named after it (systemd.unit(5)).
func escapePath(p string) string {
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	clean := strings.Join(parts, "/")
	for i := range len(clean) {
		c := clean[i]
		switch {
		case c == '/':
			b.WriteByte('-')
		case c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == ':' || c == '_' || c == '.' && i > 0:
			b.WriteByte(c)
		default:
			b.WriteString(`\x` + string([]byte{digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}
