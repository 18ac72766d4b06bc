// SPDX-License-Identifier: Apache-2.0

package account

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// today is the day that all cases happen on; the tools take it from SOURCE_DATE_EPOCH.
const today = 19675

// start is what cases begin with, unless they say otherwise.
func start() Texts {
	return Texts{
		Passwd: "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
			"timesync:x:997:997:time:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
			"admin:x:1000:1000:The Admin,,,:/home/admin:/bin/bash\n",
		Shadow: "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\ntimesync:!*:19000::::::\n" +
			"nobody:*:19000:0:99999:7:::\nadmin:$6$old$old:19001:0:99999:7:::\n",
		Group: "root:x:0:\ndaemon:x:1:\nadm:x:4:admin\nsudo:x:27:admin\nusers:x:100:\ntimesync:x:997:\n" +
			"docker:x:998:\nnogroup:x:65534:\nadmin:x:1000:\n",
		GShadow: "root:*::\ndaemon:*::\nadm:*::admin\nsudo:*::admin\nusers:*::\ntimesync:!*::\ndocker:!::\n" +
			"nogroup:*::\nadmin:!::\n",
		SubUID: "admin:100000:65536\n",
		SubGID: "admin:100000:65536\n",
		LoginDefs: "# comment\nMAIL_DIR /var/mail\nUMASK\t\t022\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\n" +
			"PASS_WARN_AGE\t7\nUID_MIN\t\t\t 1000\nUID_MAX\t\t\t60000\nGID_MIN 1000\nGID_MAX 60000\n" +
			"SUB_UID_MIN 100000\nSUB_UID_MAX 600100000\nSUB_UID_COUNT 65536\nSUB_GID_MIN 100000\n" +
			"SUB_GID_MAX 600100000\nSUB_GID_COUNT 65536\nUSERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
		UseraddDefaults: "# defaults\nSHELL=/bin/sh\n",
	}
}

// step is one entry of a config: exactly one of the fields is set.
type step struct {
	user  *UserRequest
	group *GroupRequest
	gone  string // user to be removed
	goneG string // group to be removed
}

func user(r UserRequest) step   { return step{user: &r} }
func group(r GroupRequest) step { return step{group: &r} }
func p[T any](v T) *T           { return &v }
func with(f File, text string) func(Texts) {
	return func(t Texts) { t[f] = text }
}
func without(f File) func(Texts)        { return func(t Texts) { delete(t, f) } }
func more(f File, s string) func(Texts) { return func(t Texts) { t[f] += s } }

var cases = []struct {
	name  string
	start []func(Texts)
	steps []step
	fails bool // the last step does, with both
}{
	{name: "plain user", steps: []step{user(UserRequest{Name: "core"})}},
	{name: "password", steps: []step{user(UserRequest{Name: "core", Password: p("$6$salt$hash")})}},
	{name: "empty password", steps: []step{user(UserRequest{Name: "core", Password: p("")})}},
	{name: "two users", steps: []step{user(UserRequest{Name: "a"}), user(UserRequest{Name: "b"})}},
	{name: "uid", steps: []step{user(UserRequest{Name: "core", UID: p(4000)})}},
	{name: "uid then next", steps: []step{user(UserRequest{Name: "a", UID: p(4000)}), user(UserRequest{Name: "b"})}},
	{name: "uid below the range", steps: []step{user(UserRequest{Name: "core", UID: p(500)})}},
	{name: "uid above the range", steps: []step{user(UserRequest{Name: "core", UID: p(70000)})}},
	{name: "uid taken", steps: []step{user(UserRequest{Name: "core", UID: p(1000)})}, fails: true},
	{name: "private group's id taken", steps: []step{group(GroupRequest{Name: "g", GID: p(1001)}),
		user(UserRequest{Name: "core"})}},
	{name: "comment, home, shell", steps: []step{user(UserRequest{Name: "core", GECOS: "Core User",
		Home: "/var/home/core", Shell: "/bin/zsh"})}},
	{name: "primary group", steps: []step{user(UserRequest{Name: "core", PrimaryGroup: "users"})}},
	{name: "primary group by number", steps: []step{user(UserRequest{Name: "core", PrimaryGroup: "100"})}},
	{name: "unknown primary group", steps: []step{user(UserRequest{Name: "core", PrimaryGroup: "nope"})}, fails: true},
	{name: "groups", steps: []step{user(UserRequest{Name: "core", Groups: []string{"sudo", "docker", "adm"}})}},
	{name: "groups by number", steps: []step{user(UserRequest{Name: "core", Groups: []string{"27"}})}},
	{name: "unknown group", steps: []step{user(UserRequest{Name: "core", Groups: []string{"sudo", "nope"}})}, fails: true},
	{name: "no user group", steps: []step{user(UserRequest{Name: "core", NoUserGroup: true})}},
	{name: "no user group, other default", start: []func(Texts){more(UseraddDefaults, "GROUP=27\n")},
		steps: []step{user(UserRequest{Name: "core", NoUserGroup: true})}},
	{name: "system user", steps: []step{user(UserRequest{Name: "svc", System: true})}},
	{name: "three system users", steps: []step{user(UserRequest{Name: "a", System: true}),
		user(UserRequest{Name: "b", System: true}), user(UserRequest{Name: "c", System: true, Password: p("h")})}},
	{name: "system user with uid", steps: []step{user(UserRequest{Name: "svc", System: true, UID: p(300)})}},
	{name: "lowest system id used", start: []func(Texts){more(Passwd, "low:x:101:1::/:/bin/sh\n"),
		more(Group, "low:x:101:\n")}, steps: []step{user(UserRequest{Name: "svc", System: true})}},
	{name: "highest id used", start: []func(Texts){more(Passwd, "high:x:60000:1::/:/bin/sh\n"),
		more(Group, "high:x:60000:\n")}, steps: []step{user(UserRequest{Name: "core"})}},
	{name: "group of that name", steps: []step{user(UserRequest{Name: "docker"})}, fails: true},
	{name: "group of that name as primary", steps: []step{user(UserRequest{Name: "docker", PrimaryGroup: "docker"})}},
	{name: "relaxed name", steps: []step{user(UserRequest{Name: "Some.One@x"})}},
	{name: "bad name", steps: []step{user(UserRequest{Name: "-x"})}, fails: true},
	{name: "blank in name", steps: []step{user(UserRequest{Name: "a b"})}, fails: true},
	{name: "colon in comment", steps: []step{user(UserRequest{Name: "core", GECOS: "a:b"})}, fails: true},
	{name: "relative shell", steps: []step{user(UserRequest{Name: "core", Shell: "zsh"})}, fails: true},
	{name: "defaults", start: []func(Texts){with(UseraddDefaults, "SHELL=/bin/zsh\nHOME=/users\nINACTIVE=30\nEXPIRE=2030-03-01\n")},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "no defaults", start: []func(Texts){without(UseraddDefaults)}, steps: []step{user(UserRequest{Name: "core"})}},
	{name: "no login.defs", start: []func(Texts){without(LoginDefs)}, steps: []step{user(UserRequest{Name: "core"})}},
	{name: "other ranges", start: []func(Texts){with(LoginDefs, "UID_MIN 500\nUID_MAX 600\nGID_MIN 0500\nGID_MAX 700\n"+
		"SYS_UID_MIN 200\nSYS_UID_MAX 210\nSYS_GID_MIN 0xC8\nUSERGROUPS_ENAB yes\nPASS_MAX_DAYS \"90\"\n")},
		steps: []step{user(UserRequest{Name: "a"}), user(UserRequest{Name: "b", System: true})}},
	{name: "aging", start: []func(Texts){with(LoginDefs, "PASS_MAX_DAYS 90\nPASS_MIN_DAYS 3\nPASS_WARN_AGE 14\nUSERGROUPS_ENAB no\n")},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "no shadow", start: []func(Texts){without(Shadow)}, steps: []step{user(UserRequest{Name: "core", Password: p("h")})}},
	{name: "no gshadow", start: []func(Texts){without(GShadow)}, steps: []step{
		user(UserRequest{Name: "core", Groups: []string{"sudo"}}), group(GroupRequest{Name: "g", Password: "h"}),
		group(GroupRequest{Name: "plain"})}},
	{name: "no subordinate ids", start: []func(Texts){without(SubUID), without(SubGID)},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "hole in subordinate ids", start: []func(Texts){with(SubUID, "z:300000:65536\na:100000:65536\n"),
		with(SubGID, "z:165536:65536\na:100000:65536\nm:231072:1\n")}, steps: []step{user(UserRequest{Name: "core"})}},
	{name: "subordinate ids there already", start: []func(Texts){more(SubUID, "core:500000:1000\n")},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "no newline at the end", start: []func(Texts){with(Passwd, "root:x:0:0:root:/root:/bin/bash"),
		with(Group, "root:x:0:"), with(Shadow, "root:*:1:::::::\nx"), with(GShadow, "root:*::")},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "nis at the end", start: []func(Texts){more(Passwd, "+::::::\n"), more(Group, "+:::\n")},
		steps: []step{user(UserRequest{Name: "core"})}},
	{name: "lines not understood", start: []func(Texts){more(Passwd, "# comment\nbroken:line\n"), more(Group, "\n#x\n")},
		steps: []step{user(UserRequest{Name: "core"})}},

	{name: "change nothing", steps: []step{user(UserRequest{Name: "admin"})}},
	{name: "change password", steps: []step{user(UserRequest{Name: "admin", Password: p("$y$new")})}},
	{name: "lock by empty password", steps: []step{user(UserRequest{Name: "root", Password: p("")})}},
	{name: "change uid", steps: []step{user(UserRequest{Name: "admin", UID: p(1234)})}},
	{name: "change to the same uid", steps: []step{user(UserRequest{Name: "admin", UID: p(1000)})}},
	{name: "change to a taken uid", steps: []step{user(UserRequest{Name: "admin", UID: p(1)})}, fails: true},
	{name: "change comment and shell", steps: []step{user(UserRequest{Name: "admin", GECOS: "New", Shell: "/bin/sh"})}},
	{name: "change home", steps: []step{user(UserRequest{Name: "admin", Home: "/srv/admin"})}},
	{name: "change primary group", steps: []step{user(UserRequest{Name: "admin", PrimaryGroup: "users"})}},
	{name: "replace groups", steps: []step{user(UserRequest{Name: "admin", Groups: []string{"docker", "adm"}})}},
	{name: "change with unknown group", steps: []step{user(UserRequest{Name: "admin", Groups: []string{"nope"}})}, fails: true},
	{name: "password without a shadow line", start: []func(Texts){with(Shadow, "root:*:19000:0:99999:7:::\n")},
		steps: []step{user(UserRequest{Name: "admin", Password: p("h")})}},
	{name: "password in passwd", start: []func(Texts){with(Shadow, "root:*:19000:0:99999:7:::\n"),
		with(Passwd, "root:x:0:0:root:/root:/bin/bash\nadmin:old:1000:1000::/home/admin:/bin/bash\n")},
		steps: []step{user(UserRequest{Name: "admin", Password: p("h")})}},
	{name: "password without shadow file", start: []func(Texts){without(Shadow)},
		steps: []step{user(UserRequest{Name: "admin", Password: p("h")})}},
	{name: "add, then change", steps: []step{user(UserRequest{Name: "core"}),
		user(UserRequest{Name: "core", Groups: []string{"sudo"}, Password: p("h")})}},

	{name: "group", steps: []step{group(GroupRequest{Name: "g"})}},
	{name: "group with gid and password", steps: []step{group(GroupRequest{Name: "g", GID: p(5000), Password: "h"})}},
	{name: "groups one after another", steps: []step{group(GroupRequest{Name: "g", GID: p(5000)}),
		group(GroupRequest{Name: "h"}), group(GroupRequest{Name: "i", System: true})}},
	{name: "gid taken", steps: []step{group(GroupRequest{Name: "g", GID: p(27)})}, fails: true},
	{name: "bad group name", steps: []step{group(GroupRequest{Name: "a:b"})}, fails: true},
	{name: "change nothing of a group", steps: []step{group(GroupRequest{Name: "admin"})}},
	{name: "change gid of a primary group", steps: []step{group(GroupRequest{Name: "admin", GID: p(2000)})}},
	{name: "change group password", steps: []step{group(GroupRequest{Name: "sudo", Password: "h"})}},
	{name: "group password without gshadow line", start: []func(Texts){with(GShadow, "root:*::\n")},
		steps: []step{group(GroupRequest{Name: "sudo", Password: "h"})}},
	{name: "group and user in it", steps: []step{group(GroupRequest{Name: "wheel", GID: p(10)}),
		user(UserRequest{Name: "core", Groups: []string{"wheel"}, PrimaryGroup: "users"})}},

	{name: "remove user", steps: []step{{gone: "admin"}}},
	{name: "remove absent user", steps: []step{{gone: "nope"}}},
	{name: "remove user whose group has members", start: []func(Texts){
		with(Group, "root:x:0:\nadmin:x:1000:daemon\n"), with(GShadow, "root:*::\nadmin:!:admin:daemon,admin\n")},
		steps: []step{{gone: "admin"}}},
	{name: "remove user whose group is another's", start: []func(Texts){more(Passwd, "b:x:1001:1000::/:/bin/sh\n")},
		steps: []step{{gone: "admin"}}},
	{name: "remove and add", steps: []step{{gone: "admin"}, user(UserRequest{Name: "admin"})}},
	{name: "remove group", steps: []step{{goneG: "docker"}}},
	{name: "remove absent group", steps: []step{{goneG: "nope"}}},
	{name: "remove primary group", steps: []step{{goneG: "admin"}}, fails: true},
}

// TestDifferential runs every case with Debian's tools as well and compares all six files.
func TestDifferential(t *testing.T) {
	tools := true
	for _, tool := range []string{"useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "pwck", "grpck"} {
		if _, err := exec.LookPath(tool); err != nil {
			tools = false
		}
	}
	if !tools || os.Getuid() != 0 {
		t.Skip("comparing with the shadow suite needs its programs, and root to run them in a directory")
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			texts := start()
			for _, change := range c.start {
				change(texts)
			}
			dir := t.TempDir()
			write(t, dir, texts)
			ours := Texts{}
			for f, text := range texts {
				ours[f] = text
			}
			for i, s := range c.steps {
				fails := c.fails && i == len(c.steps)-1
				known, err := ours.run(s)
				if (err != nil) != fails {
					t.Fatalf("step %d: %v", i, err)
				}
				out, err := s.tool(known, dir).CombinedOutput()
				if (err != nil) != fails {
					t.Fatalf("step %d with the tools: %v: %s", i, err, out)
				}
			}
			if diff := cmp.Diff(read(t, dir), only(ours)); diff != "" {
				t.Errorf("-tools +ours:\n%s", diff)
			}
			before := complaints(t, texts)
			for line := range complaints(t, ours) {
				if !before[line] {
					t.Error(line)
				}
			}
		})
	}
}

// run is one entry done by the editor; known says whether the account was there.
func (t Texts) run(s step) (known bool, err error) {
	db := Parse(t, today)
	switch {
	case s.user != nil:
		_, known = db.User(s.user.Name)
		_, err = db.SetUser(*s.user)
	case s.group != nil:
		_, known = db.GroupID(s.group.Name)
		_, err = db.SetGroup(*s.group)
	case s.gone != "":
		_, known = db.User(s.gone)
		_, err = db.RemoveUser(s.gone)
	default:
		_, known = db.GroupID(s.goneG)
		_, err = db.RemoveGroup(s.goneG)
	}
	if err == nil {
		for f, text := range db.Changed() {
			t[f] = text
		}
	}
	return known, err
}

// tool is the same entry for the tools.
func (s step) tool(known bool, dir string) *exec.Cmd {
	var words []string
	switch {
	case s.user != nil:
		words = s.user.words(known)
	case s.group != nil:
		words = s.group.words(known)
	case known && s.gone != "":
		words = []string{"userdel", s.gone}
	case known:
		words = []string{"groupdel", s.goneG}
	default:
		words = []string{"true"}
	}
	words = append([]string{words[0], "--root", dir}, words[1:]...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.Itoa(today*86400+5), "LC_ALL=C")
	return cmd
}

func (r UserRequest) words(known bool) []string {
	w := []string{"useradd"}
	if known {
		w = []string{"usermod"}
	}
	opt := func(name, value string) {
		if value != "" {
			w = append(w, name, value)
		}
	}
	flag := func(name string, on bool) {
		if on && !known {
			w = append(w, name)
		}
	}
	if known {
		opt("--home", r.Home)
	} else {
		opt("--home-dir", r.Home)
	}
	flag("--no-create-home", true)
	flag("--no-user-group", r.NoUserGroup)
	flag("--system", r.System)
	if r.Password != nil || !known {
		opt("--password", r.password())
	}
	if r.UID != nil {
		opt("--uid", strconv.Itoa(*r.UID))
	}
	opt("--comment", r.GECOS)
	opt("--gid", r.PrimaryGroup)
	opt("--groups", strings.Join(r.Groups, ","))
	opt("--shell", r.Shell)
	return append(w, "--", r.Name)
}

func (r GroupRequest) words(known bool) []string {
	w := []string{"groupadd"}
	if known {
		w = []string{"groupmod"}
	}
	if r.GID != nil {
		w = append(w, "--gid", strconv.Itoa(*r.GID))
	}
	if r.Password != "" {
		w = append(w, "--password", r.Password)
	}
	if r.System && !known {
		w = append(w, "--system")
	}
	return append(w, "--", r.Name)
}

func write(t *testing.T, dir string, texts Texts) {
	t.Helper()
	for f, text := range texts {
		name := filepath.Join(dir, string(f))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir string) Texts {
	t.Helper()
	texts := Texts{}
	for _, f := range Files() {
		if text, err := os.ReadFile(filepath.Join(dir, string(f))); err == nil {
			texts[f] = string(text)
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return texts
}

func only(t Texts) Texts {
	texts := Texts{}
	for _, f := range Files() {
		if text, ok := t[f]; ok {
			texts[f] = text
		}
	}
	return texts
}

// complaints are what pwck and grpck say to the texts. Missing home directories and shells are not the editor's.
func complaints(t *testing.T, texts Texts) map[string]bool {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, texts)
	found := map[string]bool{}
	for _, tool := range []string{"pwck", "grpck"} {
		out, _ := exec.Command(tool, "--read-only", "--root", dir).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.Contains(line, "no changes") && !strings.Contains(line, "program '") &&
				!strings.Contains(line, "directory '") {
				found[tool+": "+line] = true
			}
		}
	}
	return found
}
