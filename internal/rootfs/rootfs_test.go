// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// build makes a tree from lines: "d path", "f path content", "l path target", "p path" (a FIFO).
func build(t *testing.T, dir, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		name := filepath.Join(dir, w[1])
		var err error
		switch w[0] {
		case "d":
			err = os.MkdirAll(name, 0o755)
		case "f":
			err = os.WriteFile(name, []byte(w[2]), 0o644)
		case "l":
			err = os.Symlink(strings.ReplaceAll(w[2], "TEMP", filepath.Dir(dir)), name)
		case "p":
			err = unix.Mkfifo(name, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// tree describes all nodes below dir, one a line.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		content := ""
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			content = fmt.Sprintf("%x", sha256.Sum256(text))
		case unix.S_IFLNK:
			content, _ = os.Readlink(name)
		}
		rel, _ := filepath.Rel(dir, name)
		lines = append(lines, fmt.Sprintf("%s %o %d:%d %s", rel, st.Mode, st.Uid, st.Gid, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, `
		d a/b
		d etc
		f etc/file x
		l abs /a/b
		l rel a/b
		l a/up ../etc
		l chain1 chain2
		l chain2 /abs
		l escape ../../../../etc
		l host /
		l loop1 loop2
		l loop2 loop1
		l dangling /nowhere/there
		l last /etc/file
		l a/b/dots ../../abs/../b/./x
		l tofile etc/file`)
	r := open(t, dir)
	for _, c := range []struct{ path, want string }{
		{"/", "/"},
		{"/etc/file", "/etc/file"},
		{"/abs/x", "/a/b/x"},
		{"/rel/x", "/a/b/x"},
		{"/a/up/file", "/etc/file"},
		{"/chain1/x", "/a/b/x"},
		{"/escape/passwd", "/etc/passwd"},
		{"/host/host/host/etc/x", "/etc/x"},
		{"/dangling/x", "/nowhere/there/x"},
		{"/last", "/last"},
		{"/missing/deep/x", "/missing/deep/x"},
		{"/a/b/dots/y", "/a/b/x/y"},
		{"/tofile/x", "/etc/file/x"},
		{"/abs", "/abs"},
		{"/../../abs/x", "/a/b/x"},
	} {
		got, err := r.Resolve(c.path)
		if err != nil || got != c.want {
			t.Errorf("Resolve(%s) = %s, %v; want %s", c.path, got, err, c.want)
		}
	}
	if _, err := r.Resolve("/loop1/x"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop resolves with %v", err)
	}
	if got, err := r.Follow("/last"); err != nil || got != "/etc/file" {
		t.Errorf("Follow(/last) = %s, %v", got, err)
	}
}

var errLeak = errors.New("something outside was read")

// operations lists all operations that change the tree, with the arguments an attacker would choose.
var operations = []struct {
	name string
	run  func(r *Root, p string) error
}{
	{"write", func(r *Root, p string) error { return r.WriteFile(p, []byte("new"), 0, 0, 0o600) }},
	{"append", func(r *Root, p string) error { return r.Append(p, 0, strings.NewReader("more")) }},
	{"mkdir", func(r *Root, p string) error { return r.Mkdir(p, 0o700) }},
	{"mkdirall", func(r *Root, p string) error { _, err := r.MkdirAll(p + "/deep/er"); return err }},
	{"symlink", func(r *Root, p string) error { return r.Symlink("/x", p, 1, 1, true) }},
	{"link", func(r *Root, p string) error { return r.Link(p, "/second", false) }},
	{"link over", func(r *Root, p string) error { return r.Link("/own", p, true) }},
	{"chown", func(r *Root, p string) error { return r.Chown(p, 12, 13) }},
	{"chmod", func(r *Root, p string) error { return r.Chmod(p, 0o4777) }},
	{"move", func(r *Root, p string) error { return r.Move(p, "/moved") }},
	{"read", func(r *Root, p string) error {
		if text, err := r.ReadFile(p, 1<<20); err != nil || string(text) != "secret" {
			return err
		}
		return errLeak
	}},
	{"list", func(r *Root, p string) error { _, err := r.ReadDir(p); return err }},
	{"remove", func(r *Root, p string) error { return r.Remove(p) }},
}

// attacks lists trees with a path that leads, or seems to lead, out of the root or to a node that blocks.
var attacks = []struct{ name, tree, path string }{
	{"link to the host's root", "l x /", "/x"},
	{"below a link to the root", "l x /", "/x/outside/file"},
	{"link to the parent", "l x ..", "/x/outside/file"},
	{"many parents", "l x ../../../../../../../../TEMP/outside", "/x/file"},
	{"parents in the path", "d d", "/d/../../outside/file"},
	{"absolute link to a host directory", "l x TEMP/outside", "/x/file"},
	{"absolute link to a host file", "l x TEMP/outside/file", "/x"},
	{"relative link to a host file", "l x ../outside/file", "/x"},
	{"relative link to a host directory", "l x ../outside", "/x/file"},
	{"chain of two", "l x y\nl y TEMP/outside", "/x/file"},
	{"chain through a directory", "d d\nl d/x ../../outside\nl x d/x", "/x/file"},
	{"link with a slash at its end", "l x TEMP/outside/", "/x/file"},
	{"dangling into the host", "l x TEMP/outside/new", "/x"},
	{"below one that dangles", "l x TEMP/outside/new", "/x/y"},
	{"dots between", "l x ./.././../outside/./.", "/x/file"},
	{"loop of one", "l x x", "/x"},
	{"below a loop of one", "l x x", "/x/file"},
	{"loop of two", "l x y\nl y x", "/x/y"},
	{"FIFO", "p x", "/x"},
	{"below a FIFO", "p x", "/x/y"},
	{"link to a FIFO", "p p\nl x p", "/x"},
	{"link to a host FIFO", "l x TEMP/outside/fifo", "/x"},
	{"link to /dev/zero", "l x /dev/zero", "/x"},
	{"link to a process's root", "l x /proc/self/root", "/x/etc/hostname"},
	{"link to a process's descriptor", "l x /proc/self/fd/0", "/x"},
	{"link to a process's directory", "l x /proc/self/cwd", "/x/x"},
	{"link with doubled slashes", "l x //TEMP//outside", "/x/file"},
	{"file for a directory", "f x text", "/x/y"},
	{"directory with a link inside", "d x\nl x/out TEMP/outside", "/x"},
	{"directory with a directory link inside", "d x/y\nl x/y/out ../../../outside", "/x/y"},
	{"hard to remove", "d x/a/b/c\np x/a/p\nl x/a/l TEMP/outside/dir\nf x/a/b/f text", "/x"},
	{"temporary name taken by a link", "l TEMPORARY(/x) TEMP/outside/file", "/x"},
	{"temporary name taken by a directory link", "l TEMPORARY(/x) TEMP/outside", "/x"},
	{"temporary name taken by a FIFO", "p TEMPORARY(/x)", "/x"},
	{"second name's temporary taken", "l TEMPORARY(/second) TEMP/outside/file\nf x text", "/x"},
	{"the root itself", "", "/"},
	{"the root by dots", "", "/.."},
}

// temporaryNames replaces TEMPORARY(PATH) by the temporary names of the two paths of the attacks.
func temporaryNames(r *Root, lines string) string {
	for _, name := range []string{"/x", "/second"} {
		lines = strings.ReplaceAll(lines, "TEMPORARY("+name+")", parent{root: r, path: name}.temporary())
	}
	return lines
}

// TestAttacks runs every operation on every hostile tree, with the path as given and resolved. Nothing outside the root may
// change or be read, and no operation may block.
func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		for _, o := range operations {
			t.Run(a.name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				temp := t.TempDir()
				outside, dir := filepath.Join(temp, "outside"), filepath.Join(temp, "root")
				build(t, temp, "d outside/dir\nf outside/file secret\nf outside/dir/file secret\np outside/fifo\nd root")
				r := open(t, dir)
				build(t, dir, "f own text\n"+temporaryNames(r, a.tree))
				before := tree(t, outside)
				errs := []error{o.run(r, a.path)} // may fail, but must not lead out
				if resolved, err := r.Resolve(a.path); err == nil {
					errs = append(errs, o.run(r, resolved))
				}
				if followed, err := r.Follow(a.path); err == nil {
					errs = append(errs, o.run(r, followed))
				}
				if err := errors.Join(errs...); errors.Is(err, errLeak) {
					t.Error(err)
				}
				if after := tree(t, outside); after != before {
					t.Errorf("outside changed:\n%s\nbefore:\n%s", after, before)
				}
			})
		}
	}
}

// TestSwap exchanges a directory for a link out of the root, again and again, while operations run below it.
func TestSwap(t *testing.T) {
	temp := t.TempDir()
	outside, dir := filepath.Join(temp, "outside"), filepath.Join(temp, "root")
	build(t, temp, "d outside\nf outside/file secret\nd root/x\nd root/spare")
	build(t, dir, "l evil TEMP/outside")
	before := tree(t, outside)
	r := open(t, dir)
	var stop atomic.Bool
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		x, evil := filepath.Join(dir, "x"), filepath.Join(dir, "evil")
		for !stop.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, x, unix.AT_FDCWD, evil, unix.RENAME_EXCHANGE)
		}
	}()
	worked := 0
	for range 2000 {
		p, err := r.Resolve("/x/file")
		if err != nil {
			continue
		}
		if r.WriteFile(p, []byte("new"), 5, 5, 0o600) == nil {
			worked++
		}
		_ = r.Append(p, 3, strings.NewReader("more"))
		_ = r.Chmod(p, 0o777)
		_ = r.Chown(p, 7, 7)
		_ = r.Symlink("/y", p, 0, 0, true)
		_ = r.Remove(p)
	}
	stop.Store(true)
	<-stopped
	if after := tree(t, outside); after != before {
		t.Errorf("outside changed:\n%s", after)
	}
	if worked == 0 {
		t.Error("no write won against the exchange; the test shows nothing")
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	f, err := r.Create("/f")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "content")
	if names, _ := r.ReadDir("/"); len(names) != 1 || !strings.HasPrefix(names[0], "tmp") {
		t.Errorf("before the commit there is %v", names)
	}
	if err := errors.Join(f.Chown(3, 4), f.Chmod(0o6755), f.Commit(false)); err != nil {
		t.Fatal(err)
	}
	info, err := r.Lstat("/f")
	if err != nil || info.Mode != 0o6755 || info.UID != 3 || info.GID != 4 || info.Size != 7 || info.Type != Regular {
		t.Errorf("got %+v, %v", info, err)
	}
	if f, err = r.Create("/f"); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(false); !errors.Is(err, unix.EEXIST) {
		t.Errorf("committing onto a file without replacing it: %v", err)
	}
	build(t, dir, "d d/e\nf d/e/f text")
	if f, err = r.Create("/d"); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(true); err != nil {
		t.Errorf("replacing a directory: %v", err)
	}
	if names, _ := r.ReadDir("/"); len(names) != 2 {
		t.Errorf("something is left: %v", names)
	}
}

// TestReplaceFile: the new content is on the disk before it takes the place of the old, so that a power cut leaves one of them; files
// alone are replaced, and a draft that gets no name leaves nothing.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	build(t, dir, "f f old")
	written, placed := -1, -1 // syncs when these began
	r.Before(func(effect string) error {
		switch effect {
		case "write /f":
			written = r.Syncs()
		case "rename /f":
			placed = r.Syncs()
		}
		return nil
	})
	if err := r.ReplaceFile("/f", []byte("new"), -1, -1, 0o640); err != nil {
		t.Fatal(err)
	}
	if written < 0 || placed <= written {
		t.Errorf("the file got its name after %d syncs, and was written after %d", placed, written)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(text) != "new" {
		t.Errorf("the file is %q, %v", text, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.ReplaceFile("/d", nil, -1, -1, 0o644); !errors.Is(err, unix.EISDIR) {
		t.Errorf("in place of a directory: %v", err)
	}
	f, err := r.Draft("/g", []byte("text"), -1, -1, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Discard(), f.Discard(), (*File)(nil).Discard()); err != nil {
		t.Error(err)
	}
	if names, _ := r.ReadDir("/"); len(names) != 2 {
		t.Errorf("something is left: %v", names)
	}
	if f, err = r.Draft("/g", []byte("text"), -1, -1, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Replace(), f.Discard()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "g")); err != nil {
		t.Errorf("a file that has its name was discarded: %v", err)
	}
}

func TestAppend(t *testing.T) {
	const old, more = "old\n", "fragment one\nfragment two\n"
	for name, c := range map[string]struct {
		now  string
		fail bool
	}{
		"untouched":    {now: old},
		"begun":        {now: old + more[:5]},
		"done":         {now: old + more},
		"lost blocks":  {now: old + more[:5] + "\x00\x00\x00"},
		"shorter":      {now: "ol", fail: true},
		"longer":       {now: old + more + "x", fail: true},
		"someone else": {now: old + "other", fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "f")
			if err := os.WriteFile(file, []byte(c.now), 0o640); err != nil {
				t.Fatal(err)
			}
			err := open(t, dir).Append("/f", int64(len(old)), strings.NewReader(more))
			text, _ := os.ReadFile(file)
			if c.fail {
				if !errors.Is(err, ErrTail) || string(text) != c.now {
					t.Errorf("got %v and %q", err, text)
				}
			} else if err != nil || string(text) != old+more {
				t.Errorf("got %v and %q", err, text)
			}
		})
	}
}

// breaking is data that cannot be read to its end.
type breaking struct {
	*strings.Reader
	left int
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, unix.EIO
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// TestAppendBreaks: an append that fails half-way leaves the file as it was.
func TestAppendBreaks(t *testing.T) {
	for _, left := range []int{0, 1, 1000} {
		dir := t.TempDir()
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte("old"), 0o640); err != nil {
			t.Fatal(err)
		}
		err := open(t, dir).Append("/f", 3, &breaking{strings.NewReader(strings.Repeat("x", 5000)), left})
		if text, _ := os.ReadFile(file); !errors.Is(err, unix.EIO) || string(text) != "old" {
			t.Errorf("after %d bytes: %v, %d bytes", left, err, len(text))
		}
	}
}

// vast is data that is larger than any disk.
type vast struct{ reads int }

func (v *vast) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 1 << 60, nil
	}
	return 0, nil
}

func (v *vast) Read(p []byte) (int, error) {
	if v.reads++; v.reads > 100 {
		return 0, errors.New("read in spite of a full disk")
	}
	return len(p), nil
}

// TestAppendReserves: space for all appended data is reserved before the first byte is written, so that a power cut on a full disk
// finds the file as it was.
func TestAppendReserves(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	data := &vast{}
	err := open(t, dir).Append("/f", 3, data)
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EFBIG) || data.reads > 0 {
		t.Errorf("%v after %d reads", err, data.reads)
	}
	var known *Error
	if !errors.As(err, &known) || known.Hint() == "" {
		t.Errorf("%v does not say what to do", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "old" {
		t.Errorf("the file has %d bytes, %v", len(text), err)
	}
}

func TestLinkAndSymlink(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, "f a text\nd d\nf d/x text\nl s a")
	r := open(t, dir)
	if err := errors.Join(
		r.Link("/a", "/b", false),
		r.Link("/a", "/b", true), // already a name of the same node
		r.Link("/s", "/t", false),
		r.Symlink("../any where", "/d", 8, 9, true),
	); err != nil {
		t.Fatal(err)
	}
	if err := r.Link("/a", "/s", false); !errors.Is(err, unix.EEXIST) {
		t.Errorf("linking onto a link: %v", err)
	}
	a, _ := r.Lstat("/a")
	b, _ := r.Lstat("/b")
	s, _ := r.Lstat("/t")
	d, _ := r.Lstat("/d")
	if a.Ino != b.Ino || a.Links != 2 || s.Type != Symlink || d.Type != Symlink || d.UID != 8 || d.GID != 9 {
		t.Errorf("got %+v %+v %+v %+v", a, b, s, d)
	}
	if target, _ := r.Readlink("/d"); target != "../any where" {
		t.Errorf("the link leads to %q", target)
	}
	if names, _ := r.ReadDir("/"); len(names) != 5 {
		t.Errorf("something is left: %v", names)
	}
}

func TestAs(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o1777); d == dir && err != nil {
			t.Fatal(err)
		}
		if d == os.TempDir() {
			break
		}
	}
	build(t, dir, "d mine\nd roots")
	if err := os.Chown(filepath.Join(dir, "mine"), 1234, 1235); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	err := r.As(1234, 1235, func() error {
		if err := r.WriteFile("/roots/f", nil, -1, -1, 0o600); !errors.Is(err, unix.EACCES) {
			t.Errorf("writing to a directory of root: %v", err)
		}
		return r.WriteFile("/mine/f", []byte("key"), -1, -1, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := r.Lstat("/mine/f"); info.UID != 1234 || info.GID != 1235 || info.Mode != 0o600 {
		t.Errorf("got %+v", info)
	}
	if err := r.WriteFile("/roots/f", nil, -1, -1, 0o600); err != nil {
		t.Errorf("afterwards root cannot write: %v", err)
	}
}

// replace writes a file, replacing any existing node.
func replace(r *Root, name string, data []byte) error {
	f, err := r.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chown(1, 1), f.Chmod(0o600)); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit(true)
}

// TestBefore stops an operation before each of its changes.
func TestBefore(t *testing.T) {
	stopped := errors.New("stopped")
	for n := range 100 {
		dir := t.TempDir()
		build(t, dir, "d x/y\nf x/y/f text")
		r := open(t, dir)
		left := n
		r.Before(func(string) error {
			if left--; left < 0 {
				return stopped
			}
			return nil
		})
		err := replace(r, "/x", bytes.Repeat([]byte("x"), 10))
		if err == nil {
			if n < 6 {
				t.Errorf("there were only %d changes", n)
			}
			return
		}
		if !errors.Is(err, stopped) {
			t.Fatal(err)
		}
		if info, _ := r.Lstat("/x"); info.Type == Regular {
			t.Errorf("after %d changes the file has its name already", n)
		}
	}
	t.Error("the operation has no end")
}

func TestIdentityAndSync(t *testing.T) {
	r := open(t, t.TempDir())
	one, err := r.Identity("/")
	if err != nil || one == "" {
		t.Fatalf("got %q, %v", one, err)
	}
	if err := errors.Join(r.Mkdir("/a", 0o755), r.Mkdir("/b", 0o755), r.Sync()); err != nil || r.Syncs() != 1 {
		t.Errorf("two changes on one filesystem: %d syncs, %v", r.Syncs(), err)
	}
	if err := r.Sync(); err != nil || r.Syncs() != 1 {
		t.Errorf("nothing changed since: %d syncs, %v", r.Syncs(), err)
	}
}
