// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// Accounts is the resource of all account files.
const Accounts Resource = "accounts:"

// EditAccounts makes users and groups those of the config, in all account files at once.
type EditAccounts struct {
	Today   int               `json:"today"`   // in days since 1970-01-01
	Changes []string          `json:"changes"` // what becomes of each account
	Before  map[string]string `json:"before"`  // hex SHA-256 of each account file; absent: it does not exist
	After   map[string]string `json:"after"`   // what the changed files will be, without password hashes
}

// Kind implements Op.
func (EditAccounts) Kind() Kind { return "edit-accounts" }

// Describe implements Op.
func (o EditAccounts) Describe() string {
	const most = 8
	shown := o.Changes[:min(most, len(o.Changes))]
	text := strings.Join(shown, ", ")
	if more := len(o.Changes) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return "edit accounts: " + text
}

// Touches implements Op.
func (EditAccounts) Touches() []Resource { return []Resource{Accounts} }

// Predict implements Op.
func (o EditAccounts) Predict(f *facts.Facts) {
	if f.Accounts.Texts == nil {
		f.Accounts.Texts, f.Accounts.Digests = map[string]string{}, map[string]string{}
	}
	maps.Copy(f.Accounts.Texts, o.After)
	for name := range o.After {
		f.Accounts.Digests[name] = "" // not known before it is written
	}
}

// MakeHome makes a home directory and fills it from the skeleton.
type MakeHome struct {
	Name     string `json:"name"` // of the user
	Home     string `json:"home"`
	Owner    Owner  `json:"owner"`
	Mode     int    `json:"mode"`
	Skeleton string `json:"skeleton"`
}

// Kind implements Op.
func (MakeHome) Kind() Kind { return "make-home" }

// Describe implements Op.
func (o MakeHome) Describe() string {
	return fmt.Sprintf("make home directory %s of user %s from %s", o.Home, o.Name, o.Skeleton)
}

// Touches implements Op.
func (o MakeHome) Touches() []Resource { return []Resource{PlaceResource(o.Home)} }

// Predict implements Op.
func (o MakeHome) Predict(f *facts.Facts) {
	f.Accounts.PutHome(o.Home, facts.Node{Type: "directory", UID: o.Owner.UID})
}

// MoveHome moves a home directory with all that is in it.
type MoveHome struct {
	Name string `json:"name"` // of the user
	From string `json:"from"`
	Home string `json:"home"`
}

// Kind implements Op.
func (MoveHome) Kind() Kind { return "move-home" }

// Describe implements Op.
func (o MoveHome) Describe() string {
	return fmt.Sprintf("move home directory %s of user %s to %s", o.From, o.Name, o.Home)
}

// Touches implements Op.
func (o MoveHome) Touches() []Resource {
	return []Resource{PlaceResource(o.From), PlaceResource(o.Home)}
}

// Predict implements Op.
func (o MoveHome) Predict(f *facts.Facts) {
	f.Accounts.PutHome(o.Home, f.Accounts.Homes[o.From])
	f.Accounts.PutHome(o.From, facts.Node{})
}

// OwnHome gives what the user and the group From own in a home directory to To; -1 stands for no change.
type OwnHome struct {
	Name string `json:"name"` // of the user
	Home string `json:"home"`
	From Owner  `json:"from"`
	To   Owner  `json:"to"`
}

// Kind implements Op.
func (OwnHome) Kind() Kind { return "own-home" }

// Describe implements Op.
func (o OwnHome) Describe() string {
	return fmt.Sprintf("give what %d:%d owns in %s to user %s, %d:%d", o.From.UID, o.From.GID, o.Home, o.Name, o.To.UID, o.To.GID)
}

// Touches implements Op.
func (o OwnHome) Touches() []Resource { return []Resource{PlaceResource(o.Home)} }

// Predict implements Op.
func (o OwnHome) Predict(f *facts.Facts) {
	f.Accounts.PutHome(o.Home, facts.Node{Type: "directory", UID: o.To.UID})
}

// OwnHomePart gives a directory that was made for a mount to the user in whose home it is, for him alone.
type OwnHomePart struct {
	Path  string `json:"path"`
	Name  string `json:"name"` // of the user
	Owner Owner  `json:"owner"`
}

// Kind implements Op.
func (OwnHomePart) Kind() Kind { return "own-home-part" }

// Describe implements Op.
func (o OwnHomePart) Describe() string { return "give " + o.Path + " to user " + o.Name }

// Touches implements Op.
func (o OwnHomePart) Touches() []Resource { return []Resource{PlaceResource(o.Path)} }

// Predict implements Op.
func (OwnHomePart) Predict(*facts.Facts) {}

// RemoveHome removes the home directory or the mailbox of a user who is no more.
type RemoveHome struct {
	Name string `json:"name"` // of the user
	Home string `json:"home"`
}

// Kind implements Op.
func (RemoveHome) Kind() Kind { return "remove-home" }

// Describe implements Op.
func (o RemoveHome) Describe() string { return "remove " + o.Home + " of user " + o.Name }

// Touches implements Op.
func (o RemoveHome) Touches() []Resource { return []Resource{PlaceResource(o.Home)} }

// Predict implements Op.
func (o RemoveHome) Predict(f *facts.Facts) { f.Accounts.PutHome(o.Home, facts.Node{}) }

// MakeMailbox makes an empty mailbox, as useradd(8) does where CREATE_MAIL_SPOOL says so.
type MakeMailbox struct {
	Path  string `json:"path"`
	Name  string `json:"name"` // of the user
	Owner Owner  `json:"owner"`
	Mode  int    `json:"mode"`
}

// Kind implements Op.
func (MakeMailbox) Kind() Kind { return "make-mailbox" }

// Describe implements Op.
func (o MakeMailbox) Describe() string { return "make mailbox " + o.Path + " of user " + o.Name }

// Touches implements Op.
func (o MakeMailbox) Touches() []Resource { return []Resource{PlaceResource(o.Path)} }

// Predict implements Op.
func (o MakeMailbox) Predict(f *facts.Facts) {
	f.Accounts.PutHome(o.Path, facts.Node{Type: "file", UID: o.Owner.UID})
}

// WriteKeys writes the keys that may log in as a user, with the user's rights.
type WriteKeys struct {
	User  int    `json:"user"` // index in passwd.users
	Name  string `json:"name"`
	Home  string `json:"home"`
	File  string `json:"file"` // below the home directory
	Owner Owner  `json:"owner"`
}

// Kind implements Op.
func (WriteKeys) Kind() Kind { return "write-keys" }

// Describe implements Op.
func (o WriteKeys) Describe() string {
	return "write SSH keys of user " + o.Name + " to " + path.Join(o.Home, o.File)
}

// Touches implements Op.
func (o WriteKeys) Touches() []Resource { return []Resource{PlaceResource(o.Home)} }

// Predict implements Op.
func (WriteKeys) Predict(*facts.Facts) {}
