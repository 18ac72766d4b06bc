// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// growing are configs that grow in one way each, with the target that they are for.
var growing = []struct {
	name   string
	config func(n int) (config, target string)
}{
	{"users", func(n int) (string, string) { return users(n, `"passwordHash":"h"`), base }},
	{"users with keys", func(n int) (string, string) { return users(n, `"sshAuthorizedKeys":["k"]`), base }},
	{"users in one group", func(n int) (string, string) { return users(n, `"groups":["sudo"],"noCreateHome":true`), base }},
	{"groups", func(n int) (string, string) {
		return `{"passwd":{"groups":[` + list(n, `{"name":"group%d"}`) + `]}}`, base
	}},
	{"units with drop-ins", func(n int) (string, string) {
		return units(n, `{"name":"u%[1]d.service","enabled":true,"contents":"[Install]\nWantedBy=multi-user.target\n","dropins":[{"name":"a.conf","contents":"[Service]\n"}]}`), ""
	}},
	{"disabled units, which the target has enabled", func(n int) (string, string) {
		return units(n, `{"name":"u%d.service","enabled":false}`), strings.ReplaceAll(list(n,
			`f /usr/lib/systemd/system/u%[1]d.service [Install]\nWantedBy=a.target\n|l /etc/systemd/system/a.target.wants/u%[1]d.service /usr/lib/systemd/system/u%[1]d.service`), "|", "\n")
	}},
	{"a chain of Also=", func(n int) (string, string) {
		return units(1, `{"name":"u%d.service","enabled":true}`), list(n, `f /usr/lib/systemd/system/u%[1]d.service [Install]\nWantedBy=a.target\nAlso=u%[2]d.service\n`)
	}},
	{"missing units among those of the target", func(n int) (string, string) {
		return units(n, `{"name":"missing%d.service","enabled":true}`), list(n, `f /usr/lib/systemd/system/u%d.service [Install]\n`)
	}},
	{"users removed with their homes", func(n int) (string, string) { return users(n, `"shouldExist":false`), members(n) }},
	{"home directories moved", func(n int) (string, string) {
		return `{"passwd":{"users":[` + list(n, `{"name":"user%[1]d","homeDir":"/srv/user%[1]d"}`) + `]}}`, members(n)
	}},
	{"users with new ids", func(n int) (string, string) {
		return `{"passwd":{"users":[` + list(n, `{"name":"user%[1]d","uid":3%05[1]d}`) + `]}}`, members(n)
	}},
	{"files in home directories", func(n int) (string, string) {
		return `{"storage":{"files":[` + list(n, `{"path":"/home/user%d/a/b"}`) + `]}}`, members(n)
	}},
	{"directories", func(n int) (string, string) {
		return `{"storage":{"directories":[` + list(n, `{"path":"/srv/d%d/a/b"}`) + `]}}`, ""
	}},
	{"directories that replace others", func(n int) (string, string) {
		return `{"storage":{"directories":[` + list(n, `{"path":"/srv/d%d","overwrite":true}`) + `]}}`, list(n, "d /srv/d%d")
	}},
	{"files below a chain of directories", func(n int) (string, string) {
		return `{"storage":{"files":[` + list(n, `{"path":"/srv/a/b/c/d/e/f/g/h/i/f%d"}`) + `]}}`, ""
	}},
	{"links to links", func(n int) (string, string) {
		return `{"storage":{"links":[` + list(n, `{"path":"/srv/l%[1]d","target":"/srv/l%[2]d"}`) + `]}}`, ""
	}},
	{"hard links", func(n int) (string, string) {
		return `{"storage":{"files":[{"path":"/srv/f"}],"links":[` + list(n, `{"path":"/srv/l%d","target":"/srv/f","hard":true}`) + `]}}`, ""
	}},
}

// list writes a line for each number, with the next number as a second argument.
func list(n int, form string) string {
	var lines []string
	for i := range n {
		line := fmt.Sprintf(form, i, i+1)
		line, _, _ = strings.Cut(line, "%!(EXTRA")
		lines = append(lines, line)
	}
	if strings.HasPrefix(form, "{") {
		return strings.Join(lines, ",")
	}
	return strings.Join(lines, "\n") + "\n"
}

// members is a target with users, each with a home directory.
func members(n int) string {
	passwd, group := "root:x:0:0::/root:/bin/sh\\n", "root:x:0:\\n"
	homes := ""
	for i := range n {
		passwd += fmt.Sprintf("user%[1]d:x:%[2]d:%[2]d::/home/user%[1]d:/bin/sh\\n", i, 2000+i)
		group += fmt.Sprintf("user%d:x:%d:\\n", i, 2000+i)
		homes += fmt.Sprintf("d /home/user%d 0700 %[2]d:%[2]d\n", i, 2000+i)
	}
	return "f /etc/passwd " + passwd + "\nf /etc/group " + group + "\n" + homes
}

func users(n int, more string) string {
	return `{"passwd":{"users":[` + list(n, `{"name":"user%d",`+more+`}`) + `]}}`
}

func units(n int, form string) string { return `{"systemd":{"units":[` + list(n, form) + `]}}` }

// TestGrowth runs the files stage on four times the entries: it takes about four times the processor time and allocates about
// four times the memory. With a square in it, both would be sixteen times as much.
func TestGrowth(t *testing.T) {
	const n = 500
	for _, g := range growing {
		config, target := g.config(n)
		one, oneBytes := stageCost(t, config, target)
		config, target = g.config(4 * n)
		four, fourBytes := stageCost(t, config, target)
		t.Logf("%-45s %5d: %6v %4d MB; %5d: %6v %4d MB", g.name, n, one.Round(time.Millisecond), oneBytes>>20, 4*n, four.Round(time.Millisecond), fourBytes>>20)
		if fourBytes > 6*oneBytes || four > 8*max(one, 50*time.Millisecond) {
			t.Errorf("%s: %v and %d MB become %v and %d MB", g.name, one, oneBytes>>20, four, fourBytes>>20)
		}
	}
}

// BenchmarkGrowth runs each of the configs with 10,000 entries.
func BenchmarkGrowth(b *testing.B) {
	for _, g := range growing {
		b.Run(g.name, func(b *testing.B) {
			config, target := g.config(10_000)
			doc, err := parse(config)
			if err != nil {
				b.Fatal(err)
			}
			on(b, doc, target)
		})
	}
}

// stageCost returns the processor time of a run, and the bytes that it allocates.
func stageCost(t *testing.T, config, target string) (took time.Duration, bytes uint64) {
	t.Helper()
	doc, err := parse(config)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	m.grow(t, target)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := processor()
	if err := m.run(doc); err != nil {
		t.Fatal(err)
	}
	took = processor() - began
	runtime.ReadMemStats(&after)
	if err := os.RemoveAll(m.dir); err != nil {
		t.Fatal(err)
	}
	return took, after.TotalAlloc - before.TotalAlloc
}
