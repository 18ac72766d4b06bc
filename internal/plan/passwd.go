// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// Accounts edits the account files in one step, and then makes, moves, gives away and removes home directories accordingly.
func Accounts(b *builder) {
	if len(b.c.Passwd.Users)+len(b.c.Passwd.Groups) == 0 {
		return
	}
	db := b.database()
	b.accounts = nil // the database is being changed: its next user parses it again
	defer planRelabel(b)
	results := db.Configure(account.RedactConfig(b.c.Passwd, b.hash))
	edit := op.EditAccounts{Today: b.in.Today, Before: map[string]string{}}
	failed := false
	for _, r := range results {
		if r.Err != nil {
			failed = true
			b.failAccount(accountPath(r), r.Err, db)
		} else if r.Change.Verb != "" {
			edit.Changes = append(edit.Changes, describeAccount(r.Change))
		}
	}
	if failed {
		return
	}
	edit.After = db.Changed()
	for _, f := range account.Files() {
		if digest, ok := b.facts.Accounts.Digests[string(f)]; ok {
			edit.Before[string(f)] = digest
		}
	}
	if len(edit.After) > 0 {
		if !b.checkAccountFiles(edit) {
			return
		}
		edited := b.add(at("passwd"), edit, "")
		b.relabelAccounts(edit)
		b.barrier(edited, edited+1) // contents of home directories come after that
	}
	homes := db.Homes(b.facts.Tree.Place)
	for _, r := range results {
		if !r.Group {
			b.home(r, db, homes)
		}
	}
	b.barriers = nil
}

func accountPath(r account.Result) string {
	if r.Group {
		return at("passwd", "groups", r.Index)
	}
	return at("passwd", "users", r.Index)
}

func (b *builder) failAccount(p string, err error, db *account.DB) {
	hint := ""
	var unknown *account.UnknownError
	if errors.As(err, &unknown) {
		hint = b.similar(unknown.Name, db.Groups)
		if hint == "" {
			hint = "add it to passwd.groups"
		}
	}
	b.fail(p, err.Error(), hint)
}

func describeAccount(c account.Change) string {
	if c.Group {
		return fmt.Sprintf("%s group %s (%d)", c.Verb, c.Name, c.GID)
	}
	return fmt.Sprintf("%s user %s (%d:%d)", c.Verb, c.Name, c.UID, c.GID)
}

// home plans what one user's change means for the user's home directory and its contents.
func (b *builder) home(r account.Result, db *account.DB, homes account.Homes) {
	p, c := accountPath(r), r.Change
	switch c.Verb {
	case account.Delete:
		b.removeHome(p, c, db, homes)
		return
	case "": // a user that must not exist, and does not
		return
	case account.Add:
		if c.Warning != "" {
			b.warn(p, c.Warning, "")
		}
		b.makeHome(p, c, db)
	case account.Modify:
		b.changeHome(p, c, homes)
	}
	u := b.c.Passwd.Users[r.Index]
	b.ownHomeParts(p, c, u)
	if len(u.SSHAuthorizedKeys) > 0 {
		b.writeKeys(p, c, u)
	}
}

// writeKeys writes the keys of a user with that user's rights. If the home directory does not exist by then, the user must be
// allowed to make it.
func (b *builder) writeKeys(p string, c account.Change, u types.User) {
	file := keyFile
	if b.in.KeyFragment {
		file = keyFragment
	}
	if why, hint := b.keysBlocked(c, u, file); why != "" {
		b.fail(p+".sshAuthorizedKeys", fmt.Sprintf("the SSH keys of user %s cannot be written: %s", c.Name, why), hint)
		return
	}
	o := op.WriteKeys{Name: c.Name, Home: c.Home, File: file, Owner: owner(c), Keys: b.secret(authorizedKeys(u))}
	b.relabel(b.facts.Tree.Final(path.Join(c.Home, file)), false)
	b.add(p+".sshAuthorizedKeys", o, "", b.barriers...)
}

// Where the keys of a user are, below the home directory, without and with Inputs.KeyFragment.
const (
	keyFile     = ".ssh/authorized_keys"
	keyFragment = ".ssh/authorized_keys.d/ignition"
)

// keysBlocked returns why the file with a user's keys cannot be written with that user's rights, and what to do, or "". What is
// not known yet does not block.
func (b *builder) keysBlocked(c account.Change, u types.User, file string) (why, hint string) {
	t, home := b.facts.Tree, path.Join("/", c.Home) // an image may have a relative one
	name := path.Join(home, file)
	place := t.Final(name)
	if t.Hides(place) {
		return "", ""
	}
	near, _ := t.Near(place)
	hint = "repair the home directory in the image, or leave out the keys"
	switch n := t.Nodes[place]; {
	case t.Unreachable[name] != "":
		return t.Unreachable[name], hint
	case t.Blocked(place) != "":
		return fmt.Sprintf("%s is %s, not a directory", near, kindOf(t.Nodes[near])), hint
	case n.Type == "file":
		return "", ""
	case n.Type != "":
		return fmt.Sprintf("%s is %s, not a file", place, kindOf(n)), hint
	case c.UID != 0 && !path.IsAbs(c.Home):
		return fmt.Sprintf("the home directory %q is not an absolute path", c.Home), hint
	case c.UID == 0 || !t.Knows(facts.NodeQuestion{Path: home}) || t.Writable(near, c.UID):
		return "", ""
	case t.At(home).Type != "":
		return fmt.Sprintf("the user may not write to %s", near), hint
	case types.True(u.NoCreateHome):
		hint = "remove noCreateHome, or leave out the keys"
	default:
		hint = "make the home directory, or leave out the keys"
	}
	return fmt.Sprintf("the home directory %s does not exist", c.Home), hint
}

// HomePaths lists the home directories and mailboxes that the config's account changes affect, and the files that may hold keys.
// It also returns the skeleton of new home directories, "" if none is made.
func HomePaths(c *types.Config, a *facts.Accounts) (homes []string, skeleton string) {
	if len(c.Passwd.Users) == 0 {
		return nil, ""
	}
	db := account.Parse(a.Texts, 1)
	spools, _ := db.Spools()
	moves := false
	for _, r := range db.Configure(c.Passwd) {
		if r.Group || r.Err != nil || r.Change.Verb == "" {
			continue
		}
		names := []string{r.Change.Home, r.Change.Old.Home, path.Join(spools, r.Change.Name)}
		if len(c.Passwd.Users[r.Index].SSHAuthorizedKeys) > 0 {
			names = append(names, path.Join(r.Change.Home, keyFile), path.Join(r.Change.Home, keyFragment))
		}
		for _, name := range names {
			if path.IsAbs(name) {
				homes = append(homes, path.Clean(name))
			}
		}
		if r.Change.CreateHome {
			skeleton = path.Clean(db.Skeleton())
		}
		moves = moves || r.Change.Verb == account.Delete || r.Change.MoveHome
	}
	if moves { // nobody else's must go with it
		homes = append(homes, db.Homes(func(name string) string { return name }).Names()...)
	}
	return homes, skeleton
}

func owner(c account.Change) op.Owner { return op.Owner{UID: c.UID, GID: c.GID} }

func (b *builder) makeHome(p string, c account.Change, db *account.DB) {
	if !c.CreateHome {
		return
	}
	t := b.facts.Tree
	if t.At(c.Home).Type != "" {
		b.warn(p, fmt.Sprintf("the home directory %s exists already; it is left as it is", c.Home), "")
	} else if n := t.Nodes[t.Final(db.Skeleton())]; n.Type != "" && n.Type != "directory" {
		b.fail(p, fmt.Sprintf("the home directory %s cannot be made: its skeleton %s is %s, not a directory", c.Home, db.Skeleton(), kindOf(n)),
			"repair the skeleton in the image, or set noCreateHome")
		return
	} else if name := path.Join("/", c.Home); !b.reaches(p, name, t.Place(name), "set another homeDir, or repair the image") {
		return
	} else {
		o := op.MakeHome{Name: c.Name, Home: c.Home, Owner: owner(c), Mode: int(db.HomeMode()), Skeleton: db.Skeleton()}
		b.relabel(b.facts.Tree.Place(path.Clean(c.Home)), false)
		b.add(p, o, "", b.barriers...)
	}
	dir, create := db.Spools()
	mailbox := path.Join(dir, c.Name)
	if !create || b.facts.Tree.At(mailbox).Type != "" {
		return
	}
	box := op.MakeMailbox{Path: mailbox, Name: c.Name, Owner: owner(c), Mode: 0o600}
	if gid, ok := db.GroupID("mail"); ok {
		box.Owner.GID, box.Mode = gid, 0o660
	}
	b.relabel(b.facts.Tree.Place(mailbox), false)
	b.add(p, box, "CREATE_MAIL_SPOOL in /etc/default/useradd", b.barriers...)
}

func (b *builder) changeHome(p string, c account.Change, homes account.Homes) {
	if b.facts.Tree.At(c.Old.Home).Type != "directory" || c.Old.Home == "/" {
		return
	}
	if c.MoveHome {
		if why := b.othersHome(c.Old.Home, c.Name, homes); why != "" {
			b.fail(p+".homeDir", fmt.Sprintf("the home directory cannot be moved from %s to %s: %s", c.Old.Home, c.Home, why), "")
			return
		}
		if b.facts.Tree.At(c.Home).Type != "" {
			b.fail(p+".homeDir", fmt.Sprintf("the home directory cannot be moved from %s to %s: there is something already",
				c.Old.Home, c.Home), "")
			return
		}
		if name := path.Join("/", c.Home); !b.reaches(p+".homeDir", name, b.facts.Tree.Place(name), "set another homeDir, or repair the image") {
			return
		}
		o := op.MoveHome{Name: c.Name, From: c.Old.Home, Home: c.Home}
		b.relabel(b.facts.Tree.Place(path.Clean(c.Home)), false)
		b.add(p, o, "", b.barriers...)
	}
	if c.UID != c.Old.UID || c.GID != c.Old.GID {
		b.add(p, op.OwnHome{
			Name: c.Name, Home: c.Home, From: op.Owner{UID: c.Old.UID, GID: c.Old.GID}, To: owner(c),
		}, "", b.barriers...)
	}
}

// removeHome removes home directory and mailbox, if they are the user's and nobody else's.
func (b *builder) removeHome(p string, c account.Change, db *account.DB, homes account.Homes) {
	dir, _ := db.Spools()
	for _, name := range []string{c.Home, path.Join(dir, c.Name)} {
		n := b.facts.Tree.At(name)
		if n.Type == "" || name == "/" {
			continue
		}
		if n.UID != c.UID {
			b.warn(p, fmt.Sprintf("%s does not belong to user %s and is left as it is", name, c.Name), "")
			continue
		}
		if why := b.othersHome(name, c.Name, homes); why != "" {
			b.warn(p, fmt.Sprintf("%s is left as it is: %s", name, why), "")
			continue
		}
		b.add(p, op.RemoveHome{Name: c.Name, Home: name}, "", b.barriers...)
	}
}

// othersHome returns why a user's home directory cannot be removed or moved without somebody else's, or "". A name with ".."
// leads wherever its links lead, and those may be exchanged.
func (b *builder) othersHome(name, user string, homes account.Homes) string {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return `its name leads through ".."`
	}
	for _, dir := range []string{name, b.facts.Tree.Place(path.Clean(name))} {
		if other, shared := homes.Below(dir); shared && other != user {
			return fmt.Sprintf("the home directory of user %s is in it", other)
		}
	}
	return ""
}

// ownHomeParts gives the user the directories of the user's home that were made as mount points.
func (b *builder) ownHomeParts(p string, c account.Change, u types.User) {
	if types.True(u.NoCreateHome) {
		return
	}
	parts := slices.Clone(b.facts.Handover.HomeParts)
	slices.Sort(parts)
	for _, part := range parts {
		if part = path.Clean("/" + part); facts.Within(part, c.Home) {
			b.add(p, op.OwnHomePart{Path: part, Name: c.Name, Owner: owner(c)}, "it was made to mount a filesystem on it", b.barriers...)
		}
	}
}
