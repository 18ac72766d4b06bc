// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/types"
)

// TestShortLines: a user whose line ends early exists. It is not made a second time, and the line is completed when it
// changes.
func TestShortLines(t *testing.T) {
	texts := start()
	texts[Passwd] += "core:x:500:500::/home/core\n  lead:x:501:501:::\n"
	texts[Group] += "short:x:700\n"
	texts[Shadow] += "core:*:1:0:99999\n"
	db := Parse(texts, today)
	if c, err := db.SetUser(UserRequest{Name: "core"}); err != nil || c.Verb != Modify || c.UID != 500 || len(db.Changed()) > 0 {
		t.Errorf("a short line that should not change: %+v, %v, %v", c, err, db.Changed())
	}
	if _, err := db.SetUser(UserRequest{Name: "other", UID: p(500)}); err == nil {
		t.Error("the id of a short line was taken")
	}
	for _, r := range []UserRequest{{Name: "core", Password: p("h"), Groups: []string{"short"}}, {Name: "lead", Shell: "/bin/sh"}} {
		if _, err := db.SetUser(r); err != nil {
			t.Fatal(err)
		}
	}
	changed := db.Changed()
	for f, line := range map[File]string{
		Passwd: "core:x:500:500::/home/core\nlead:x:501:501:::/bin/sh\n", Shadow: "core:h:19675:0:99999::::\n", Group: "short:x:700:core\n",
	} {
		if !strings.Contains(changed[f], line) {
			t.Errorf("%s has no %q:\n%s", f, line, changed[f])
		}
	}
}

// TestDefaultGroup: GROUP= of the useradd defaults is a name or a number; anything that is not a group is replaced by group 100.
func TestDefaultGroup(t *testing.T) {
	for _, c := range []struct {
		setting string
		gid     int
		warning string
	}{
		{"", 100, ""},
		{"GROUP=27", 27, ""},
		{"GROUP=docker", 998, ""},
		{"GROUP=gpio", 900, ""},
		{"GROUP=4242", 100, "GROUP=4242 in /etc/default/useradd is not the name or number of a group; the primary group is 100"},
		{"GROUP=staff", 100, "GROUP=staff in /etc/default/useradd is not the name or number of a group; the primary group is 100"},
		{"GROUP=", 100, "GROUP= in /etc/default/useradd is not the name or number of a group; the primary group is 100"},
	} {
		texts := start()
		texts[UseraddDefaults] += c.setting + "\n"
		texts["/usr/lib/sysusers.d/gpio.conf"] = "g gpio 900\n"
		change, err := Parse(texts, today).SetUser(UserRequest{Name: "core", NoUserGroup: true})
		if err != nil || change.GID != c.gid || change.Warning != c.warning {
			t.Errorf("%q: got %d, %q, %v", c.setting, change.GID, change.Warning, err)
		}
	}
}

// TestSysusers: a group that only sysusers.d has is made with its id when a user needs it, and known to owners of files.
func TestSysusers(t *testing.T) {
	texts := start()
	for name, text := range map[File]string{
		"/usr/lib/sysusers.d/10-a.conf": "# comment\ng gpio 900 -\nu svc 901 \"A Service\" /run/svc\ng dyn -\nu pair 902:27\nm core extra\n",
		"/usr/lib/sysusers.d/20-b.conf": "g gpio 999\nu! locked 903\ng taken 27\ng admin 905\ng \"quoted\" 906\ng %i 907\nr - 1-2\n",
		"/usr/lib/sysusers.d/30-c.conf": "g hidden 910\n",
		"/etc/sysusers.d/30-c.conf":     "",
		"/run/sysusers.d/20-a.conf":     "g fromrun 911\n",
		"/usr/lib/sysusers.d/README":    "g readme 912\n",
	} {
		texts[name] = text
	}
	db := Parse(texts, today)
	ids := map[string]int{}
	for _, name := range db.Groups() {
		if gid, ok := db.GroupID(name); ok {
			ids[name] = gid
		}
	}
	for name, want := range map[string]int{
		"gpio": 900, "svc": 901, "locked": 903, "quoted": 906, "fromrun": 911, "admin": 1000,
		"dyn": 0, "extra": 0, "pair": 0, "taken": 0, "hidden": 0, "readme": 0, "%i": 0,
	} {
		if ids[name] != want {
			t.Errorf("group %s: got %d, want %d", name, ids[name], want)
		}
	}
	if len(db.Changed()) > 0 {
		t.Error("looking groups up changed them")
	}
	if _, err := db.SetUser(UserRequest{Name: "core", Groups: []string{"gpio", "dyn", "taken", "extra", "sudo"}, PrimaryGroup: "svc"}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"gpio:x:900:core\n", "dyn:x:899:core\n", "taken:x:898:core\n", "extra:x:897:core\n", "svc:x:901:\n"} {
		if !strings.Contains(db.Changed()[Group], line) {
			t.Errorf("no line %q in\n%s", line, db.Changed()[Group])
		}
	}
	if !strings.Contains(db.Changed()[GShadow], "gpio:!::core\n") {
		t.Errorf("no gpio in %s", db.Changed()[GShadow])
	}
	if c, err := db.SetUser(UserRequest{Name: "locked"}); err != nil || c.GID == 903 {
		t.Errorf("a user whose own group sysusers.d declares: %+v, %v", c, err)
	}
	if _, err := db.SetUser(UserRequest{Name: "x", Groups: []string{"hidden"}}); err == nil {
		t.Error("a group of a hidden file was made")
	}
}

// TestIDs: ids that useradd and groupadd refuse are refused.
func TestIDs(t *testing.T) {
	for _, id := range ints(-1, -2, math.MaxUint32, math.MaxUint32+1, math.MaxInt64, math.MinInt64) {
		want := fmt.Sprintf("%d is not a valid", id)
		if _, err := Parse(start(), today).SetUser(UserRequest{Name: "u", UID: &id}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("uid %d: %v", id, err)
		}
		if _, err := Parse(start(), today).SetGroup(GroupRequest{Name: "g", GID: &id}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("gid %d: %v", id, err)
		}
	}
	for _, id := range ints(0, 1, 65535, math.MaxUint32-1) {
		if !types.ValidID(id) {
			t.Errorf("%d is refused", id)
		}
	}
	for _, id := range ints(math.MaxUint32 - 1) {
		if _, err := Parse(start(), today).SetUser(UserRequest{Name: "u", UID: &id}); err != nil {
			t.Error(err)
		}
	}
}

// ints returns the numbers that an int can have: it has 32 bits on some machines.
func ints(numbers ...int64) (list []int) {
	for _, n := range numbers {
		if int64(int(n)) == n {
			list = append(list, int(n))
		}
	}
	return list
}

// TestNames: lists of names keep their order, lose what is empty, and forget no name.
func TestNames(t *testing.T) {
	table := parseTable("g:x:1:a,b,,a, c\n", layouts[Group], true)
	l := table.find("g")
	for _, s := range []struct {
		name string
		in   bool
		want string
	}{{"d", true, "a,b,a,c,d"}, {"a", false, "b,c,d"}, {"a", true, "b,c,d,a"}, {"zz", false, "b,c,d,a"}, {"c", false, "b,d,a"}} {
		if table.member(l, 3, s.name, s.in); l.get(3) != s.want {
			t.Errorf("%v: got %s, want %s", s, l.get(3), s.want)
		}
	}
	if diff := cmp.Diff("g:x:1:b,d,a\n", table.text()); diff != "" {
		t.Error(diff)
	}
}

// TestHomes: users are found by the directories that their homes are in.
func TestHomes(t *testing.T) {
	texts := start()
	texts[Passwd] += "deep:x:2000:1::/home/admin/deep:/bin/sh\nodd:x:2001:1::/home/x/../odd:/bin/sh\nnone:x:2002:1:::/bin/sh\n"
	db := Parse(texts, today)
	if _, err := db.RemoveUser("admin"); err != nil {
		t.Fatal(err)
	}
	homes := db.Homes(func(name string) string { return strings.Replace(name, "/home/admin", "/srv/users", 1) })
	for dir, want := range map[string]string{
		"/home/admin": "deep", "/home/admin/deep/": "deep", "/home/adm": "", "/home/admin/deep/er": "", "/home/x": "", "/home/x/..": "deep",
		"/home/odd": "odd", "/": "root", "/root": "root", "/usr": "daemon",
		"/srv": "deep", "/srv/users/deep": "deep", "/srv/users/deep/er": "",
	} {
		if user, found := homes.Below(dir); user != want || found != (want != "") {
			t.Errorf("%s: got %q, want %q", dir, user, want)
		}
	}
}
