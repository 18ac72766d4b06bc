// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// Accounts is the resource of all account files.
const Accounts Resource = "accounts:"

// EditAccounts makes users and groups match the config, in all account files at once. The templates are those of package
// account: a placeholder stands for a hash that stays as it is, or for a payload.
type EditAccounts struct {
	Today   int               `json:"today"`   // in days since 1970-01-01
	Changes []string          `json:"changes"` // what becomes of each account
	Before  map[string]string `json:"before"`  // hex SHA-256 of each account file; absent: it does not exist
	After   account.Texts     `json:"after"`   // templates of the changed files: placeholders stand for password hashes
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
		f.Accounts.Texts = account.Texts{}
	}
	if f.Accounts.Digests == nil {
		f.Accounts.Digests = map[string]string{}
	}
	maps.Copy(f.Accounts.Texts, o.After.Redact())
	for name := range o.After {
		f.Accounts.Digests[string(name)] = "" // not known before it is written
	}
	for _, file := range account.Files() {
		f.Tree.Drop(f.Tree.Place(file.Lock()))
		if _, changes := o.After[file]; changes {
			o.predictFile(f.Tree, file)
		}
	}
	lock := f.Tree.Place(account.PasswordLock)
	if _, exists := f.Tree.Nodes[lock]; !exists {
		f.Tree.Put(lock, facts.Node{Type: "file", Mode: 0o600})
	}
}

// predictFile states that an account file is replaced, and that its backup has its owner and mode.
func (o EditAccounts) predictFile(t *facts.Tree, file account.File) {
	place := t.Final(string(file))
	n, exists := t.Nodes[place]
	if !exists {
		n = facts.Node{Mode: int(file.NewMode())}
	}
	n = facts.Node{Type: "file", Mode: n.Mode, UID: n.UID, GID: n.GID}
	t.Put(place, n)
	if o.Before[string(file)] != "" {
		t.Put(Backup(t, file), n)
	}
}

// Backup returns the place of the backup of an account file: next to the file that its path leads to.
func Backup(t *facts.Tree, file account.File) string { return t.Final(string(file)) + "-" }

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
	place := f.Tree.Place(path.Clean(o.Home))
	f.Tree.Put(place, facts.Node{Type: "directory", UID: o.Owner.UID, GID: o.Owner.GID, Mode: o.Mode})
	f.Tree.Copy(f.Tree.Place(path.Clean(o.Skeleton)), place, o.Owner.UID, o.Owner.GID)
}

// MoveHome moves a home directory with its contents.
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
	f.Tree.Move(f.Tree.Place(path.Clean(o.From)), f.Tree.Place(path.Clean(o.Home)))
}

// OwnHome changes the owner of everything in a home directory that belongs to the user and the group From to To; -1 stands for
// no change.
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
	home := f.Tree.Place(path.Clean(o.Home))
	for _, p := range f.Tree.AtOrBelow(home) {
		n := f.Tree.Nodes[p]
		if n.UID == o.From.UID {
			n.UID = o.To.UID
		}
		if n.GID == o.From.GID {
			n.GID = o.To.GID
		}
		f.Tree.Nodes[p] = n
	}
}

// OwnHomePart gives a directory that was made for a mount to the user in whose home directory it lies. Only that user gets
// access.
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
func (o OwnHomePart) Predict(f *facts.Facts) {
	place := f.Tree.Place(path.Clean(o.Path))
	if n, ok := f.Tree.Nodes[place]; ok {
		f.Tree.Nodes[place] = o.Owner.on(n, 0o700)
	}
}

// RemoveHome removes the home directory or the mailbox of a user who is removed.
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
func (o RemoveHome) Predict(f *facts.Facts) { f.Tree.Drop(f.Tree.Place(path.Clean(o.Home))) }

// MakeMailbox makes an empty mailbox, as useradd(8) does if CREATE_MAIL_SPOOL says so.
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
	f.Tree.Put(f.Tree.Place(path.Clean(o.Path)), facts.Node{Type: "file", UID: o.Owner.UID, GID: o.Owner.GID, Mode: o.Mode})
}

// WriteKeys writes the SSH keys of a user with the user's rights.
type WriteKeys struct {
	Name  string `json:"name"` // of the user
	Home  string `json:"home"`
	File  string `json:"file"` // below the home directory
	Owner Owner  `json:"owner"`
	Keys  Handle `json:"keys"` // the text of the file
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
func (o WriteKeys) Predict(f *facts.Facts) {
	f.Tree.Put(f.Tree.Final(path.Join(o.Home, o.File)), facts.Node{Type: "file", UID: o.Owner.UID, GID: o.Owner.GID, Mode: 0o600})
}
