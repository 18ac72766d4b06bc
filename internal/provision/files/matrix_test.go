// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The root matrix: generated target roots, each with an odd node at a path that a config needs. The results are in
// testdata/matrix.txt; go test -update writes that file. In all cases, nothing outside the root changes, a refusal comes
// before the first write, and time and memory are bounded.

// An obstacle puts an odd node at a path. outside is a directory outside of the root.
type obstacle struct {
	name string
	put  func(at, root, outside string) error
}

func linkTo(target string) func(at, root, outside string) error {
	return func(at, _, outside string) error {
		return os.Symlink(strings.ReplaceAll(target, "OUTSIDE", outside), at)
	}
}

func holding(text string, mode os.FileMode) func(at, root, outside string) error {
	return func(at, _, _ string) error {
		return errors.Join(os.WriteFile(at, []byte(text), 0o600), os.Chmod(at, mode))
	}
}

func device(mode uint32, major, minor uint32) func(at, root, outside string) error {
	return func(at, _, _ string) error { return unix.Mknod(at, mode|0o666, int(unix.Mkdev(major, minor))) }
}

// chain makes links to links, and a directory at their end.
func chain(links int) func(at, root, outside string) error {
	return func(at, root, _ string) error {
		err := errors.Join(os.Symlink("/chain1", at), os.Mkdir(fmt.Sprintf("%s/chain%d", root, links), 0o755))
		for i := 1; i < links; i++ {
			err = errors.Join(err, os.Symlink(fmt.Sprintf("/chain%d", i+1), fmt.Sprintf("%s/chain%d", root, i)))
		}
		return err
	}
}

// obstacles lists the obstacles at the path itself.
var obstacles = []obstacle{
	{"nothing", func(string, string, string) error { return nil }},
	{"file", holding("text\n", 0o644)},
	{"empty file", holding("", 0o644)},
	{"file of mode 0", holding("text\n", 0)},
	{"file of mode 7777", holding("text\n", 0o777|os.ModeSetuid|os.ModeSetgid|os.ModeSticky)},
	{"file that is not text", holding("\x00\xff\xfe\n\x1b[2J:::::::\n", 0o644)},
	{"file without an end of line", holding("a:x:1:1", 0o644)},
	{"file of another's", func(at, _, _ string) error {
		return errors.Join(os.WriteFile(at, []byte("text\n"), 0o644), os.Chown(at, 1234, 1234))
	}},
	{"file of 256 MiB", func(at, _, _ string) error {
		return errors.Join(os.WriteFile(at, nil, 0o644), os.Truncate(at, 256<<20))
	}},
	{"file with two names", func(at, root, _ string) error {
		return errors.Join(os.WriteFile(root+"/other", []byte("text\n"), 0o644), os.Link(root+"/other", at))
	}},
	{"directory", func(at, _, _ string) error { return os.Mkdir(at, 0o755) }},
	{"directory with odd names", func(at, _, outside string) error {
		err := os.Mkdir(at, 0o755)
		for _, name := range []string{"\xff\xfe", "a\nb", "\x1b[2J", strings.Repeat("n", 255)} {
			err = errors.Join(err, os.WriteFile(filepath.Join(at, name), nil, 0o644))
		}
		return errors.Join(err, os.Symlink(outside, at+"/out"))
	}},
	{"directory of mode 0", func(at, _, _ string) error { return errors.Join(os.Mkdir(at, 0o755), os.Chmod(at, 0)) }},
	{"FIFO", func(at, _, _ string) error { return unix.Mkfifo(at, 0o666) }},
	{"socket", device(unix.S_IFSOCK, 0, 0)},
	{"device without an end", device(unix.S_IFCHR, 1, 5)},
	{"device that is full", device(unix.S_IFCHR, 1, 7)},
	{"block device", device(unix.S_IFBLK, 7, 200)},
	{"absolute link to a file", func(at, root, _ string) error {
		return errors.Join(os.WriteFile(root+"/other", []byte("text\n"), 0o644), os.Symlink("/other", at))
	}},
	{"relative link to a file", func(at, root, _ string) error {
		rel, err := filepath.Rel(filepath.Dir(at), root+"/other")
		return errors.Join(err, os.WriteFile(root+"/other", []byte("text\n"), 0o644), os.Symlink(rel, at))
	}},
	{"link to a directory", func(at, root, _ string) error {
		return errors.Join(os.Mkdir(root+"/dir", 0o755), os.Symlink("/dir", at))
	}},
	{"dangling link", linkTo("/nowhere/at/all")},
	{"link to itself", func(at, _, _ string) error { return os.Symlink(filepath.Base(at), at) }},
	{"two links in a circle", func(at, _, _ string) error {
		return errors.Join(os.Symlink("circle", at), os.Symlink(filepath.Base(at), filepath.Dir(at)+"/circle"))
	}},
	{"chain of 30 links", chain(30)},
	{"chain of 60 links", chain(60)},
	{"link out of the root", linkTo("OUTSIDE/file")},
	{"link out of the root by dots", linkTo("../../../../../../../../../../..OUTSIDE/file")},
	{"link to a directory outside", linkTo("OUTSIDE")},
	{"link into the running system", linkTo("/proc/self/environ")},
	{"link to a device of the system", linkTo("/dev/zero")},
	{"link with a long target", linkTo(strings.Repeat("x/", 2000))},
	{"link with an odd target", linkTo("a\nb\x1b[2J\xff")},
}

// ways lists the ways in which the directory of the path may be odd.
var parents = []obstacle{
	{"is missing", func(string, string, string) error { return nil }},
	{"is a file", holding("text\n", 0o644)},
	{"is a FIFO", func(at, _, _ string) error { return unix.Mkfifo(at, 0o666) }},
	{"is a device", device(unix.S_IFCHR, 1, 3)},
	{"has mode 0", func(at, _, _ string) error { return errors.Join(os.Mkdir(at, 0o755), os.Chmod(at, 0)) }},
	{"is an absolute link", func(at, root, _ string) error {
		return errors.Join(os.Mkdir(root+"/dir", 0o755), os.Symlink("/dir", at))
	}},
	{"is a relative link", func(at, root, _ string) error {
		rel, err := filepath.Rel(filepath.Dir(at), root+"/dir")
		return errors.Join(err, os.Mkdir(root+"/dir", 0o755), os.Symlink(rel, at))
	}},
	{"is a dangling link", linkTo("/nowhere")},
	{"is a link to itself", func(at, _, _ string) error { return os.Symlink(filepath.Base(at), at) }},
	{"is a link out of the root", linkTo("OUTSIDE")},
	{"is a link out by dots", linkTo("../../../../../../../../../../..OUTSIDE")},
	{"is a link to the root", linkTo("/")},
	{"is a link into the running system", linkTo("/proc/self/cwd")},
}

// A job is a config, and the path at which the obstacle is.
type job struct{ name, place, config string }

var jobs = []job{
	{"file", "/srv/app/x", `{"storage":{"files":[{"path":"/srv/app/x","contents":{"source":"data:,new"}}]}}`},
	{"file with an odd name", "/srv/app/a\nb\x1b[2J", `{"storage":{"files":[{"path":"/srv/app/a\nb\u001b[2J","contents":{"source":"data:,new"}}]}}`},
	{"append to an odd name", "/srv/app/a\nb\x1b[2J", `{"storage":{"files":[{"path":"/srv/app/a\nb\u001b[2J","append":[{"source":"data:,more"}]}]}}`},
	{"file of 255 bytes", "/srv/app/" + strings.Repeat("n", 255), `{"storage":{"files":[{"path":"/srv/app/` + strings.Repeat("n", 255) + `","contents":{"source":"data:,new"}}]}}`},
	{"file, overwrite", "/srv/app/x", `{"storage":{"files":[{"path":"/srv/app/x","overwrite":true,"contents":{"source":"data:,new"}}]}}`},
	{"file without contents", "/srv/app/x", `{"storage":{"files":[{"path":"/srv/app/x","mode":416,"user":{"id":7}}]}}`},
	{"append", "/srv/app/x", `{"storage":{"files":[{"path":"/srv/app/x","append":[{"source":"data:,new"}]}]}}`},
	{"directory", "/srv/app/x", `{"storage":{"directories":[{"path":"/srv/app/x","mode":448}]}}`},
	{"directory, overwrite", "/srv/app/x", `{"storage":{"directories":[{"path":"/srv/app/x","overwrite":true}]}}`},
	{"link", "/srv/app/x", `{"storage":{"links":[{"path":"/srv/app/x","target":"/etc/motd"}]}}`},
	{"hard link", "/srv/app/x", `{"storage":{"links":[{"path":"/srv/app/x","target":"/etc/motd","hard":true}]}}`},
	{"unit", "/etc/systemd/system/a.service", `{"systemd":{"units":[{"name":"a.service","contents":"[Service]\n"}]}}`},
	{"drop-in", "/etc/systemd/system/a.service.d/x.conf", `{"systemd":{"units":[{"name":"a.service","dropins":[{"name":"x.conf","contents":"[Service]\n"}]}]}}`},
	{"mask", "/etc/systemd/system/a.service", `{"systemd":{"units":[{"name":"a.service","mask":true}]}}`},
	{"preset", "/etc/systemd/system-preset/20-ignition.preset", `{"systemd":{"units":[{"name":"b.service","enabled":true}]}}`},
	{"user", "/etc/passwd", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/shadow", `{"passwd":{"users":[{"name":"u","passwordHash":"x"}]}}`},
	{"user", "/etc/default/useradd", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/login.defs", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/skel", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/home/u", `{"passwd":{"users":[{"name":"u","sshAuthorizedKeys":["key"]}]}}`},
	{"user", "/etc/passwd-", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/shadow-", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/passwd.lock", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"user", "/etc/.pwd.lock", `{"passwd":{"users":[{"name":"u"}]}}`},
	{"keys of root", "/root/.ssh", `{"passwd":{"users":[{"name":"root","sshAuthorizedKeys":["key"]}]}}`},
	{"group", "/etc/group-", `{"passwd":{"groups":[{"name":"g"}]}}`},
	{"group", "/etc/gshadow-", `{"passwd":{"groups":[{"name":"g"}]}}`},
	{"group", "/etc/subgid.lock", `{"passwd":{"groups":[{"name":"g"}]}}`},
	{"group", "/etc/group", `{"passwd":{"groups":[{"name":"g"}]}}`},
	{"group", "/etc/gshadow", `{"passwd":{"groups":[{"name":"g"}]}}`},
}

// A plot is one tree of the matrix: its construction and its config.
type plot struct {
	name string
	job  job
	at   string // of the odd node, in the root
	odd  obstacle
}

func plots() []plot {
	var all []plot
	for _, j := range jobs {
		for _, o := range obstacles {
			all = append(all, plot{j.name + ", " + j.place + " is: " + o.name, j, j.place, o})
		}
		for _, o := range parents {
			dir := path.Dir(j.place)
			if dir == "/etc" && o.name == "is missing" {
				continue // as "nothing"
			}
			all = append(all, plot{j.name + ", " + dir + " " + o.name, j, dir, o})
		}
	}
	return append(all, accountPlots()...)
}

// accountPlots lists account files with odd contents.
func accountPlots() []plot {
	var all []plot
	long := strings.Repeat("x", 1<<20)
	texts := map[string]string{
		"holds NIS lines": "root:x:0:0:::\n+::::::\n", "has CRLF": "root:x:0:0:root:/root:/bin/sh\r\n", "has comments": "# a\n\nroot:x:0:0:::\n",
		"has a line of 1 MiB": "root:x:0:0:" + long + "::\n", "has a negative id": "root:x:0:0:::\na:x:-1:-1:::\n", "has an id of 2^32": "a:x:4294967296:4294967296:::\n",
		"has ids without end": "a:x:99999999999999999999999:1:::\n", "has too few fields": "root\nroot:x\n:::\n", "has too many fields": "root:x:0:0:a:b:c:d:e:f:g\n",
		"has NUL bytes": "root\x00:x:0:0:::\nu\x00:x:5:5:::\n", "is not UTF-8": "r\xff\xfe:x:1:1:\xff::\n", "has the name already": "u:x:500:500::/home/u:/bin/sh\ng:x:5:\n",
		"has the name twice": "u:x:500:500:::\nu:x:501:501:::\ng:x:5:\ng:x:6:\n", "has a huge list": "g:x:5:" + strings.Repeat("a,", 1<<19) + "\n",
		"has a home out of the root": "u:x:500:500::/../../../OUTSIDE:/bin/sh\n", "has a relative home": "u:x:500:500::home:/bin/sh\n", "has a home of /": "u:x:500:500::/:/bin/sh\n",
		"has all ids taken": takenIDs(),
	}
	for _, file := range []string{"passwd", "shadow", "group", "gshadow"} {
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			config := `{"passwd":{"users":[{"name":"u","passwordHash":"x","sshAuthorizedKeys":["k"]}],"groups":[{"name":"g"}]}}`
			all = append(all, plot{"accounts, " + file + " " + name, job{"accounts", "/etc/" + file, config}, "/etc/" + file,
				obstacle{name, func(at, _, outside string) error {
					return os.WriteFile(at, []byte(strings.ReplaceAll(texts[name], "OUTSIDE", outside)), 0o600)
				}}})
		}
	}
	return all
}

// takenIDs returns account files in which all ids for users and groups are taken.
func takenIDs() string {
	var b strings.Builder
	for id := 100; id <= 60000; id++ {
		fmt.Fprintf(&b, "n%d:x:%d:%d:::\n", id, id, id)
	}
	return b.String()
}

// make makes the tree; made is false if this system cannot make it.
func (p plot) make(t *testing.T, m *machine, outside string) (made bool) {
	t.Helper()
	m.grow(t, base+"f /etc/motd welcome\n")
	at := m.dir + p.at
	if err := errors.Join(os.RemoveAll(at), os.MkdirAll(filepath.Dir(at), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := p.odd.put(at, m.dir, outside); errors.Is(err, unix.EPERM) {
		return false
	} else if err != nil {
		t.Fatal(err)
	}
	return true
}

// halfWay begins the outcome of a run that failed after its first write.
const halfWay = "refused half-way: "

// outcome runs the config, and returns the result as text.
func (p plot) outcome(t *testing.T, m *machine) string {
	var was, is unix.Stat_t
	there := unix.Lstat(m.dir+p.at, &was) == nil
	effects := 0
	m.before = func(string) error { effects++; return nil }
	err := p.do(t, m)
	if err != nil {
		if there && (unix.Lstat(m.dir+p.at, &is) != nil || is.Ino != was.Ino || is.Size != was.Size && is.Mode&unix.S_IFMT != unix.S_IFDIR || is.Mode != was.Mode) {
			t.Errorf("%s: refused, but the odd node is another one", p.name)
		}
		how := "refused: "
		if effects > 0 {
			how = halfWay
		}
		return how + strings.ReplaceAll(err.Error(), "\nerror at", "; error at")
	}
	place := m.dir + p.job.place
	if unix.Lstat(place, &is) != nil {
		return "done, nothing in place"
	}
	kind := map[uint32]string{unix.S_IFREG: "a file", unix.S_IFDIR: "a directory", unix.S_IFLNK: "a link", unix.S_IFIFO: "a FIFO", unix.S_IFSOCK: "a socket",
		unix.S_IFCHR: "a device", unix.S_IFBLK: "a device"}[is.Mode&unix.S_IFMT]
	if there && is.Ino == was.Ino && p.at == p.job.place {
		return "done, kept " + kind
	}
	return "done, " + kind
}

func (p plot) do(t *testing.T, m *machine) error {
	doc, err := parse(p.job.config)
	if err != nil {
		t.Fatal(err)
	}
	return m.run(doc)
}

// processor returns the processor time of this process, which the load of other processes does not affect.
func processor() time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// TestRootMatrix runs all of them.
func TestRootMatrix(t *testing.T) {
	const golden, longest, most = "testdata/matrix.txt", 10 * time.Second, 512 << 20
	text, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want, times := map[string]string{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, outcome, _ := strings.Cut(strings.TrimSpace(line), " => ")
		want[name] = outcome
	}
	var written strings.Builder
	var slowest time.Duration
	var largest uint64
	ran, refused, left := 0, 0, 0
	for _, p := range plots() {
		m := newMachine(t)
		outside := filepath.Join(filepath.Dir(m.dir), "outside")
		if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(outside+"/file", []byte("secret"), 0o644)); err != nil {
			t.Fatal(err)
		}
		if !p.make(t, m, outside) {
			left++
			continue
		}
		before := tree(t, outside)
		var memory, now runtime.MemStats
		runtime.ReadMemStats(&memory)
		began := processor()
		watch := time.AfterFunc(5*time.Minute, func() { panic(p.name + " hangs") })
		got := strings.NewReplacer(m.dir, "ROOT", outside, "OUTSIDE").Replace(p.outcome(t, m))
		watch.Stop()
		took := processor() - began
		runtime.ReadMemStats(&now)
		if strings.ContainsFunc(got, func(r rune) bool { return !strconv.IsPrint(r) }) || len(got) > 1000 {
			t.Errorf("%s: it is shown raw or uncut: %.1200q", p.name, got)
		}
		if len(got) > 200 {
			got = got[:200]
		}
		got = strings.TrimSpace(strings.ToValidUTF8(got, ""))
		name := strings.Trim(strconv.QuoteToASCII(p.name), `"`)
		if len(name) > 150 {
			name = strings.ReplaceAll(name, strings.Repeat("n", 255), "n…")
		}
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, times[name])
		}
		fmt.Fprintf(&written, "%s => %s\n", name, got)
		if got != want[name] && !*update {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want[name])
		}
		if diff := changes(before, tree(t, outside)); len(diff) > 0 {
			t.Errorf("%s: outside changed: %v", name, diff)
		}
		if used := now.TotalAlloc - memory.TotalAlloc; took > longest || used > most {
			t.Errorf("%s: %s, %d MiB", name, took, used>>20)
		} else {
			slowest, largest = max(slowest, took), max(largest, used)
		}
		if ran++; strings.HasPrefix(got, "refused") {
			refused++
		}
		if strings.HasPrefix(got, halfWay) {
			t.Errorf("%s: the plan does not find this: %s", name, got)
		}
		os.RemoveAll(filepath.Dir(m.dir))
	}
	t.Logf("%d roots: %d refused, %d done; most processor time %s, most memory %d MiB; %d could not be made here", ran, refused, ran-refused,
		slowest.Round(time.Millisecond), largest>>20, left)
	if ran < 200 {
		t.Error("too few")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(written.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
