// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// AccountPaths lists the places where editing accounts writes, as far as the tree is known: the account files, their backups and
// the lock files of the shadow suite. The account files may be links; the others are never followed.
func AccountPaths(t *facts.Tree) (files, others []string) {
	others = []string{account.PasswordLock}
	for _, f := range account.Files() {
		files = append(files, string(f))
		others = append(others, op.Backup(t, f), f.Lock())
	}
	return files, others
}

// checkAccountFiles reports what would stop the edit of the account files half-way: directories in the places of files that
// firstlight writes next to them.
func (b *builder) checkAccountFiles(edit op.EditAccounts) (ok bool) {
	t := b.facts.Tree
	const hint = "remove it from the image"
	blocked := map[string]bool{} // directories that are reported
	check := func(place, purpose string, fits func(kind string) bool) {
		if dir := t.Blocked(place); dir != "" {
			if ok = false; !blocked[dir] {
				b.fail(at("passwd"), fmt.Sprintf("%s cannot be written: %s is %s, not a directory", place, dir, kindOf(t.Nodes[dir])), hint)
			}
			blocked[dir] = true
		} else if n := t.Nodes[place]; n.Type != "" && !fits(n.Type) {
			b.fail(at("passwd"), fmt.Sprintf("%s is %s, and firstlight needs this path for %s", place, kindOf(n), purpose), hint)
			ok = false
		}
	}
	ok = true
	check(t.Place(account.PasswordLock), "the lock of the account files", func(kind string) bool { return kind == "file" })
	replaceable := func(kind string) bool { return kind != "directory" }
	for _, f := range account.Files() {
		check(t.Place(f.Lock()), "the lock of "+string(f), replaceable)
		if _, changes := edit.After[f]; !changes {
			continue
		}
		check(t.Final(string(f)), string(f), replaceable)
		if edit.Before[string(f)] != "" {
			check(op.Backup(t, f), "the backup of "+string(f), replaceable)
		}
	}
	return ok
}
