// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// editAccounts computes the new account files from the old ones and replaces them one after another. Before the first
// replacement, the old files are saved durably next to them, under the names of the shadow suite's backups: a run that is cut
// short between two files goes back to them.
func editAccounts(_ context.Context, m *Machine, o op.EditAccounts) error {
	locks, err := lockAccounts(m)
	if err != nil {
		return err
	}
	return errors.Join(changeAccounts(m, o), locks.release())
}

func changeAccounts(m *Machine, o op.EditAccounts) error {
	texts, err := account.Read(m.Root)
	if err != nil {
		return err
	}
	for _, f := range account.Files() {
		digest, err := digestOf(m.Root, string(f), "")
		if err != nil {
			return err
		}
		if digest != o.Before[string(f)] {
			return fmt.Errorf("%s was changed by somebody else while firstlight worked; boot again", f)
		}
	}
	changed, err := o.After.Restore(texts, m.secret)
	if err != nil {
		return err
	}
	for _, f := range account.Files() {
		old, exists := texts[f]
		if _, changes := changed[f]; !changes || !exists {
			continue
		}
		if err := replaceAccountFile(m.Root, f, "-", old); err != nil {
			return err
		}
	}
	if err := m.Root.Flush(); err != nil {
		return err
	}
	for _, f := range account.Files() {
		if text, changes := changed[f]; changes {
			if err := replaceAccountFile(m.Root, f, "", text); err != nil {
				return err
			}
		}
	}
	return nil
}

// secret returns the text that a handle in a template of an account file stands for.
func (m *Machine) secret(handle string) (string, bool) {
	p, ok := m.Payloads[op.Handle(handle)]
	if !ok || p.Text == nil {
		return "", false
	}
	return *p.Text, true
}

// replaceAccountFile replaces an account file, or with a suffix its backup, by a text. Owner and mode are those of
// the file, or what the shadow suite gives to new ones.
func replaceAccountFile(root *rootfs.Root, f account.File, suffix, text string) error {
	place, err := root.Follow(string(f))
	if err != nil {
		return err
	}
	info, err := root.Lstat(place)
	if err != nil {
		return err
	}
	if info.Type == rootfs.None {
		info.Mode = f.NewMode()
	}
	if _, err := root.MkdirAll(path.Dir(place)); err != nil {
		return err
	}
	return root.WriteFile(place+suffix, []byte(text), info.UID, info.GID, info.Mode)
}

// recoverAccounts goes back to the files from before an interrupted edit. It removes the edit's remaining locks.
func recoverAccounts(_ context.Context, m *Machine, o op.EditAccounts) (Outcome, error) {
	if err := breakAccountLocks(m.Root); err != nil {
		return Unclear, err
	}
	for _, f := range account.Files() {
		digest, existed := o.Before[string(f)]
		now, err := digestOf(m.Root, string(f), "")
		if err != nil {
			return Unclear, err
		}
		switch {
		case now == digest:
			continue
		case !existed:
			if err := removeNewAccountFile(m, f, o); err != nil {
				return Unclear, err
			}
			continue
		}
		if backup, err := digestOf(m.Root, string(f), "-"); err != nil || backup != digest {
			return Unclear, errors.Join(fmt.Errorf("%s is neither as it was nor is its old state in %s-", f, f), err)
		}
		if err := restoreAccountFile(m.Root, f); err != nil {
			return Unclear, err
		}
	}
	return NotApplied, nil
}

// removeNewAccountFile removes an account file only if the edit made it.
func removeNewAccountFile(m *Machine, f account.File, o op.EditAccounts) error {
	made, err := account.Texts{f: o.After[f]}.Restore(account.Texts{}, m.secret)
	if err != nil {
		return err
	}
	place, err := m.Root.Follow(string(f))
	if err != nil {
		return err
	}
	now, err := m.Root.ReadFile(place, mostAccountFile)
	if err != nil {
		return err
	}
	l := &leaving{file: bytes.NewReader(now)}
	if _, err := l.Write([]byte(made[f])); err != nil || !l.ours() {
		return errors.Join(fmt.Errorf("%s did not exist before, and is not what firstlight writes; move it away and boot again", f), err)
	}
	return m.Root.RemoveFile(place)
}

func restoreAccountFile(root *rootfs.Root, f account.File) error {
	place, err := root.Follow(string(f))
	if err != nil {
		return err
	}
	old, err := root.ReadFile(place+"-", mostAccountFile)
	if err != nil {
		return err
	}
	return replaceAccountFile(root, f, "", string(old))
}

// mostAccountFile bounds the size of an account file, in bytes.
const mostAccountFile = 64 << 20

// digestOf returns the hex SHA-256 of a file, or "" if it does not exist.
func digestOf(root *rootfs.Root, name, suffix string) (string, error) {
	place, err := root.Follow(name)
	if err != nil {
		return "", err
	}
	info, err := root.Lstat(place + suffix)
	if err != nil || info.Type == rootfs.None {
		return "", err
	}
	return root.Digest(place+suffix, info.Size)
}

// makeHome builds a home directory next to its place, so that a directory in that place is either complete or not ours. It replaces
// what an interrupted run has built there. As useradd(8) does, it leaves an existing directory as it is.
func makeHome(_ context.Context, m *Machine, o op.MakeHome) error {
	home, err := m.Root.Resolve(o.Home)
	if err != nil {
		return err
	}
	if err := parents(m, home); err != nil {
		return err
	}
	if info, err := m.Root.Lstat(home); err != nil || info.Type == rootfs.Directory {
		return err
	}
	skeleton, err := m.Root.Follow(o.Skeleton)
	if err != nil {
		return err
	}
	aside := m.Root.Aside(home)
	if err := m.Root.Mkdir(aside, 0o700); err != nil {
		return err
	}
	if err := m.Root.CopyTree(skeleton, aside, rootfs.CopyOptions{UID: o.Owner.UID, GID: o.Owner.GID, As: home}); err != nil {
		return err
	}
	if err := own(m.Root, aside, o.Owner.UID, o.Owner.GID, uint32(o.Mode)); err != nil {
		return err
	}
	return m.Root.Move(aside, home)
}

func moveHome(_ context.Context, m *Machine, o op.MoveHome) error {
	from, to, err := homes(m, o)
	if err != nil {
		return err
	}
	info, err := m.Root.Lstat(from)
	if err != nil || info.Type == rootfs.None {
		return err // moved before the run was cut short
	}
	if there, err := m.Root.Lstat(to); err != nil || there.Type != rootfs.None {
		return errors.Join(fmt.Errorf("%s exists already; move it away and boot again", to), err)
	}
	if err := parents(m, to); err != nil {
		return err
	}
	err = m.Root.Move(from, to)
	if !errors.Is(err, rootfs.ErrOtherFilesystem) {
		return err
	}
	copied := m.Root.Aside(to)
	if err := m.Root.CopyTree(from, copied, rootfs.CopyOptions{UID: -1, GID: -1, As: to}); err != nil {
		return err
	}
	if err := own(m.Root, copied, info.UID, info.GID, info.Mode); err != nil {
		return err
	}
	if err := m.Root.Flush(); err != nil {
		return err
	}
	if err := m.Root.Move(from, m.Root.Aside(from)); err != nil { // from now on, the copy counts
		return err
	}
	if err := m.Root.Flush(); err != nil {
		return err
	}
	return finishMove(m, from, to)
}

// finishMove puts a complete copy of a home directory into place and removes the original.
func finishMove(m *Machine, from, to string) error {
	if copied, err := m.Root.Lstat(m.Root.Aside(to)); err != nil {
		return err
	} else if copied.Type != rootfs.None {
		if err := m.Root.Move(m.Root.Aside(to), to); err != nil {
			return err
		}
		if err := m.Root.Flush(); err != nil {
			return err
		}
	}
	if there, err := m.Root.Lstat(to); err != nil || there.Type == rootfs.None {
		return errors.Join(fmt.Errorf("%s is missing; move %s there and boot again", to, m.Root.Aside(from)), err)
	}
	return m.Root.Remove(m.Root.Aside(from))
}

// recoverMove finishes a move between filesystems whose copy is complete, and removes an incomplete copy. It touches neither of
// the two places: only the names next to them are ours.
func recoverMove(_ context.Context, m *Machine, o op.MoveHome) (Outcome, error) {
	from, to, err := homes(m, o)
	if err != nil {
		return Unclear, err
	}
	switch kept, err := m.Root.Lstat(m.Root.Aside(from)); {
	case err != nil:
		return Unclear, err
	case kept.Type != rootfs.None:
		return NotApplied, finishMove(m, from, to)
	}
	return NotApplied, m.Root.Remove(m.Root.Aside(to))
}

// homes returns the old and the new place of a home directory.
func homes(m *Machine, o op.MoveHome) (from, to string, err error) {
	if from, err = m.Root.Resolve(o.From); err == nil {
		to, err = m.Root.Resolve(o.Home)
	}
	return from, to, err
}

func ownHome(_ context.Context, m *Machine, o op.OwnHome) error {
	home, err := m.Root.Resolve(o.Home)
	if err != nil {
		return err
	}
	return m.Root.ChownTree(home, o.From.UID, o.From.GID, o.To.UID, o.To.GID)
}

func ownHomePart(_ context.Context, m *Machine, o op.OwnHomePart) error {
	place, err := m.Root.Resolve(o.Path)
	if err != nil {
		return err
	}
	return own(m.Root, place, o.Owner.UID, o.Owner.GID, 0o700)
}

// own sets the owner first and then the mode, because changing the owner clears special bits.
func own(root *rootfs.Root, place string, uid, gid int, mode uint32) error {
	if err := root.Chown(place, uid, gid); err != nil {
		return err
	}
	return root.Chmod(place, mode)
}

func removeHome(_ context.Context, m *Machine, o op.RemoveHome) error {
	place, err := m.Root.Resolve(o.Home)
	if err != nil {
		return err
	}
	return m.Root.Remove(place)
}

func makeMailbox(_ context.Context, m *Machine, o op.MakeMailbox) error {
	place, err := m.Root.Resolve(o.Path)
	if err != nil {
		return err
	}
	if dir, err := m.Root.Lstat(path.Dir(place)); err != nil || dir.Type != rootfs.Directory {
		return err // as useradd(8): no directory of mailboxes, no mailbox
	}
	if box, err := m.Root.Lstat(place); err != nil || box.Size > 0 || box.Type == rootfs.Directory {
		return err // mail has come in meanwhile
	}
	return m.Root.WriteFile(place, nil, o.Owner.UID, o.Owner.GID, uint32(o.Mode))
}

// writeKeys writes a user's keys with that user's rights, so that links in the home directory cannot lead to anything that the
// user could not write to.
func writeKeys(ctx context.Context, m *Machine, o op.WriteKeys) error {
	var keys bytes.Buffer
	if err := m.fetch(ctx, o.Keys, &keys); err != nil {
		return err
	}
	err := m.Root.As(o.Owner.UID, o.Owner.GID, func() error {
		place, err := m.Root.Follow(path.Join(o.Home, o.File))
		if err != nil {
			return err
		}
		if err := m.Root.MkdirPrivate(path.Dir(place)); err != nil {
			return err
		}
		if info, err := m.Root.Lstat(place); err != nil || info.Type != rootfs.None && info.Type != rootfs.Regular {
			return errors.Join(fmt.Errorf("%s is not a regular file", place), err)
		}
		return m.Root.WriteFile(place, keys.Bytes(), o.Owner.UID, o.Owner.GID, 0o600)
	})
	if err != nil {
		return err
	}
	return logx.Journal(
		logx.Field{Name: "MESSAGE", Value: "wrote ssh authorized keys file for user: " + o.Name},
		logx.Field{Name: "MESSAGE_ID", Value: "225067b87bbd4a0cb6ab151f82fa364b"},
		logx.Field{Name: "IGNITION_USER_NAME", Value: o.Name},
		logx.Field{Name: "IGNITION_PATH", Value: path.Join(o.Home, o.File)},
		logx.Field{Name: "PRIORITY", Value: "6"},
		logx.Field{Name: "SYSLOG_IDENTIFIER", Value: "ignition"},
	)
}
