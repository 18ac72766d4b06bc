// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
)

// sizes are configs that grow in one way each.
var sizes = []struct {
	name   string
	config func(n int) (Texts, types.Passwd)
}{
	{"users", func(n int) (Texts, types.Passwd) { return start(), manyUsers(n, nil) }},
	{"users in one group", func(n int) (Texts, types.Passwd) { return start(), manyUsers(n, []string{"docker"}) }},
	{"users in ten groups each", func(n int) (Texts, types.Passwd) {
		c := manyGroups(n)
		c.Users = manyUsers(n, nil).Users
		for i := range c.Users {
			for j := range 10 {
				c.Users[i].Groups = append(c.Users[i].Groups, c.Groups[(i*7+j)%n].Name)
			}
		}
		return start(), c
	}},
	{"groups", func(n int) (Texts, types.Passwd) { return start(), manyGroups(n) }},
	{"users after the highest id", func(n int) (Texts, types.Passwd) {
		texts := start()
		texts[Passwd] += "high:x:60000:1::/:/bin/sh\n"
		return texts, manyUsers(n, nil)
	}},
	{"system users", func(n int) (Texts, types.Passwd) {
		texts, c := start(), manyUsers(n, nil)
		texts[LoginDefs] += "SYS_UID_MIN 2000\nSYS_UID_MAX 59999\nSYS_GID_MIN 2000\nSYS_GID_MAX 59999\n"
		for i := range c.Users {
			c.Users[i].System = p(true)
		}
		return texts, c
	}},
	{"users changed", func(n int) (Texts, types.Passwd) {
		texts, c := start(), manyUsers(n, []string{"docker", "sudo"})
		db := Parse(texts, today)
		db.Configure(c)
		for f, text := range db.Changed() {
			texts[f] = text
		}
		for i := range c.Users {
			c.Users[i].Groups, c.Users[i].PasswordHash = []string{"adm"}, p("$6$hash")
		}
		return texts, c
	}},
	{"users removed", func(n int) (Texts, types.Passwd) {
		texts, c := start(), manyUsers(n, []string{"docker"})
		db := Parse(texts, today)
		db.Configure(c)
		for f, text := range db.Changed() {
			texts[f] = text
		}
		for i := range c.Users {
			c.Users[i].ShouldExist = p(false)
		}
		return texts, c
	}},
	{"primary groups with new ids", func(n int) (Texts, types.Passwd) {
		texts, c := start(), manyUsers(n, nil)
		db := Parse(texts, today)
		db.Configure(c)
		for f, text := range db.Changed() {
			texts[f] = text
		}
		for i, u := range c.Users {
			c.Groups = append(c.Groups, types.Group{Name: u.Name, GID: p(100000 + i)})
		}
		c.Users = nil
		return texts, c
	}},
}

func manyUsers(n int, groups []string) types.Passwd {
	var c types.Passwd
	for i := range n {
		c.Users = append(c.Users, types.User{Name: fmt.Sprintf("user%d", i), Groups: groups})
	}
	return c
}

func manyGroups(n int) types.Passwd {
	var c types.Passwd
	for i := range n {
		c.Groups = append(c.Groups, types.Group{Name: fmt.Sprintf("group%d", i)})
	}
	return c
}

// edit does what planning and applying do with a config.
func edit(t testing.TB, texts Texts, config types.Passwd) {
	db := Parse(texts.Redact(), today)
	for _, r := range db.Configure(RedactConfig(config, func(path, _ string) string { return path })) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if _, err := db.Changed().Restore(texts, func(string) (string, bool) { return "$6$hash", true }); err != nil {
		t.Fatal(err)
	}
}

// TestGrowth: four times the input allocates about four times the memory and takes about four times the processor
// time. Where something grew with the square, both would be sixteen times as much.
func TestGrowth(t *testing.T) {
	for _, s := range sizes {
		const n = 1000
		oneBytes, one := cost(t, s.config, n)
		fourBytes, four := cost(t, s.config, 4*n)
		t.Logf("%-28s %6d entries %8v %5d MB; %6d entries %8v %5d MB", s.name,
			n, one.Round(time.Millisecond), oneBytes>>20, 4*n, four.Round(time.Millisecond), fourBytes>>20)
		if fourBytes > 6*oneBytes {
			t.Errorf("%s: memory grows %d times", s.name, fourBytes/oneBytes)
		}
		if four > 10*max(one, tick) {
			t.Errorf("%s: processor time grows from %v to %v", s.name, one, four)
		}
	}
}

// tick is the least processor time that is measured well.
const tick = 20 * time.Millisecond

// cost returns the bytes that an edit allocates, and the least processor time of some runs.
func cost(t *testing.T, config func(int) (Texts, types.Passwd), n int) (bytes uint64, least time.Duration) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what collecting garbage costs depends on the heap at hand
	texts, c := config(n)
	for range 4 {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := processor(t)
		edit(t, texts, c)
		took := processor(t) - begin
		runtime.ReadMemStats(&after)
		bytes = after.TotalAlloc - before.TotalAlloc
		if least == 0 || took < least {
			least = took
		}
	}
	return bytes, least
}

func processor(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}

func BenchmarkEdit(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name+" 8000", func(b *testing.B) {
			texts, c := s.config(8000)
			for b.Loop() {
				edit(b, texts, c)
			}
		})
	}
}
