// SPDX-License-Identifier: Apache-2.0

package account

import "github.com/firstlight-boot/firstlight/config/types"

// A Result is the outcome of one entry of a config.
type Result struct {
	Group  bool // an entry of groups rather than of users
	Index  int  // in its list
	Change Change
	Err    error
}

// Configure makes the accounts match a config: groups first, then users, each in the order of the config. An entry that fails
// changes nothing and does not stop the others.
func (db *DB) Configure(p types.Passwd) []Result {
	var results []Result
	for i, g := range p.Groups {
		r := Result{Group: true, Index: i}
		if wanted(g.ShouldExist) {
			r.Change, r.Err = db.SetGroup(groupRequest(g))
		} else {
			r.Change, r.Err = db.RemoveGroup(g.Name)
		}
		results = append(results, r)
	}
	for i, u := range p.Users {
		r := Result{Index: i}
		if wanted(u.ShouldExist) {
			r.Change, r.Err = db.SetUser(userRequest(u))
		} else {
			r.Change, r.Err = db.RemoveUser(u.Name)
		}
		results = append(results, r)
	}
	return results
}

func groupRequest(g types.Group) GroupRequest {
	return GroupRequest{Name: g.Name, GID: g.GID, Password: types.Text(g.PasswordHash), System: types.True(g.System)}
}

func userRequest(u types.User) UserRequest {
	return UserRequest{
		Name: u.Name, Password: u.PasswordHash, UID: u.UID, GECOS: types.Text(u.Gecos), Home: types.Text(u.HomeDir),
		NoCreateHome: types.True(u.NoCreateHome), PrimaryGroup: types.Text(u.PrimaryGroup), Groups: u.Groups,
		NoUserGroup: types.True(u.NoUserGroup), Shell: types.Text(u.Shell), System: types.True(u.System),
	}
}

func wanted(b *bool) bool { return b == nil || *b }
