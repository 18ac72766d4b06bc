// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	gopath "path"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// A where is the place of a resource or node, cheap to make: nearly all of them are never reported.
type where struct {
	list place
	i, j int
}

// place is a list or member that holds resources or nodes.
type place int8

const (
	inReplace place = iota
	inMerge
	inAuthorities
	inContents
	inAppend
	inKeyFile
	inDirectories
	inFiles
	inLinks
)

// steps returns the path, and what follows it.
func (w where) steps(rest ...any) []any {
	var s []any
	switch w.list {
	case inReplace:
		s = []any{"ignition", "config", "replace"}
	case inMerge:
		s = []any{"ignition", "config", "merge", w.i}
	case inAuthorities:
		s = []any{"ignition", "security", "tls", "certificateAuthorities", w.i}
	case inContents:
		s = []any{"storage", "files", w.i, "contents"}
	case inAppend:
		s = []any{"storage", "files", w.i, "append", w.j}
	case inKeyFile:
		s = []any{"storage", "luks", w.i, "keyFile"}
	case inDirectories:
		s = []any{"storage", "directories", w.i}
	case inFiles:
		s = []any{"storage", "files", w.i}
	case inLinks:
		s = []any{"storage", "links", w.i}
	}
	return append(s, rest...)
}

// pathText prints steps.
func pathText(steps []any) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range steps {
		fmt.Fprintf(&b, ".%v", s)
	}
	return b.String()
}

// eachResource calls f with every resource of a config.
func eachResource(c *types.Config, f func(*types.Resource, where)) {
	f(&c.Ignition.Config.Replace, where{list: inReplace})
	for i := range c.Ignition.Config.Merge {
		f(&c.Ignition.Config.Merge[i], where{list: inMerge, i: i})
	}
	authorities := c.Ignition.Security.TLS.CertificateAuthorities
	for i := range authorities {
		f(&authorities[i], where{list: inAuthorities, i: i})
	}
	for i := range c.Storage.Files {
		file := &c.Storage.Files[i]
		f(&file.Contents, where{list: inContents, i: i})
		for j := range file.Append {
			f(&file.Append[j], where{list: inAppend, i: i, j: j})
		}
	}
	for i := range c.Storage.Luks {
		f(&c.Storage.Luks[i].KeyFile, where{list: inKeyFile, i: i})
	}
}

// eachNode calls f with every node of a config: directories, then files, then links.
func eachNode(c *types.Config, f func(*types.Node, where)) {
	for i := range c.Storage.Directories {
		f(&c.Storage.Directories[i].Node, where{list: inDirectories, i: i})
	}
	for i := range c.Storage.Files {
		f(&c.Storage.Files[i].Node, where{list: inFiles, i: i})
	}
	for i := range c.Storage.Links {
		f(&c.Storage.Links[i].Node, where{list: inLinks, i: i})
	}
}

// set reports whether an optional string is set and not empty.
func set(s *string) bool { return s != nil && *s != "" }

// shown prints a short text of the config that holds no secret, such as a path.
func shown(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}

// unclean returns what is wrong with a path that must be absolute and in its simplest form, and what to write.
func unclean(p string) (summary, hint string) {
	switch clean := gopath.Clean(p); {
	case p == "":
		return "a path is missing", "give an absolute path"
	case p[0] != '/':
		return "the path " + shown(p) + " is not absolute", absolute(p)
	case p != clean:
		return "the path " + shown(p) + " is not in its simplest form", "write it as " + shown(clean)
	}
	return "", ""
}

// uncleanDevice is unclean for the path of a block device.
func uncleanDevice(p string) (summary, hint string) {
	if p == "" {
		return "the device is missing", "name the block device, such as /dev/vdb"
	}
	if summary, hint = unclean(p); summary != "" && isName(p) {
		hint = "did you mean " + shown("/dev/"+p) + "?"
	}
	return summary, hint
}

// isName reports whether a path is a name, with nothing that a path or another form of a device has.
func isName(p string) bool {
	return !strings.ContainsAny(p, "/\\=:$~ ") && strings.Trim(p, typographic) == p
}

// typographic are quotation marks that word processors write.
const typographic = "\u2018\u2019\u201c\u201d\u00ab\u00bb\u201e\u201a"

// absolute says what to write for a path that is not absolute.
func absolute(p string) string {
	switch plain := strings.Trim(p, typographic); {
	case plain != p:
		return "replace the typographic quotation marks with straight ones"
	case p == "~" || strings.HasPrefix(p, "~/"):
		return "nothing replaces ~: write the path of the home directory, such as " + shown(gopath.Join("/home/core", p[1:]))
	case p[0] == '$':
		return "nothing replaces variables: write the path itself"
	}
	if strings.ContainsAny(p, "\\\n\t") {
		return "write an absolute path with slashes, such as /etc/motd"
	}
	return "did you mean " + shown(gopath.Join("/", p)) + "?"
}

// LaterVersion starts the hint of a finding about what only later spec versions have; the version and "or later" follow.
const LaterVersion = "use spec version "

func laterVersion(since spec.Version) string { return LaterVersion + since.String() + " or later" }

// nearest guesses which of the allowed words was meant.
func nearest(word string, allowed []string) string {
	list := "use one of " + strings.Join(allowed, ", ")
	best, found := diag.Closest(word, allowed)
	if !found {
		return list
	}
	return "did you mean " + best + "? If not, " + list
}

// words joins a list for people.
func words(list []string) string { return strings.Join(list, ", ") }
