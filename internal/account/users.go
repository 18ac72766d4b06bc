// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Verb says what happened to an account.
type Verb string

// The verbs.
const (
	Add    Verb = "add"
	Modify Verb = "change"
	Delete Verb = "remove"
)

// A Change is what one request did, including what it means for the tree. The zero Change did nothing.
type Change struct {
	Verb       Verb
	Group      bool  // a group rather than a user
	Entry            // as it is now, or was before Delete
	Old        Entry // of a user, before Modify
	CreateHome bool  // the home directory is made, if there is none, and filled from the skeleton
	MoveHome   bool  // from Old.Home to Home
	Warning    string
}

// A UserRequest says what a user should be. Nil and empty mean "not asked for".
type UserRequest struct {
	Name         string
	Password     *string // a hash; empty: none that matches
	UID          *int
	GECOS        string
	Home         string
	NoCreateHome bool // new users only
	PrimaryGroup string
	Groups       []string
	NoUserGroup  bool // new users only
	Shell        string
	System       bool // new users only
}

func (r *UserRequest) check() error {
	for _, f := range []struct{ what, value string }{
		{"comment", r.GECOS}, {"home directory", r.Home}, {"shell", r.Shell},
	} {
		if err := checkField(f.what, f.value); err != nil {
			return err
		}
	}
	if r.Password != nil {
		if err := checkField("password hash", *r.Password); err != nil {
			return err
		}
	}
	if r.Home != "" && !strings.HasPrefix(r.Home, "/") {
		return fmt.Errorf("the home directory %q is not an absolute path", r.Home)
	}
	if r.Shell != "" && !strings.HasPrefix(r.Shell, "/") && r.Shell != "*" {
		return fmt.Errorf("the shell %q is not an absolute path", r.Shell)
	}
	return nil
}

// password returns the hash that is written.
func (r *UserRequest) password() string {
	if r.Password == nil || *r.Password == "" {
		return "*"
	}
	return *r.Password
}

// SetUser makes or changes a user, as useradd(8) or usermod(8).
func (db *DB) SetUser(r UserRequest) (Change, error) {
	if err := r.check(); err != nil {
		return Change{}, err
	}
	if err := checkID("user", r.UID); err != nil {
		return Change{}, err
	}
	if r.UID != nil {
		if old, exists := db.User(r.Name); db.userIDs.used[*r.UID] > 0 && (!exists || old.UID != *r.UID) {
			return Change{}, fmt.Errorf("user id %d is taken by %s", *r.UID, db.userOf(*r.UID))
		}
	}
	groups, err := db.groupNames(r.Groups)
	if err != nil {
		return Change{}, err
	}
	if _, exists := db.User(r.Name); exists {
		return db.changeUser(r, groups)
	}
	return db.addUser(r, groups)
}

func (db *DB) groupNames(wanted []string) ([]string, error) {
	var names []string
	for _, g := range wanted {
		name, _, err := db.findGroup(g)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (db *DB) addUser(r UserRequest, groups []string) (Change, error) {
	if err := checkName("user", r.Name); err != nil {
		return Change{}, err
	}
	uid, err := 0, error(nil)
	if r.UID != nil {
		uid = *r.UID
	} else if uid, err = db.newUID(r.System); err != nil {
		return Change{}, err
	}
	gid, own, warning, err := db.primaryGroup(r, uid)
	if err != nil {
		return Change{}, err
	}
	home, shell := db.homeAndShell(r)
	if low, high := db.defs.ids("UID", false); !r.System && (r.UID == nil || uid == 0 || uid >= low && uid <= high) {
		if err := db.addSubordinates(r.Name); err != nil {
			return Change{}, err
		}
	}
	field := "x"
	if db.files[Shadow].exists {
		db.addShadow(r.Name, r.password(), r.System)
	} else {
		field = r.password()
	}
	fields := []string{r.Name, field, strconv.Itoa(uid), strconv.Itoa(gid), r.GECOS, home, shell}
	db.files[Passwd].add(fields)
	db.userIDs.take(uid)
	db.setMember(r.Name, groups, true)
	if own {
		db.addGroup(r.Name, "!", gid)
	}
	return Change{
		Verb: Add, Entry: Entry{r.Name, uid, gid, home, shell}, CreateHome: !r.NoCreateHome, Warning: warning,
	}, nil
}

// homeAndShell returns home directory and shell of a new user.
func (db *DB) homeAndShell(r UserRequest) (home, shell string) {
	home, shell = r.Home, r.Shell
	if home == "" {
		home = path.Join(db.defaults.text("HOME", "/home"), r.Name)
	}
	if shell == "" {
		shell = db.defaults["SHELL"]
		if _, set := db.defaults["SHELL"]; !set {
			shell = "/bin/bash"
		}
	}
	return home, shell
}

// primaryGroup returns the primary group of a new user; own means a group of the user's name that must still be made.
func (db *DB) primaryGroup(r UserRequest, uid int) (gid int, own bool, warning string, err error) {
	switch {
	case r.PrimaryGroup != "":
		_, gid, err = db.findGroup(r.PrimaryGroup)
		return gid, false, "", err
	case r.NoUserGroup || !db.defs.yes("USERGROUPS_ENAB"):
		gid, warning = db.defaultGroup()
		return gid, false, warning, nil
	}
	if _, exists := db.groupID(r.Name); exists {
		return 0, false, "", fmt.Errorf("group %s exists already; to make it the user's, name it as the primary group", r.Name)
	}
	gid, err = db.newGID(r.System, uid)
	return gid, true, "", err
}

// defaultGroup returns the primary group of users without a group of their own: GROUP= of the useradd defaults, by name or
// number, or the one built into useradd(8) if that does not exist.
func (db *DB) defaultGroup() (gid int, warning string) {
	const builtin = 100
	name, set := db.defaults["GROUP"]
	if !set {
		return builtin, ""
	}
	_, gid, err := db.findGroup(name)
	if err != nil {
		return builtin, fmt.Sprintf("GROUP=%s in %s is not the name or number of a group; the primary group is %d",
			name, UseraddDefaults, builtin)
	}
	return gid, ""
}

// addShadow makes a line of shadow(5); system accounts have no aging.
func (db *DB) addShadow(name, password string, system bool) {
	aging := func(setting string) string {
		if n := db.defs.number(setting, -1); n >= 0 && !system {
			return strconv.Itoa(n)
		}
		return ""
	}
	db.files[Shadow].remove(name)
	db.files[Shadow].add([]string{
		name, password, db.day(), aging("PASS_MIN_DAYS"), aging("PASS_MAX_DAYS"), aging("PASS_WARN_AGE"),
		db.defaults.inactive(), db.defaults.expiry(), "",
	})
}

// day is the day of a password's change. Day 0 would ask for a new password at once, so it is left empty.
func (db *DB) day() string {
	if db.today <= 0 {
		return ""
	}
	return strconv.Itoa(db.today)
}

func (db *DB) changeUser(r UserRequest, groups []string) (Change, error) {
	old, _ := db.User(r.Name)
	change := Change{Verb: Modify, Entry: old, Old: old}
	if r.PrimaryGroup != "" {
		_, gid, err := db.findGroup(r.PrimaryGroup)
		if err != nil {
			return change, err
		}
		change.GID = gid
	}
	users := db.files[Passwd]
	l := users.find(r.Name)
	if l == nil { // in the system's image: it can be changed only in /etc
		if r.plain() {
			return change, nil
		}
		l = users.add(slices.Clone(db.lib.passwd.find(r.Name).fields))
	}
	if r.UID != nil && *r.UID != old.UID {
		db.userIDs.free(old.UID)
		db.userIDs.take(*r.UID)
		change.UID = *r.UID
		users.set(l, 2, strconv.Itoa(*r.UID))
	}
	if change.GID != old.GID {
		users.set(l, 3, strconv.Itoa(change.GID))
	}
	for field, value := range map[int]string{4: r.GECOS, 5: r.Home, 6: r.Shell} {
		if value != "" {
			users.set(l, field, value)
		}
	}
	change.Home, change.Shell = l.fields[5], l.fields[6]
	change.MoveHome = change.Home != old.Home
	if r.Password != nil {
		db.setPassword(l, r.password())
	}
	if len(groups) > 0 {
		db.setMember(r.Name, groups, false)
	}
	return change, nil
}

// plain reports whether the request changes nothing in the account files.
func (r *UserRequest) plain() bool {
	return r.Password == nil && r.UID == nil && r.GECOS == "" && r.Home == "" && r.PrimaryGroup == "" &&
		len(r.Groups) == 0 && r.Shell == ""
}

func (db *DB) setPassword(user *line, password string) {
	s := db.files[Shadow]
	l := s.find(user.fields[0])
	switch {
	case !s.exists || l == nil && user.fields[1] != "x":
		db.files[Passwd].set(user, 1, password)
		return
	case l == nil:
		db.addShadow(user.fields[0], password, false)
		return
	}
	s.set(l, 1, password)
	s.set(l, 2, db.day())
}

// RemoveUser removes a user as userdel(8) does, with memberships, subordinate ids and the user's own group. A user that does not
// exist is not an error.
func (db *DB) RemoveUser(name string) (Change, error) {
	old, exists := db.User(name)
	if !exists {
		return Change{}, nil
	}
	removed := db.files[Passwd].remove(name)
	if len(removed) == 0 {
		return Change{}, fmt.Errorf("user %s is part of the system's image (%s) and cannot be removed", name, LibPasswd)
	}
	for _, f := range []File{Shadow, SubUID, SubGID} {
		db.files[f].remove(name)
	}
	for _, l := range removed {
		db.userIDs.free(l.id(2))
	}
	db.setMember(name, nil, false)
	db.files[GShadow].leave(2, name, nil)
	if own := db.files[Group].find(name); own != nil && db.defs.yes("USERGROUPS_ENAB") &&
		own.id(2) == old.GID && own.get(3) == "" {
		_, _ = db.RemoveGroup(name) // it stays if it is the primary group of another user
	}
	return Change{Verb: Delete, Entry: old}, nil
}

// userOf returns the name of a user with an id.
func (db *DB) userOf(uid int) string {
	for _, t := range []*table{db.files[Passwd], db.lib.passwd} {
		if lines := t.having(2, uid); len(lines) > 0 {
			return lines[0].fields[0]
		}
	}
	return "another user"
}
