// SPDX-License-Identifier: Apache-2.0

// Package account edits the account files of a system: passwd, shadow, group, gshadow, subuid and subgid.
//
// Apart from Read it is pure: texts go in and texts come out. What else must be done (make a home directory, move it, change the
// owner of its contents) comes back as a list of changes. Ids, defaults and fields are chosen as useradd(8), usermod(8),
// userdel(8), groupadd(8), groupmod(8) and groupdel(8) of the shadow suite choose them, from login.defs(5) and the useradd
// defaults of the same system. The package understands lines as the C library does, and keeps the others as they are. It refuses
// names, ids and fields that the files cannot hold. Texts can be templates without password hashes (Redact, Restore), so that an
// edit can be planned and shown. The invariants: the same texts and requests give the same result, so that an interrupted run
// can be repeated; and an edit takes time in proportion to its input.
package account

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
)

// A File is the path of one account file.
type File string

// The account files (passwd(5), shadow(5), group(5), gshadow(5), subuid(5), subgid(5)).
const (
	Passwd  File = "/etc/passwd"
	Shadow  File = "/etc/shadow"
	Group   File = "/etc/group"
	GShadow File = "/etc/gshadow"
	SubUID  File = "/etc/subuid"
	SubGID  File = "/etc/subgid"
)

// Files lists the account files in the order in which the shadow suite locks them.
func Files() []File { return []File{Passwd, Shadow, Group, GShadow, SubUID, SubGID} }

// Lock returns the path of the shadow suite's lock file for an account file.
func (f File) Lock() string { return string(f) + ".lock" }

// PasswordLock is the file that programs lock before they edit account files, and leave (lckpwdf(3)).
const PasswordLock = "/etc/.pwd.lock"

// NewMode returns the permissions that the shadow suite gives to a new account file.
func (f File) NewMode() uint32 {
	if f == Shadow || f == GShadow {
		return 0o600
	}
	return 0o644
}

// The files that are read in addition. LibPasswd and LibGroup belong to the operating system's image and are
// never changed (nss-altfiles); they hold the accounts that the files of /etc lack.
const (
	LoginDefs       File = "/etc/login.defs"
	UseraddDefaults File = "/etc/default/useradd"
	LibPasswd       File = "/usr/lib/passwd"
	LibGroup        File = "/usr/lib/group"
)

// Sources lists the files that the editor reads, in addition to those in Directories.
func Sources() []File { return append(Files(), LoginDefs, UseraddDefaults, LibPasswd, LibGroup) }

// Texts holds the content of files. A file that does not exist has no entry.
type Texts map[File]string

// DB is a set of account files that is being edited.
type DB struct {
	files    map[File]*table
	lib      struct{ passwd, group *table }
	declared map[string]declaration // groups of sysusers.d
	defs     defs
	defaults defs
	today    int
	userIDs  *ids // of /etc/passwd and /usr/lib/passwd
	groupIDs *ids
}

// Parse reads the texts. today is the day of change that new passwords get, in days since 1970-01-01.
func Parse(t Texts, today int) *DB {
	db := &DB{
		files: map[File]*table{}, declared: parseSysusers(t), defs: parseLoginDefs(t[LoginDefs]),
		defaults: parseDefaults(t[UseraddDefaults]), today: today,
	}
	indexed := map[File][]int{Passwd: {2, 3}, Group: {2}}
	for _, f := range Files() {
		text, exists := t[f]
		db.files[f] = parseTable(text, layouts[f], exists || f == Passwd || f == Group, indexed[f]...)
	}
	db.lib.passwd = parseTable(t[LibPasswd], layouts[Passwd], true, indexed[Passwd]...)
	db.lib.group = parseTable(t[LibGroup], layouts[Group], true, indexed[Group]...)
	db.userIDs = newIDs(db.files[Passwd], db.lib.passwd)
	db.groupIDs = newIDs(db.files[Group], db.lib.group)
	return db
}

// Changed returns the new texts of the files that have changed.
func (db *DB) Changed() Texts {
	changed := Texts{}
	for f, t := range db.files {
		if !t.changed {
			continue
		}
		if text := t.text(); text != withNewline(t.original) {
			changed[f] = text
		}
	}
	return changed
}

// An Entry is a user as the database has it.
type Entry struct {
	Name     string
	UID, GID int
	Home     string
	Shell    string
}

// User looks a user up, as getpwnam(3) would.
func (db *DB) User(name string) (Entry, bool) {
	for _, t := range []*table{db.files[Passwd], db.lib.passwd} {
		if l := t.find(name); l != nil {
			return Entry{name, l.id(2), l.id(3), l.fields[5], l.fields[6]}, true
		}
	}
	return Entry{}, false
}

// GroupID looks up a group as getgrnam(3) will when the system runs: by then groups exist that sysusers.d declares with an id.
func (db *DB) GroupID(name string) (int, bool) {
	if gid, ok := db.groupID(name); ok {
		return gid, true
	}
	d, ok := db.declared[name]
	return d.gid, ok && db.reserved(d)
}

// groupID looks a group up that exists already.
func (db *DB) groupID(name string) (int, bool) {
	for _, t := range []*table{db.files[Group], db.lib.group} {
		if l := t.find(name); l != nil {
			return l.id(2), true
		}
	}
	return 0, false
}

// Users returns the names of all users, for suggestions.
func (db *DB) Users() []string {
	var names []string
	for _, t := range []*table{db.files[Passwd], db.lib.passwd} {
		for _, l := range t.understood() {
			names = append(names, l.fields[0])
		}
	}
	return names
}

// Groups returns the names of all groups, for suggestions.
func (db *DB) Groups() []string {
	var names []string
	for _, t := range []*table{db.files[Group], db.lib.group} {
		for _, l := range t.understood() {
			names = append(names, l.fields[0])
		}
	}
	return append(names, slices.Sorted(maps.Keys(db.declared))...)
}

// adopt brings a group of /usr/lib/group or sysusers.d into /etc/group, where it can be changed, and returns its line;
// nil if there is no such group.
func (db *DB) adopt(name string) *line {
	if l := db.files[Group].find(name); l != nil {
		return l
	}
	if l := db.lib.group.find(name); l != nil {
		copied := slices.Clone(l.fields)
		if copied[1] == "" {
			copied[1] = "x"
		}
		return db.files[Group].add(copied)
	}
	if db.declare(name) != nil {
		return nil
	}
	return db.files[Group].find(name)
}

// checkName refuses what Debian's tools refuse as a name, and what cannot be the name of a home directory.
func checkName(kind, name string) error {
	bad := name == "" || len(name) > 32 || strings.ContainsAny(name[:1], "-+~") || name == "." || name == ".."
	for _, c := range []byte(name) {
		bad = bad || c <= ' ' || c == 0x7f || strings.IndexByte(":,/", c) >= 0
	}
	if bad {
		return fmt.Errorf("%q is not a valid %s name: at most 32 bytes without blanks, \":\", \",\" and \"/\", "+
			"not beginning with \"-\", \"+\" or \"~\"", name, kind)
	}
	return nil
}

// checkField refuses what would break a line of an account file.
func checkField(what, value string) error {
	if strings.ContainsAny(value, ":\n\x00") {
		return fmt.Errorf("the %s may not contain a colon, a line break or a zero byte", what)
	}
	return nil
}

// checkID refuses the ids that useradd(8) and groupadd(8) refuse.
func checkID(kind string, id *int) error {
	if id != nil && !types.ValidID(*id) {
		return fmt.Errorf("%d is not a valid %s id: it must be from 0 to %d", *id, kind, types.MaxID)
	}
	return nil
}
