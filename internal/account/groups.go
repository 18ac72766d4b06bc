// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"slices"
	"strconv"
)

// A GroupRequest says what a group shall be. Nil means "not asked for".
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
	if _, exists := db.GroupID(r.Name); exists {
		return db.changeGroup(r)
	}
	if err := checkName("group", r.Name); err != nil {
		return Change{}, err
	}
	gid := 0
	if r.GID != nil {
		gid = *r.GID
		if db.groupIDs[gid] > 0 {
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
	db.groupIDs[gid]++
}

func (db *DB) changeGroup(r GroupRequest) (Change, error) {
	gid, _ := db.GroupID(r.Name)
	change := Change{Verb: Modify, Group: true, Entry: Entry{Name: r.Name, GID: gid}}
	if r.GID != nil && *r.GID != gid {
		if db.groupIDs[*r.GID] > 0 {
			return change, fmt.Errorf("group id %d is taken by %s", *r.GID, db.groupOf(*r.GID))
		}
		l := db.adopt(r.Name)
		db.files[Group].set(l, 2, strconv.Itoa(*r.GID))
		db.groupIDs[gid]--
		db.groupIDs[*r.GID]++
		for _, u := range db.files[Passwd].lines {
			if u.fields != nil && u.fields[3] == strconv.Itoa(gid) {
				db.files[Passwd].set(u, 3, strconv.Itoa(*r.GID))
			}
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
		l = g.add([]string{group.fields[0], password, "", group.fields[3]})
	}
	db.files[Group].set(group, 1, "x")
	g.set(l, 1, password)
}

// RemoveGroup removes a group, as groupdel(8). One that does not exist is no error, the primary group of a user
// is one.
func (db *DB) RemoveGroup(name string) (Change, error) {
	gid, exists := db.GroupID(name)
	if !exists {
		return Change{}, nil
	}
	for _, users := range []*table{db.files[Passwd], db.lib.passwd} {
		for _, u := range users.lines {
			if u.fields != nil && u.fields[3] == strconv.Itoa(gid) {
				return Change{}, fmt.Errorf("group %s is the primary group of user %s", name, u.fields[0])
			}
		}
	}
	if !db.files[Group].remove(name) {
		return Change{}, fmt.Errorf("group %s is part of the system's image (%s) and cannot be removed", name, LibGroup)
	}
	db.files[GShadow].remove(name)
	db.groupIDs[gid]--
	return Change{Verb: Delete, Group: true, Entry: Entry{Name: name, GID: gid}}, nil
}

func (db *DB) groupOf(gid int) string {
	for _, t := range []*table{db.files[Group], db.lib.group} {
		for _, l := range t.lines {
			if l.fields != nil && l.fields[2] == strconv.Itoa(gid) {
				return l.fields[0]
			}
		}
	}
	return "another group"
}

// findGroup looks a group up by name or, as the shadow suite allows, by number.
func (db *DB) findGroup(name string) (string, int, error) {
	if gid, ok := db.GroupID(name); ok {
		return name, gid, nil
	}
	if gid, err := strconv.Atoi(name); err == nil && db.groupIDs[gid] > 0 {
		return db.groupOf(gid), gid, nil
	}
	return "", 0, &UnknownError{Kind: "group", Name: name}
}

// setMember makes a user a member of exactly the named groups, or with add of these, too.
func (db *DB) setMember(user string, groups []string, add bool) {
	for _, name := range groups {
		db.adopt(name)
	}
	for _, f := range []File{Group, GShadow} {
		t := db.files[f]
		for _, l := range t.lines {
			if l.fields == nil {
				continue
			}
			switch in := slices.Contains(groups, l.fields[0]); {
			case in:
				t.member(l, 3, user, true)
			case !add:
				t.member(l, 3, user, false)
			}
		}
	}
}

// An UnknownError names a user or group that does not exist.
type UnknownError struct{ Kind, Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("%s %q does not exist", e.Kind, e.Name) }
