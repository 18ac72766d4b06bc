// SPDX-License-Identifier: Apache-2.0

package account

import "path"

// Homes finds users by where their home directories are.
type Homes struct {
	first map[string]string // the first user with a home directory at or below a path
}

// Homes returns the home directories of all users as they are now.
func (db *DB) Homes() Homes {
	h := Homes{first: map[string]string{}}
	for _, t := range []*table{db.files[Passwd], db.lib.passwd} {
		for _, l := range t.understood() {
			if l.fields[5] != "" && t.find(l.fields[0]) == l {
				h.add(l.fields[0], path.Clean("/"+l.fields[5]))
			}
		}
	}
	return h
}

func (h Homes) add(user, dir string) {
	for h.first[dir] == "" { // where it is set, it is set for all directories above
		h.first[dir] = user
		dir = path.Dir(dir)
	}
}

// Below returns a user whose home directory is a directory or below it.
func (h Homes) Below(dir string) (user string, found bool) {
	user, found = h.first[path.Clean("/"+dir)]
	return user, found
}
