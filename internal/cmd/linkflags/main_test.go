// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTranslate has the flags that packages of distributions pass, and every wrong one.
func TestTranslate(t *testing.T) {
	const peer = "github.com/coreos/ignition/v2/internal/"
	for _, c := range []struct{ name, flags, want, note, fault string }{
		{name: "nothing", flags: "  "},
		{name: "other flags are passed on", flags: "-w -linkmode external -extldflags '-static -Wl,-z,relro'", want: "-w -linkmode external -extldflags '-static -Wl,-z,relro'"},
		{
			name:  "openSUSE",
			flags: "-X " + peer + "distro.selinuxRelabel=false -X " + peer + "distro.writeAuthorizedKeysFragment=false ",
			want:  "-X " + module + "engine.selinuxRelabel=false -X " + module + "engine.writeKeyFragment=false",
		},
		{
			name:  "a fork",
			flags: "-X github.com/flatcar/ignition/v2/internal/version.Raw=2.24.0 -X=github.com/flatcar/ignition/v2/internal/distro.kargsCmd=/usr/sbin/kargs",
			want:  "-X " + module + "version.version=2.24.0 -X " + module + "engine.kargsHelper=/usr/sbin/kargs",
		},
		{
			name:  "our own names",
			flags: "-X " + module + "engine.systemDir=/usr/share/ignition '-X' '" + module + "engine.programReplacements=mount=/bin/mount mkswap=/sbin/mkswap'",
			want:  "-X " + module + "engine.systemDir=/usr/share/ignition -X '" + module + "engine.programReplacements=mount=/bin/mount mkswap=/sbin/mkswap'",
		},
		{
			name:  "programs are collected",
			flags: "-X " + peer + "distro.mdadmCmd=/opt/bin/mdadm -X " + peer + "distro.mountCmd=/usr/bin/mount",
			want:  "-X '" + module + "engine.programReplacements=mdadm=/opt/bin/mdadm mount=/usr/bin/mount'",
		},
		{name: "no result file", flags: "-X " + peer + "distro.resultFilePath=", want: "-X " + module + "engine.resultFile="},
		{name: "work of our own", flags: "-X " + peer + "distro.useraddCmd=/usr/sbin/useradd", note: "useraddCmd: firstlight does that work itself"},

		{name: "unknown", flags: "-X " + peer + "distro.selinuxRelable=false", fault: "distro.selinuxRelable does not exist; there are engine.{kernelCmdlinePath,"},
		{name: "unknown package", flags: "-X main.version=1.0", fault: "main.version does not exist"},
		{name: "no package", flags: "-X selinuxRelabel=false", fault: "selinuxRelabel does not exist"},
		{name: "no boolean", flags: "-X " + peer + "distro.selinuxRelabel=no", fault: `selinuxRelabel: "no" is not true, 1, false or 0`},
		{name: "no path", flags: "-X " + module + "engine.systemDir=usr/lib", fault: `systemDir: "usr/lib" is not an absolute path`},
		{name: "no program", flags: "-X " + peer + "distro.kargsCmd=", fault: `kargsCmd: "" is neither`},
		{name: "program not called", flags: "-X '" + module + "engine.programReplacements=mkfs.ext3=/sbin/mkfs.ext3'", fault: `"mkfs.ext3=/sbin/mkfs.ext3" is not NAME=PROGRAM`},
		{name: "a commit hash", flags: "-X " + module + "version.version=7235be5", fault: `version: "7235be5" is not a version`},
		{name: "no value", flags: "-X " + module + "engine.systemDir", fault: "systemDir: it has no value"},
		{name: "nothing behind -X", flags: "-X", fault: "nothing follows -X"},
		{name: "open quote", flags: "-X '" + module, fault: "quote ' is not closed"},
		{name: "all faults at once", flags: "-X a.b=1 -X c.d=2", fault: "c.d does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var notes strings.Builder
			got, err := translate(c.flags, &notes)
			switch {
			case c.fault == "" && err != nil:
				t.Fatal(err)
			case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
				t.Fatalf("error %v, want %q", err, c.fault)
			case c.fault == "" && got != c.want:
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.Contains(notes.String(), c.note) || c.note == "" && notes.Len() > 0 {
				t.Errorf("notes: %q, want %q", notes.String(), c.note)
			}
		})
	}
}

// TestSettings: the engine has a variable for each setting, and the other way round, and the page for distributions has a row.
func TestSettings(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../engine/distro.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, s := range group.Specs {
			v := s.(*ast.ValueSpec)
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			defaults[v.Names[0].Name] = text
		}
	}
	page, err := os.ReadFile("../../../docs/distributions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		value, ok := defaults[s.name]
		if err := s.check(value); !ok || err != nil {
			t.Errorf("%s: the default %q is not accepted, or there is no such variable: %v", s.name, value, err)
		}
		if !strings.Contains(string(page), "\n| `"+s.name+"` | "+shown(s.other)+" |") {
			t.Errorf("docs/distributions.md has no row | `%s` | %s |", s.name, shown(s.other))
		}
		delete(defaults, s.name)
	}
	for name := range defaults {
		t.Errorf("the variable %s of internal/engine has no row in settings", name)
	}
}

func shown(other string) string {
	if other == "" {
		return "–"
	}
	return "`" + other + "`"
}

// TestCalled: every program that the engine's packages name in a call may be replaced.
func TestCalled(t *testing.T) {
	call := regexp.MustCompile(`(?:Command\{\s*Name:\s*|\.Run\(ctx, |Program:\s*)"([a-z_.-]+[a-z0-9])"`)
	count := 0
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/fake/") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			count++
			if _, ok := called[m[1]]; !ok {
				t.Errorf("%s calls %s, which is not in the table", name, m[1])
			}
		}
		return err
	})
	if err != nil || count < 15 {
		t.Errorf("found %d calls (%v)", count, err)
	}
	for program, other := range called {
		if slices.Contains(ownWork, other) {
			t.Errorf("%s is called and is not", program)
		}
	}
}
