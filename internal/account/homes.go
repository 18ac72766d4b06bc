// SPDX-License-Identifier: Apache-2.0

package account

import "path"

// Homes finds users by the paths of their home directories.
type Homes struct {
	first map[string]string // the first user with a home directory at or below a path
	names []string          // of the directories
}

// Homes returns the current home directories of all users. place resolves a path: each directory is known by its name and by its
// resolved path.
func (db *DB) Homes(place func(string) string) Homes {
	h := Homes{first: map[string]string{}}
	for _, t := range []*table{db.files[Passwd], db.lib.passwd} {
		for _, l := range t.understood() {
			if l.fields[5] != "" && t.find(l.fields[0]) == l {
				name := path.Clean("/" + l.fields[5])
				h.names = append(h.names, name)
				h.add(l.fields[0], name)
				h.add(l.fields[0], path.Clean(place(name)))
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

// Names returns the absolute and clean names of the directories.
func (h Homes) Names() []string { return h.names }

// Below returns a user whose home directory is a directory or below it.
func (h Homes) Below(dir string) (user string, found bool) {
	user, found = h.first[path.Clean("/"+dir)]
	return user, found
}
