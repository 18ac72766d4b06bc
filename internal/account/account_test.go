// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestImageGroups: groups of /usr/lib/group are known, and copied into /etc/group when they gain a member.
func TestImageGroups(t *testing.T) {
	texts := start()
	texts[LibGroup] = "wheel:x:10:\ninput:x:104:\nsudo:x:127:\n"
	texts[LibPasswd] = "dbus:x:81:81:System Bus:/:/usr/sbin/nologin\n"
	db := Parse(texts, today)
	if _, err := db.SetUser(UserRequest{Name: "core", Groups: []string{"wheel", "sudo"}}); err != nil {
		t.Fatal(err)
	}
	changed := db.Changed()
	for _, line := range []string{"wheel:x:10:core\n", "sudo:x:27:admin,core\n"} {
		if !strings.Contains(changed[Group], line) {
			t.Errorf("no line %q in %s", line, changed[Group])
		}
	}
	if strings.Contains(changed[Group], "input") {
		t.Error("a group without a new member was copied")
	}
	if _, err := db.RemoveGroup("input"); err == nil {
		t.Error("a group of the image was removed")
	}
	if c, err := db.SetUser(UserRequest{Name: "dbus"}); err != nil || c.UID != 81 || strings.Contains(db.Changed()[Passwd], "dbus") {
		t.Errorf("a user of the image that should not change: %+v, %v", c, err)
	}
	if _, err := db.SetUser(UserRequest{Name: "dbus", Shell: "/bin/sh"}); err != nil ||
		!strings.Contains(db.Changed()[Passwd], "dbus:x:81:81:System Bus:/:/bin/sh\n") {
		t.Errorf("a user of the image that should change: %v", err)
	}
	if _, err := db.SetUser(UserRequest{Name: "x", UID: p(81)}); err == nil {
		t.Error("the id of a user of the image was taken")
	}
}

// TestRedacted: without hashes the editor makes the same choices.
func TestRedacted(t *testing.T) {
	for _, c := range cases {
		texts := start()
		for _, change := range c.start {
			change(texts)
		}
		db, redacted := Parse(texts, today), Parse(texts.Redact(), today)
		for _, s := range c.steps {
			a, errA := do(db, s)
			b, errB := do(redacted, s)
			if diff := cmp.Diff(a, b); diff != "" || (errA == nil) != (errB == nil) {
				t.Errorf("%s: %v, %v, %s", c.name, errA, errB, diff)
			}
		}
	}
	if strings.Contains(start().Redact()[Shadow], "$6$") {
		t.Error("a hash is left")
	}
}

func do(db *DB, s step) (Change, error) {
	switch {
	case s.user != nil:
		return db.SetUser(*s.user)
	case s.group != nil:
		return db.SetGroup(*s.group)
	case s.gone != "":
		return db.RemoveUser(s.gone)
	}
	return db.RemoveGroup(s.goneG)
}

func TestNoIDsLeft(t *testing.T) {
	texts := start()
	texts[LoginDefs] = "UID_MIN 1000\nUID_MAX 1001\nUSERGROUPS_ENAB no\n"
	db := Parse(texts, today)
	if _, err := db.SetUser(UserRequest{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SetUser(UserRequest{Name: "b"}); err == nil || !strings.Contains(err.Error(), "from 1000 to 1001") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownGroup(t *testing.T) {
	_, err := Parse(start(), today).SetUser(UserRequest{Name: "a", Groups: []string{"duck"}})
	var unknown *UnknownError
	if !errors.As(err, &unknown) || unknown.Name != "duck" {
		t.Errorf("got %v", err)
	}
}

func TestDays(t *testing.T) {
	for _, c := range [][4]int{{1970, 1, 1, 0}, {2000, 2, 29, 11016}, {2030, 3, 1, 21974}, {1969, 12, 31, -1}, {2100, 3, 1, 47541}} {
		if got := days(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%v: got %d", c, got)
		}
	}
}

// FuzzParse: what is not changed stays byte for byte, and no text makes the editor fail in a way of its own.
func FuzzParse(f *testing.F) {
	for _, text := range start() {
		f.Add(text)
	}
	f.Add("a::::::\n:x\n\n+:::\na:b:99999999999:\n#")
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range Files() {
			if got := parseTable(text, layouts[file], true).text(); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(text, "\n") {
				t.Errorf("%s: %q became %q", file, text, got)
			}
		}
		texts := Texts{}
		for _, file := range Sources() {
			texts[file] = text
		}
		db := Parse(texts, today)
		_, _ = db.SetUser(UserRequest{Name: "u", Groups: []string{"g", "root"}})
		_, _ = db.SetGroup(GroupRequest{Name: "g"})
		_, _ = db.RemoveUser("u")
		_, _ = db.RemoveGroup("g")
	})
}
