// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

var errNotExist = fs.ErrNotExist

// mostAccounts bounds the size of one account file, in bytes.
const mostAccounts = 64 << 20

// accounts reads the account files and looks at home directories, if the config has to do with accounts at all.
func accounts(_ context.Context, env Env, doc config.Document, f *facts.Facts) error {
	if !namesAccounts(&doc.Config) {
		return nil
	}
	a := &facts.Accounts{Texts: map[string]string{}, Digests: map[string]string{}, Homes: map[string]facts.Node{}}
	f.Accounts = a
	texts, err := ReadAccounts(env.Root)
	if err != nil {
		return err
	}
	for _, file := range account.Files() {
		if text, ok := texts[file]; ok {
			a.Digests[string(file)] = Digest(text)
		}
	}
	redacted := texts.Redact()
	for file, text := range redacted {
		a.Texts[string(file)] = text
	}
	if len(doc.Config.Passwd.Users) == 0 {
		return nil
	}
	db := account.Parse(redacted, 1)
	spools, _ := db.Spools()
	for _, r := range db.Configure(doc.Config.Passwd) {
		if r.Group || r.Err != nil || r.Change.Verb == "" {
			continue
		}
		for _, name := range []string{r.Change.Home, r.Change.Old.Home, path.Join(spools, r.Change.Name)} {
			if err := home(env.Root, name, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// home looks at one home directory or mailbox.
func home(root *rootfs.Root, name string, a *facts.Accounts) error {
	if name == "" || name[0] != '/' {
		return nil
	}
	place, err := root.Resolve(name)
	if err != nil {
		return err
	}
	info, err := root.Lstat(place)
	if err == nil && info.Type != rootfs.None {
		a.Homes[name] = facts.Node{Type: string(info.Type), UID: info.UID}
	}
	return err
}

// ReadAccounts reads all files that the account editor wants to see.
func ReadAccounts(root *rootfs.Root) (account.Texts, error) {
	texts := account.Texts{}
	for _, file := range account.Sources() {
		place, err := root.Follow(string(file))
		if err != nil {
			return nil, err
		}
		text, err := root.ReadFile(place, mostAccounts)
		if there, err := exists(err); err != nil {
			return nil, err
		} else if there {
			texts[file] = string(text)
		}
	}
	return texts, nil
}

// Digest is the hex SHA-256 of a text.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// namesAccounts tells whether the config has users or groups, or owners by name.
func namesAccounts(c *types.Config) bool {
	named := func(n types.Node) bool {
		return n.User.Name != nil && *n.User.Name != "" || n.Group.Name != nil && *n.Group.Name != ""
	}
	return len(c.Passwd.Users)+len(c.Passwd.Groups) > 0 ||
		slices.ContainsFunc(c.Storage.Directories, func(d types.Directory) bool { return named(d.Node) }) ||
		slices.ContainsFunc(c.Storage.Files, func(f types.File) bool { return named(f.Node) }) ||
		slices.ContainsFunc(c.Storage.Links, func(l types.Link) bool { return named(l.Node) })
}
