// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"slices"
	"strconv"
)

// A GroupRequest says what a group should be. Nil means "not asked for".
type GroupRequest struct {
	Name     string
	GID      *int
	Password string // a hash; empty: not asked for
	System   bool
}

// SetGroup makes or changes a group, as groupadd(8) or groupmod(8).
func (db *DB) SetGroup(r GroupRequest) (Change, error) {
	if err := checkField("password hash", r.Password); err != nil {
		return Change{}, err
	}
	if err := checkID("group", r.GID); err != nil {
		return Change{}, err
	}
	if _, exists := db.groupID(r.Name); exists {
		return db.changeGroup(r)
	}
	if err := checkName("group", r.Name); err != nil {
		return Change{}, err
	}
	gid := 0
	if r.GID != nil {
		gid = *r.GID
		if db.groupIDs.used[gid] > 0 {
			return Change{}, fmt.Errorf("group id %d is taken by %s", gid, db.groupOf(gid))
		}
	} else {
		var err error
		if gid, err = db.newGID(r.System, -1); err != nil {
			return Change{}, err
		}
	}
	password := r.Password
	if password == "" {
		password = "!"
	}
	if !db.files[GShadow].exists && r.Password == "" {
		password = "x" // groupadd and useradd differ in this
	}
	db.addGroup(r.Name, password, gid)
	return Change{Verb: Add, Group: true, Entry: Entry{Name: r.Name, GID: gid}}, nil
}

func (db *DB) addGroup(name, password string, gid int) {
	field := password
	if g := db.files[GShadow]; g.exists {
		g.add([]string{name, password, "", ""})
		field = "x"
	}
	db.files[Group].add([]string{name, field, strconv.Itoa(gid), ""})
	db.groupIDs.take(gid)
}

func (db *DB) changeGroup(r GroupRequest) (Change, error) {
	gid, _ := db.groupID(r.Name)
	change := Change{Verb: Modify, Group: true, Entry: Entry{Name: r.Name, GID: gid}}
	if r.GID != nil && *r.GID != gid {
		if db.groupIDs.used[*r.GID] > 0 {
			return change, fmt.Errorf("group id %d is taken by %s", *r.GID, db.groupOf(*r.GID))
		}
		db.files[Group].set(db.adopt(r.Name), 2, strconv.Itoa(*r.GID))
		db.groupIDs.free(gid)
		db.groupIDs.take(*r.GID)
		users := db.files[Passwd]
		for _, u := range slices.Clone(users.having(3, gid)) {
			users.set(u, 3, strconv.Itoa(*r.GID))
		}
		change.GID = *r.GID
	}
	if r.Password != "" {
		db.setGroupPassword(db.adopt(r.Name), r.Password)
	}
	return change, nil
}

func (db *DB) setGroupPassword(group *line, password string) {
	g := db.files[GShadow]
	if !g.exists {
		db.files[Group].set(group, 1, password)
		return
	}
	l := g.find(group.fields[0])
	if l == nil {
		l = g.add([]string{group.fields[0], password, "", group.get(3)})
	}
	db.files[Group].set(group, 1, "x")
	g.set(l, 1, password)
}

// RemoveGroup removes a group as groupdel(8) does. A group that does not exist is not an error; a user's primary group is.
func (db *DB) RemoveGroup(name string) (Change, error) {
	gid, exists := db.groupID(name)
	if !exists {
		return Change{}, nil
	}
	for _, users := range []*table{db.files[Passwd], db.lib.passwd} {
		if members := users.having(3, gid); len(members) > 0 {
			return Change{}, fmt.Errorf("group %s is the primary group of user %s", name, members[0].fields[0])
		}
	}
	removed := db.files[Group].remove(name)
	if len(removed) == 0 {
		return Change{}, fmt.Errorf("group %s is part of the system's image (%s) and cannot be removed", name, LibGroup)
	}
	db.files[GShadow].remove(name)
	for _, l := range removed {
		db.groupIDs.free(l.id(2))
	}
	return Change{Verb: Delete, Group: true, Entry: Entry{Name: name, GID: gid}}, nil
}

// groupOf returns the name of a group with an id.
func (db *DB) groupOf(gid int) string {
	for _, t := range []*table{db.files[Group], db.lib.group} {
		if lines := t.having(2, gid); len(lines) > 0 {
			return lines[0].fields[0]
		}
	}
	return "another group"
}

// findGroup looks up a group by number or name as the shadow suite does. It makes a group that only sysusers.d has.
func (db *DB) findGroup(name string) (string, int, error) {
	if gid, ok := number(name); ok && db.groupIDs.used[gid] > 0 {
		return db.groupOf(gid), gid, nil
	}
	if gid, ok := db.groupID(name); ok {
		return name, gid, nil
	}
	if err := db.declare(name); err != nil {
		return "", 0, err
	}
	gid, _ := db.groupID(name)
	return name, gid, nil
}

// setMember makes a user a member of exactly the named groups or, with add, of these groups as well.
func (db *DB) setMember(user string, groups []string, add bool) {
	wanted := map[string]bool{}
	for _, name := range groups {
		db.adopt(name)
		wanted[name] = true
	}
	for _, f := range []File{Group, GShadow} {
		t := db.files[f]
		if !add {
			t.leave(3, user, wanted)
		}
		for _, name := range groups {
			for _, l := range t.named(name) {
				t.member(l, 3, user, true)
			}
		}
	}
}

// An UnknownError names a user or group that does not exist.
type UnknownError struct{ Kind, Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("%s %q does not exist", e.Kind, e.Name) }
