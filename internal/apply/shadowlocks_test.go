// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// TestStaleLocks: locks on account files that a crashed image build left do not stop a boot, whatever is in them and whichever process
// has that number now. They are removed and reported.
func TestStaleLocks(t *testing.T) {
	edit := op.EditAccounts{
		Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": "new:x:1:1::/:/bin/sh\n"},
	}
	for name, content := range map[string]string{
		"of a process that runs": "1\x00", "of a process that has ended": "4194303\x00", "of this process": fmt.Sprint(os.Getpid(), "\x00"),
		"empty": "", "text": "builder@host\n", "long": strings.Repeat("9", 1<<16),
	} {
		b := newBench(t, start)
		for _, f := range account.Files() {
			lock := f.Lock()
			if err := os.WriteFile(filepath.Join(b.dir, lock), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(b.dir, account.PasswordLock), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		b.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		if err := b.apply(edit, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range account.Files() {
			lock := f.Lock()
			if strings.Count(log.String(), lock+" is a lock that another program left") != 1 {
				t.Errorf("%s: %s is not reported once:\n%s", name, lock, &log)
			}
		}
		for _, line := range b.tree() {
			if strings.Contains(line, "lock") && !strings.HasPrefix(line, "f /etc/.pwd.lock ") {
				t.Errorf("%s: left: %s", name, line)
			}
		}
	}
}

// TestLockDirectory: a directory in the place of a lock stays, with its contents, and no account file changes.
func TestLockDirectory(t *testing.T) {
	edit := op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": passwd + "new:x:1:1::/:/bin/sh\n"}}
	for _, lock := range []string{account.PasswordLock, account.Passwd.Lock(), account.SubGID.Lock()} {
		b := newBench(t, start+"f "+lock+"/own text\n")
		before := b.tree()
		if err := b.apply(edit, nil); err == nil || !strings.Contains(err.Error(), lock) {
			t.Errorf("%s: the error is %v", lock, err)
		}
		for _, line := range strings.Split(changes(before, b.tree()), "\n") {
			if line != "" && !strings.Contains(line, account.PasswordLock+" ") {
				t.Errorf("%s: changed: %s", lock, line)
			}
		}
	}
}

// TestLockLink: a lock that is a link is removed, and not what it leads to.
func TestLockLink(t *testing.T) {
	edit := op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": passwd + "new:x:1:1::/:/bin/sh\n"}}
	b := newBench(t, start+"l /etc/passwd.lock motd\n")
	if err := b.apply(edit, nil); err != nil {
		t.Error(err)
	}
	if tree := strings.Join(b.tree(), "\n"); strings.Contains(tree, "passwd.lock") || !strings.Contains(tree, "f /etc/motd 0644 0:0 old") {
		t.Error(tree)
	}
}
