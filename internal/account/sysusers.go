// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Directories lists the directories of sysusers.d(5), the highest priority first. The editor needs every file in them whose name
// ends in .conf: its path, and the text that the path leads to. An empty text hides files of the same name in later directories.
func Directories() []string {
	return []string{"/etc/sysusers.d", "/run/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"}
}

// declaration is a group that systemd-sysusers(8) makes at system start if it does not exist by then.
type declaration struct {
	gid     int
	dynamic bool // it has no id of its own
}

// parseSysusers reads the groups of sysusers.d: the first declaration of a name counts, in the order of the files' names.
func parseSysusers(t Texts) map[string]declaration {
	files := map[string]string{} // text by name
	for _, dir := range slices.Backward(Directories()) {
		for f, text := range t {
			if path.Dir(string(f)) == dir && strings.HasSuffix(string(f), ".conf") {
				files[path.Base(string(f))] = text
			}
		}
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	declared := map[string]declaration{}
	members := map[string]declaration{}
	for _, name := range names {
		for line := range strings.Lines(files[name]) {
			declare(declared, members, strings.Fields(line))
		}
	}
	for name, d := range members { // groups that only lines of members name
		if _, ok := declared[name]; !ok {
			declared[name] = d
		}
	}
	return declared
}

// declare reads one line: type, name and id.
func declare(declared, members map[string]declaration, words []string) {
	if len(words) < 2 {
		return
	}
	name, id := unquote(words[1]), "-"
	if len(words) > 2 {
		id = unquote(words[2])
	}
	if strings.Contains(name, "%") {
		return // specifiers are for the running system
	}
	d := declaration{dynamic: true}
	if gid, ok := number(id); ok && id != "" {
		d = declaration{gid: gid}
	}
	switch strings.TrimSuffix(words[0], "!") {
	case "g":
	case "u":
		if strings.Contains(id, ":") {
			return // its group is another one
		}
	case "m":
		if checkName("group", id) == nil && id != "-" {
			members[id] = declaration{dynamic: true}
		}
		return
	default:
		return
	}
	if _, ok := declared[name]; !ok && checkName("group", name) == nil {
		declared[name] = d
	}
}

func unquote(word string) string { return strings.Trim(word, `"'`) }

// reserved reports whether a declared group will have the id that it declares.
func (db *DB) reserved(d declaration) bool { return !d.dynamic && db.groupIDs.used[d.gid] == 0 }

// declare makes a group of sysusers.d now, with the id that it would get, or one for system groups if it has none.
func (db *DB) declare(name string) error {
	d, ok := db.declared[name]
	if !ok {
		return &UnknownError{Kind: "group", Name: name}
	}
	gid := d.gid
	if !db.reserved(d) {
		var err error
		if gid, err = db.newGID(true, -1); err != nil {
			return fmt.Errorf("make group %s of sysusers.d: %w", name, err)
		}
	}
	db.addGroup(name, "!", gid)
	return nil
}
