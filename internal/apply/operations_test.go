// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// bench is a target root with what applying plans to it takes.
type bench struct {
	testing.TB
	dir  string
	jobs *os.Root
	m    Machine
	keep keeper
	log  *slog.Logger
	text string // of the payload "text"
}

// keeper notes what is kept for later stages.
type keeper struct{ keys, files, directories []string }

func (k *keeper) KeepKey(volume string, _ []byte) { k.keys = append(k.keys, volume) }
func (k *keeper) KeepVolumeKeyFiles(files map[string][]byte) {
	for name := range files {
		k.files = append(k.files, name)
	}
}
func (k *keeper) KeepDirectories(paths []string) { k.directories = append(k.directories, paths...) }

const passwd = "root:x:0:0::/root:/bin/sh\n"

// newBench makes a root from lines: "d PATH MODE UID", "f PATH TEXT MODE UID", "l PATH TARGET".
func newBench(t testing.TB, lines string) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("setting owners needs root")
	}
	jobs, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, dir: t.TempDir(), jobs: jobs, log: slog.New(slog.DiscardHandler), text: "text"}
	t.Cleanup(func() { jobs.Close() })
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		name := filepath.Join(b.dir, w[1])
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			switch w[0] {
			case "d":
				err = os.MkdirAll(name, 0o755)
			case "f":
				err = os.WriteFile(name, []byte(strings.ReplaceAll(w[2], `\n`, "\n")), 0o644)
			case "l":
				err = os.Symlink(w[2], name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// apply carries a plan of one operation out, with a journal that outlives the call.
func (b *bench) apply(o op.Op, before func(string) error) (err error) {
	b.Helper()
	root, err := rootfs.Open(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if before != nil {
		root.Before(before)
	}
	id, err := op.ID(o, 0)
	if err != nil {
		b.Fatal(err)
	}
	p := op.Plan{Format: op.Format, Part: "test", Steps: []op.Step{{ID: id, Op: o}}}
	j, err := journal.Open(b.jobs, "j")
	if errors.Is(err, fs.ErrNotExist) {
		j, err = journal.Create(b.jobs, "j", journal.Header{Plan: p})
	}
	if err != nil {
		b.Fatal(err)
	}
	text, keys := b.text, "key\n"
	b.m = Machine{
		Sys: fake.New("apply"), Root: root, Keep: &b.keep, Log: b.log,
		Payloads: op.Payloads{"text": {Text: &text}, "keys": {Text: &keys}, op.VolumeKey("v"): {Text: &text}},
	}
	return errors.Join(Run(context.Background(), &b.m, j, p), j.Close())
}

// tree lists all nodes: type, path, mode, owner, and text or target.
func (b *bench) tree() []string {
	b.Helper()
	var lines []string
	err := filepath.WalkDir(b.dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == b.dir {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %04o %d:%d", strings.TrimPrefix(name, b.dir), st.Mode&0o7777, st.Uid, st.Gid)
		switch {
		case info.IsDir():
			line = "d " + line
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line = "l " + line + " " + target
		default:
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line = "f " + line + " " + strings.ReplaceAll(string(text), "\n", `\n`)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return lines
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

const start = `f /etc/passwd root:x:0:0::/root:/bin/sh\n
f /etc/motd old
l /etc/masked.service /dev/null
f /home/user/rc rc
d /home/user/deep
l /home/user/link rc
f /etc/skel/rc skeleton
d /var/mail
`

var text = op.Content{Handle: "text", Source: op.Inline}

func at(name string) op.Place   { return op.Place{Path: name} }
func over(name string) op.Place { return op.Place{Path: name, Replace: true} }

// onRoot are operations on the target root, with the lines of the tree that come and go.
var onRoot = []struct {
	o    op.Op
	want string
}{
	{op.MakeDirectory{Place: at("/new/deep"), Owner: op.Owner{UID: 5, GID: 6}, Mode: 0o2750}, "+d /new 0755 0:0\n+d /new/deep 2750 5:6\n"},
	{op.MakeDirectory{Place: at("/home/user"), Exists: true, Owner: op.Owner{UID: -1, GID: 6}, Mode: op.NoMode}, "-d /home/user 0755 0:0\n+d /home/user 0755 0:6\n"},
	{op.MakeDirectory{Place: over("/home/user"), Mode: 0o700},
		"-d /home/user 0755 0:0\n-d /home/user/deep 0755 0:0\n-l /home/user/link 0777 0:0 rc\n-f /home/user/rc 0644 0:0 rc\n+d /home/user 0700 0:0\n"},
	{op.WriteFile{Place: at("/new/f"), Content: &text, Fragments: []op.Content{text}, Owner: op.Owner{UID: 5, GID: 6}, Mode: 0o4755},
		"+d /new 0755 0:0\n+f /new/f 4755 5:6 texttext\n"},
	{op.WriteFile{Place: at("/empty"), Mode: op.NoMode}, "+f /empty 0644 0:0 \n"},
	{op.WriteFile{Place: over("/etc/motd"), Content: &text, Mode: 0o600}, "-f /etc/motd 0644 0:0 old\n+f /etc/motd 0600 0:0 text\n"},
	{op.WriteFile{Place: over("/home/user"), Content: &text, Mode: op.NoMode},
		"-d /home/user 0755 0:0\n-d /home/user/deep 0755 0:0\n-l /home/user/link 0777 0:0 rc\n-f /home/user/rc 0644 0:0 rc\n+f /home/user 0644 0:0 text\n"},
	{op.KeepFile{Place: at("/etc/motd"), Fragments: []op.Content{text, text}, Size: 3, Digest: sum("old"), Owner: op.Owner{UID: 7, GID: -1}, Mode: 0o640},
		"-f /etc/motd 0644 0:0 old\n+f /etc/motd 0640 7:0 oldtexttext\n"},
	{op.MakeLink{Place: at("/new/l"), Target: "../x", Owner: op.Owner{UID: 5, GID: 6}}, "+d /new 0755 0:0\n+l /new/l 0777 5:6 ../x\n"},
	{op.MakeLink{Place: over("/etc/motd"), Target: "x"}, "-f /etc/motd 0644 0:0 old\n+l /etc/motd 0777 0:0 x\n"},
	{op.MakeHardLink{Place: at("/new/h"), Target: "/etc/motd"}, "+d /new 0755 0:0\n+f /new/h 0644 0:0 old\n"},
	{op.WriteUnit{Place: over("/etc/systemd/system/u.service"), Content: text},
		"+d /etc/systemd 0755 0:0\n+d /etc/systemd/system 0755 0:0\n+f /etc/systemd/system/u.service 0644 0:0 text\n"},
	{op.MaskUnit{Place: over("/etc/motd")}, "-f /etc/motd 0644 0:0 old\n+l /etc/motd 0777 0:0 /dev/null\n"},
	{op.UnmaskUnit{Place: at("/etc/masked.service")}, "-l /etc/masked.service 0777 0:0 /dev/null\n"},
	{op.SetPresets{Place: at("/etc/p.preset"), Units: []op.Preset{{Name: "none.service", Enable: true}, {Name: "off.service"}}},
		"+f /etc/p.preset 0644 0:0 enable none.service\\n\n"},
	{op.WriteVolumeKey{Place: at("/etc/luks/v"), Name: "v", Key: op.VolumeKey("v")}, "+d /etc/luks 0700 0:0\n+f /etc/luks/v 0600 0:0 text\n"},
	{op.AddCrypttab{Place: at("/etc/crypttab"), Lines: []string{"a", "b"}}, "+f /etc/crypttab 0600 0:0 a\\nb\\n\n"},
	{op.AddCrypttab{Place: at("/etc/motd"), Lines: []string{"old", "b"}}, "-f /etc/motd 0644 0:0 old\n+f /etc/motd 0600 0:0 old\\nb\\n\n"},
	{op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": "new:x:1:1::/:/bin/sh\n"}},
		"-f /etc/passwd 0644 0:0 root:x:0:0::/root:/bin/sh\\n\n+f /etc/passwd 0644 0:0 new:x:1:1::/:/bin/sh\\n\n+f /etc/passwd- 0644 0:0 root:x:0:0::/root:/bin/sh\\n\n"},
	{op.MakeHome{Name: "core", Home: "/home/core", Owner: op.Owner{UID: 5, GID: 6}, Mode: 0o750, Skeleton: "/etc/skel"},
		"+d /home/core 0750 5:6\n+f /home/core/rc 0644 5:6 skeleton\n"},
	{op.MoveHome{Name: "user", From: "/home/user", Home: "/var/home/user"},
		"-d /home/user 0755 0:0\n-d /home/user/deep 0755 0:0\n-l /home/user/link 0777 0:0 rc\n-f /home/user/rc 0644 0:0 rc\n" +
			"+d /var/home 0755 0:0\n+d /var/home/user 0755 0:0\n+d /var/home/user/deep 0755 0:0\n+l /var/home/user/link 0777 0:0 rc\n+f /var/home/user/rc 0644 0:0 rc\n"},
	{op.OwnHome{Name: "user", Home: "/home/user/deep", From: op.Owner{}, To: op.Owner{UID: 5, GID: 6}}, "-d /home/user/deep 0755 0:0\n+d /home/user/deep 0755 5:6\n"},
	{op.OwnHomePart{Path: "/home/user/deep", Name: "user", Owner: op.Owner{UID: 5, GID: 6}}, "-d /home/user/deep 0755 0:0\n+d /home/user/deep 0700 5:6\n"},
	{op.RemoveHome{Name: "user", Home: "/home/user/deep"}, "-d /home/user/deep 0755 0:0\n"},
	{op.MakeMailbox{Path: "/var/mail/core", Name: "core", Owner: op.Owner{UID: 5, GID: 8}, Mode: 0o660}, "+f /var/mail/core 0660 5:8 \n"},
	{op.MakeMailbox{Path: "/var/spool/mail/core", Name: "core", Mode: 0o660}, ""},
	{op.WriteKeys{Name: "root", Home: "/home/user", File: ".ssh/authorized_keys", Keys: "keys"},
		"+d /home/user/.ssh 0700 0:0\n+f /home/user/.ssh/authorized_keys 0600 0:0 key\\n\n"},
}

func changes(before, after []string) string {
	var b strings.Builder
	missing := func(lines, in []string, sign string) {
		for _, l := range lines {
			if !strings.Contains("\n"+strings.Join(in, "\n")+"\n", "\n"+l+"\n") && !strings.HasPrefix(l, "f /etc/.pwd.lock ") {
				b.WriteString(sign + l + "\n")
			}
		}
	}
	missing(before, after, "-")
	missing(after, before, "+")
	return b.String()
}

// TestOperations applies each operation on the target root; then again, stopped before each of its changes, with a run that
// resumes it: the same tree comes out every time.
func TestOperations(t *testing.T) {
	stops := 0
	for _, c := range onRoot {
		t.Run(c.o.Describe(), func(t *testing.T) {
			b := newBench(t, start)
			before := b.tree()
			effects := 0
			if err := b.apply(c.o, func(string) error { effects++; return nil }); err != nil {
				t.Fatal(err)
			}
			want := b.tree()
			if diff := cmp.Diff(c.want, changes(before, want)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := b.apply(c.o, func(e string) error { return fmt.Errorf("%s: it is done already", e) }); err != nil {
				t.Error(err)
			}
			stopped := errors.New("stopped")
			for n := range effects {
				b := newBench(t, start)
				left := n
				err := b.apply(c.o, func(string) error {
					if left--; left < 0 {
						return stopped
					}
					return nil
				})
				if !errors.Is(err, stopped) && n < effects-1 {
					t.Fatalf("not stopped after %d changes: %v", n, err)
				}
				stops++
				if err := b.apply(c.o, nil); err != nil {
					t.Errorf("stopped after %d changes: %v", n, err)
				} else if diff := cmp.Diff(want, b.tree()); diff != "" {
					t.Errorf("stopped after %d changes: -want +got:\n%s", n, diff)
				}
			}
		})
	}
	t.Logf("%d operations, %d stops", len(onRoot), stops)
}

// TestRefusals: what is not as it was planned on is left as it is.
func TestRefusals(t *testing.T) {
	unknown := op.Content{Handle: "unknown"}
	for name, c := range map[string]struct {
		o    op.Op
		want string
	}{
		"a file that was changed": {op.KeepFile{Place: at("/etc/motd"), Fragments: []op.Content{text}, Size: 3, Digest: sum("new"), Mode: op.NoMode}, "append to /etc/motd"},
		"accounts that were changed": {op.EditAccounts{Before: map[string]string{"/etc/passwd": sum("other")}, After: account.Texts{"/etc/passwd": "new:x:1:1::/:/bin/sh\n"}},
			"/etc/passwd was changed by somebody else"},
		"content that nobody has":      {op.WriteFile{Place: at("/x"), Content: &unknown, Mode: op.NoMode}, "does not have the content that the plan names"},
		"a hard link to nothing":       {op.MakeHardLink{Place: at("/x"), Target: "/none"}, "the target /none does not exist"},
		"a place that is taken":        {op.WriteFile{Place: at("/home/user/deep"), Content: &text, Mode: op.NoMode}, "/home/user/deep"},
		"a mount point that is a link": {op.Mount{Device: "x", Path: "/home/user/link/x", Format: "ext4"}, "/home/user/link is in the way"},
	} {
		b := newBench(t, start)
		before := b.tree()
		if err := b.apply(c.o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
		if diff := changes(before, b.tree()); diff != "" {
			t.Errorf("%s: it has changed\n%s", name, diff)
		}
	}
}

// What somebody makes by hand after a failure is nobody's leaving: the next run names it, and keeps it.
func TestHandMade(t *testing.T) {
	unknown := op.Content{Handle: "unknown"}
	remote, fetched := op.Content{Handle: "unknown", Remote: true}, op.Content{Handle: "text", Remote: true}
	for name, c := range map[string]struct {
		o       op.Op
		stopped bool // cut short, rather than failed
		hand    string
		want    string
	}{
		"at a step that failed":        {op.WriteFile{Place: at("/etc/new"), Content: &unknown, Mode: op.NoMode}, false, "f /etc/new mine", ""},
		"at a remote one that failed":  {op.WriteFile{Place: at("/etc/new"), Content: &remote, Mode: op.NoMode}, false, "f /etc/new mine", ""},
		"at a file that was cut short": {op.WriteFile{Place: at("/etc/new"), Content: &text, Mode: 0o600}, true, "f /etc/new mine", "/etc/new: file exists"},
		"at a remote file":             {op.WriteFile{Place: at("/etc/new"), Content: &fetched, Mode: 0o600}, true, "f /etc/new mine", "/etc/new: file exists"},
		"at a remote fragment":         {op.WriteFile{Place: at("/etc/new"), Fragments: []op.Content{fetched}, Mode: 0o600}, true, "f /etc/new texts", "/etc/new: file exists"},
		"another home directory":       {op.MoveHome{Name: "user", From: "/home/user", Home: "/home/new"}, true, "f /home/new/mine mine", "/home/new exists already; move it away"},
		"another type":                 {op.WriteFile{Place: at("/etc/new"), Content: &text, Mode: 0o600}, true, "l /etc/new motd", "/etc/new: file exists"},
		"longer":                       {op.WriteFile{Place: at("/etc/new"), Content: &text, Mode: 0o600}, true, "f /etc/new texts", "/etc/new: file exists"},
		"another link":                 {op.MakeLink{Place: at("/etc/new"), Target: "motd"}, true, "l /etc/new other", "/etc/new: file exists"},
		"another hard link":            {op.MakeHardLink{Place: at("/etc/new"), Target: "/etc/motd"}, true, "f /etc/new old", "/etc/new: file exists"},
		"another key":                  {op.WriteVolumeKey{Place: at("/etc/new"), Name: "v", Key: op.VolumeKey("v")}, true, "f /etc/new mine", "/etc/new: file exists"},
		"another account file": {op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/subuid": "core:1:1\n"}},
			true, "f /etc/subuid mine:1:1", "/etc/subuid did not exist before"},
		"a directory for a backup": {op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": "x:x:1:1::/:/bin/sh\n"}},
			true, "d /etc/passwd-", "/etc/passwd-"},
		"a directory for a lock": {op.EditAccounts{Before: map[string]string{"/etc/passwd": sum(passwd)}, After: account.Texts{"/etc/passwd": "x:x:1:1::/:/bin/sh\n"}},
			true, "d /etc/shadow.lock", "/etc/shadow.lock"},
		"a directory for a unit":  {op.WriteUnit{Place: over("/etc/new"), Content: text}, true, "d /etc/new", "/etc/new is a directory"},
		"a directory for a table": {op.AddCrypttab{Place: at("/etc/new"), Lines: []string{"a"}}, true, "d /etc/new", "/etc/new"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, start)
			var before func(string) error
			if c.stopped {
				before = func(string) error { return errors.New("stopped") }
			}
			if err := b.apply(c.o, before); err == nil {
				t.Fatal("the step did not fail")
			}
			if c.stopped { // a run that was cut short records nothing any more
				b.forget(c.o)
			}
			other := newBench(t, c.hand)
			if err := os.CopyFS(b.dir, os.DirFS(other.dir)); err != nil {
				t.Fatal(err)
			}
			made := b.tree()
			if err := b.apply(c.o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v", err)
			}
			if diff := changes(made, b.tree()); strings.Contains(diff, "-") {
				t.Errorf("it is gone:\n%s", diff)
			}
		})
	}
}

// A power cut after a file with content from the network has its name, and before the journal has the step: the next run replaces
// the file although the server answers differently now, because the file has its mark. A file that was written to has none.
func TestOtherAnswer(t *testing.T) {
	fetched := op.Content{Handle: "text", Remote: true}
	o := op.WriteFile{Place: at("/etc/new"), Content: &fetched, Mode: 0o600}
	for name, c := range map[string]struct {
		hand, answer string
		keepTimes    bool // the filesystem does not store the mark
		want, err    string
	}{
		"the same answer":                  {answer: "text", want: "text"},
		"another answer":                   {answer: "other", want: "other"},
		"written to by hand":               {hand: "mine", answer: "other", want: "mine", err: "/etc/new: file exists"},
		"without a mark, the same answer":  {answer: "text", keepTimes: true, want: "text"},
		"without a mark, another answer":   {answer: "other", keepTimes: true, want: "text", err: "/etc/new: file exists"},
		"without a mark, a part of a file": {hand: "te\x00", answer: "text", keepTimes: true, want: "text"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, start)
			if err := b.apply(o, nil); err != nil {
				t.Fatal(err)
			}
			b.forget(o)
			place := filepath.Join(b.dir, "etc/new")
			if c.hand != "" {
				if err := os.WriteFile(place, []byte(c.hand), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.keepTimes {
				if err := os.Chtimes(place, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
					t.Fatal(err)
				}
			}
			b.text = c.answer
			if err := b.apply(o, nil); (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("the error is %v", err)
			}
			if text, err := os.ReadFile(place); err != nil || string(text) != c.want {
				t.Errorf("the file has %q, %v", text, err)
			}
		})
	}
}

// forget makes the journal say of a step that it was begun, and no more.
func (b *bench) forget(o op.Op) {
	b.Helper()
	id, err := op.ID(o, 0)
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(b.jobs, "j")
	if err == nil {
		err = errors.Join(j.Record(journal.Begun, []journal.Entry{{Step: id, On: "somewhere"}}), j.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
}

// A step whose turn did not come has left nothing, however often it was planned.
func TestNeverStarted(t *testing.T) {
	b := newBench(t, start)
	unknown, text := op.Content{Handle: "unknown"}, "mine is the beginning of this"
	steps := []op.Op{op.WriteFile{Place: at("/a"), Content: &unknown, Mode: op.NoMode}, op.WriteFile{Place: at("/b"), Content: &op.Content{Handle: "text", Remote: true}, Mode: op.NoMode}}
	p := op.Plan{Format: op.Format, Part: "test"}
	for i, o := range steps {
		id, err := op.ID(o, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := op.Step{ID: id, Op: o}
		if i > 0 {
			s.After = []int{i - 1}
		}
		p.Steps = append(p.Steps, s)
	}
	root, err := rootfs.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	run := func() error {
		j, err := journal.Open(b.jobs, "j")
		if errors.Is(err, fs.ErrNotExist) {
			j, err = journal.Create(b.jobs, "j", journal.Header{Plan: p})
		}
		if err != nil {
			t.Fatal(err)
		}
		m := Machine{Sys: fake.New("apply"), Root: root, Keep: &b.keep, Log: slog.New(slog.DiscardHandler), Payloads: op.Payloads{"text": {Text: &text}}}
		return errors.Join(Run(context.Background(), &m, j, p), j.Close())
	}
	if err := run(); err == nil {
		t.Fatal("the first step did not fail")
	}
	for range 2 {
		if err := os.WriteFile(filepath.Join(b.dir, "b"), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(); err == nil {
			t.Fatal("the first step did not fail")
		}
		if text, err := os.ReadFile(filepath.Join(b.dir, "b")); err != nil || string(text) != "mine" {
			t.Errorf("what was written by hand is %q, %v", text, err)
		}
	}
}

// A file that somebody makes at a step that has failed stays, even if it is the beginning of what the step writes.
func TestPartMadeByHand(t *testing.T) {
	b := newBench(t, start)
	o := op.WriteFile{Place: at("/etc/new"), Content: &text, Mode: op.NoMode}
	if err := b.apply(o, func(string) error { return errors.New("the disk is gone") }); err == nil {
		t.Fatal("the step did not fail")
	}
	name := filepath.Join(b.dir, "etc/new")
	if err := os.WriteFile(name, []byte("te"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := b.apply(o, nil)
	if have, _ := os.ReadFile(name); err == nil || !strings.Contains(err.Error(), "/etc/new: file exists") || string(have) != "te" {
		t.Errorf("%v, the file has %q", err, have)
	}
}

// TestOldLinesLast: a file that keeps lines of the image gets its new content in place of the old only when that is on the disk, because
// the next boot could not make it again.
func TestOldLinesLast(t *testing.T) {
	for name, o := range map[string]op.Op{
		"/etc/crypttab": op.AddCrypttab{Place: at("/etc/crypttab"), Lines: []string{"a"}},
		"/etc/p.preset": op.SetPresets{Place: at("/etc/p.preset"), Units: []op.Preset{{Name: "none.service", Enable: true}}},
	} {
		for _, lines := range []string{start, start + "f " + name + " image\\n\n"} {
			b := newBench(t, lines)
			written, placed := -1, -1 // syncs when these began
			err := b.apply(o, func(effect string) error {
				switch effect {
				case "write " + name:
					written = b.m.Root.Syncs()
				case "rename " + name:
					placed = b.m.Root.Syncs()
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if old := len(lines) > len(start); written < 0 || old != (placed > written) {
				t.Errorf("%s, image has it: %t: syncs before the write %d, before the rename %d", name, old, written, placed)
			}
		}
	}
}

// Mail that has come in is not overwritten by an empty mailbox.
func TestMailStays(t *testing.T) {
	b := newBench(t, start+"f /var/mail/core mail\n")
	before := b.tree()
	if err := b.apply(op.MakeMailbox{Path: "/var/mail/core", Name: "core", Mode: 0o660}, nil); err != nil {
		t.Error(err)
	}
	if diff := changes(before, b.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestCreateErrors: what CI of distributions looks for is in the error of an entry that cannot be made, with the path as the
// initramfs has it.
func TestCreateErrors(t *testing.T) {
	unknown := op.Content{Handle: "unknown"}
	for place, o := range map[string]op.Op{
		"/etc/motd/d": op.MakeDirectory{Place: at("/etc/motd/d"), Mode: op.NoMode},
		"/etc/f":      op.WriteFile{Place: at("/etc/f"), Content: &unknown, Mode: op.NoMode},
		"/etc/motd":   op.KeepFile{Place: at("/etc/motd"), Fragments: []op.Content{text}, Size: 3, Digest: sum("new"), Mode: op.NoMode},
		"/etc/passwd": op.MakeLink{Place: at("/etc/passwd"), Target: "x"},
		"/etc/hard":   op.MakeHardLink{Place: at("/etc/hard"), Target: "/none"},
	} {
		b := newBench(t, start)
		if err := b.apply(o, nil); err == nil || !strings.Contains(err.Error(), "error creating "+b.dir+place+": ") {
			t.Errorf("%s: %v", o.Describe(), err)
		}
	}
	b := newBench(t, start)
	if err := b.apply(op.Mount{Device: "x", Path: "/home/user/link/x", Format: "ext4"}, nil); err == nil || strings.Contains(err.Error(), "error creating") {
		t.Errorf("a mount: %v", err)
	}
}
