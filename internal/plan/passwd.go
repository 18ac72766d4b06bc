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

// planPasswd edits the account files in one step and then does to home directories what follows.
func planPasswd(b *builder) {
	if len(b.c.Passwd.Users)+len(b.c.Passwd.Groups) == 0 {
		return
	}
	if b.facts.Accounts == nil {
		b.facts.Accounts = &facts.Accounts{}
	}
	db := b.database()
	b.accounts = nil // the database is being changed: it is read anew when it is needed next
	results := db.Configure(b.c.Passwd)
	edit := op.EditAccounts{Today: b.in.Today, Before: map[string]string{}, After: map[string]string{}}
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
	changed := db.Changed().Redact()
	for _, f := range account.Files() {
		if after, ok := changed[f]; ok {
			edit.After[string(f)] = after
		}
		if digest, ok := b.facts.Accounts.Digests[string(f)]; ok {
			edit.Before[string(f)] = digest
		}
	}
	if len(changed) > 0 {
		edited := b.add(at("passwd"), edit, "")
		b.barrier(edited, edited+1) // what is in home directories comes after that
		defer func() { b.barriers = nil }()
	}
	for _, r := range results {
		if !r.Group {
			b.home(r, db)
		}
	}
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
		hint = similar(unknown.Name, db.Groups())
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

// home plans what one user's change means for his home directory and what is in it.
func (b *builder) home(r account.Result, db *account.DB) {
	p, c := accountPath(r), r.Change
	switch c.Verb {
	case account.Delete:
		b.removeHome(p, c, db)
		return
	case "": // a user that was not to exist, and does not
		return
	case account.Add:
		b.makeHome(p, c, db)
	case account.Modify:
		b.changeHome(p, c)
	}
	u := b.c.Passwd.Users[r.Index]
	b.ownHomeParts(p, c, u)
	if len(u.SSHAuthorizedKeys) > 0 {
		file := ".ssh/authorized_keys"
		if b.in.KeyFragment {
			file = ".ssh/authorized_keys.d/ignition"
		}
		b.add(p+".sshAuthorizedKeys", op.WriteKeys{
			User: r.Index, Name: c.Name, Home: c.Home, File: file, Owner: owner(c),
		}, "", b.barriers...)
	}
}

func owner(c account.Change) op.Owner { return op.Owner{UID: c.UID, GID: c.GID} }

func (b *builder) makeHome(p string, c account.Change, db *account.DB) {
	if !c.CreateHome {
		return
	}
	if _, exists := b.facts.Accounts.Homes[c.Home]; exists {
		b.warn(p, fmt.Sprintf("the home directory %s exists already; it is left as it is", c.Home), "")
	} else {
		b.add(p, op.MakeHome{
			Name: c.Name, Home: c.Home, Owner: owner(c), Mode: int(db.HomeMode()), Skeleton: db.Skeleton(),
		}, "", b.barriers...)
	}
	dir, create := db.Spools()
	mailbox := path.Join(dir, c.Name)
	if _, exists := b.facts.Accounts.Homes[mailbox]; !create || exists {
		return
	}
	box := op.MakeMailbox{Path: mailbox, Name: c.Name, Owner: owner(c), Mode: 0o600}
	if gid, ok := db.GroupID("mail"); ok {
		box.Owner.GID, box.Mode = gid, 0o660
	}
	b.add(p, box, "CREATE_MAIL_SPOOL in /etc/default/useradd", b.barriers...)
}

func (b *builder) changeHome(p string, c account.Change) {
	old, exists := b.facts.Accounts.Homes[c.Old.Home]
	if !exists || old.Type != "directory" || c.Old.Home == "/" {
		return
	}
	if c.MoveHome {
		if _, taken := b.facts.Accounts.Homes[c.Home]; taken {
			b.fail(p+".homeDir", fmt.Sprintf("the home directory cannot be moved from %s to %s: there is something already",
				c.Old.Home, c.Home), "")
			return
		}
		b.add(p, op.MoveHome{Name: c.Name, From: c.Old.Home, Home: c.Home}, "", b.barriers...)
	}
	if c.UID != c.Old.UID || c.GID != c.Old.GID {
		b.add(p, op.OwnHome{
			Name: c.Name, Home: c.Home, From: op.Owner{UID: c.Old.UID, GID: c.Old.GID}, To: owner(c),
		}, "", b.barriers...)
	}
}

// removeHome removes home directory and mailbox, if they are the user's and nobody else's.
func (b *builder) removeHome(p string, c account.Change, db *account.DB) {
	dir, _ := db.Spools()
	for _, name := range []string{c.Home, path.Join(dir, c.Name)} {
		n, exists := b.facts.Accounts.Homes[name]
		if !exists || name == "/" {
			continue
		}
		if n.UID != c.UID {
			b.warn(p, fmt.Sprintf("%s does not belong to user %s and is left as it is", name, c.Name), "")
			continue
		}
		if other := sharer(db, name); other != "" {
			b.warn(p, fmt.Sprintf("%s is left as it is: the home directory of user %s is in it", name, other), "")
			continue
		}
		b.add(p, op.RemoveHome{Name: c.Name, Home: name}, "", b.barriers...)
	}
}

// sharer returns a user whose home directory is name or below it.
func sharer(db *account.DB, name string) string {
	for _, n := range db.Users() {
		if u, ok := db.User(n); ok && within(u.Home, name) {
			return n
		}
	}
	return ""
}

// within tells whether a path is a directory or below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// ownHomeParts gives the user those directories of his home that were made to mount something on them.
func (b *builder) ownHomeParts(p string, c account.Change, u types.User) {
	if isTrue(u.NoCreateHome) {
		return
	}
	parts := slices.Clone(b.in.HomeParts)
	slices.Sort(parts)
	for _, part := range parts {
		if part = path.Clean("/" + part); within(part, c.Home) {
			b.add(p, op.OwnHomePart{Path: part, Name: c.Name, Owner: owner(c)}, "it was made to mount a filesystem on it", b.barriers...)
		}
	}
}
