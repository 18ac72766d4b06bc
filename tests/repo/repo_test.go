// SPDX-License-Identifier: Apache-2.0

// Package repo tests the rules of the project itself: who may import whom, what is documented, what is linked, and how large
// the engine is.
package repo

import (
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const (
	module = "github.com/firstlight-boot/firstlight"
	top    = "../.."
)

var update = flag.Bool("update", false, "rewrite the list of linked packages")

type pkg struct {
	ImportPath, Dir, Name string
	Imports, Deps         []string
	GoFiles               []string
	Standard              bool
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Name,Imports,Deps,GoFiles,Standard"}, args...)...)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestForbidden keeps out packages that would make the engine too large or dependent on the C library.
func TestForbidden(t *testing.T) {
	for _, p := range list(t, "./config/...", "./internal/...") {
		for _, i := range p.Imports {
			if i == "C" || i == "text/template" || i == "html/template" {
				t.Errorf("%s imports %s: no cgo, and nothing that keeps every exported method in the binary", short(p.ImportPath), i)
			}
		}
	}
}

// TestSorting keeps out the generic sorting functions of slices: each type adds 15 kB to the engine.
func TestSorting(t *testing.T) {
	for _, p := range list(t, "./config/...", "./internal/...") {
		if name := short(p.ImportPath); name == "internal/docgen" || name == "internal/sys/fake" { // not in the programs
			continue
		}
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if f := regexp.MustCompile(`slices\.Sort(ed)?(Stable)?Func`).Find(text); f != nil {
				t.Errorf("%s of %s uses %s; use sort.Slice or sort.SliceStable, which exist once", file, short(p.ImportPath), f)
			}
		}
	}
}

// TestTheMachine keeps effects on the machine behind sys and rootfs.
func TestTheMachine(t *testing.T) {
	const exec, unix, sysnum = "os/exec", "golang.org/x/sys/unix", "syscall"
	allowed := map[string][]string{
		"internal/sys":          {exec, unix}, // the machine
		"internal/sys/guest":    {unix},       // config drives and the guest's ends of hypervisors' channels
		"internal/rootfs":       {unix},       // the target root
		"internal/sys/fake":     {unix},       // numbers of errors, as the kernel returns them
		"internal/metadata":     {sysnum},     // numbers of network errors
		"internal/fetch/origin": {sysnum},     // numbers of network errors
	}
	for _, p := range list(t, "./config/...", "./internal/...") {
		name := short(p.ImportPath)
		for _, i := range p.Imports {
			if slices.Contains([]string{exec, unix, sysnum}, i) && !slices.Contains(allowed[name], i) {
				t.Errorf("%s imports %s: only sys, sys/guest and rootfs touch the machine", name, i)
			}
		}
	}
}

// TestDocumented checks that every package and every exported name outside of tests has a comment.
func TestDocumented(t *testing.T) {
	for _, p := range list(t, "./config/...", "./internal/...", "./tests/...") {
		if len(p.GoFiles) == 0 {
			continue
		}
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		d, err := doc.NewFromFiles(files, parsed, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		if d.Doc == "" {
			t.Errorf("package %s has no comment", p.ImportPath)
		}
		for _, name := range undocumented(d) {
			t.Errorf("%s.%s has no comment", p.ImportPath, name)
		}
	}
}

func undocumented(d *doc.Package) []string {
	var names []string
	// Methods of well-known interfaces need no comment.
	known := []string{"Error", "Unwrap", "String"}
	function := func(prefix string, f *doc.Func) {
		if f.Doc == "" && !(prefix != "" && slices.Contains(known, f.Name)) && ast.IsExported(f.Name) {
			names = append(names, prefix+f.Name)
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			if v.Doc == "" && !commented(v.Decl) {
				names = append(names, strings.Join(v.Names, ", "))
			}
		}
	}
	for _, f := range d.Funcs {
		function("", f)
	}
	values(d.Consts)
	values(d.Vars)
	for _, typ := range d.Types {
		if typ.Doc == "" && ast.IsExported(typ.Name) {
			names = append(names, typ.Name)
		}
		values(typ.Consts)
		values(typ.Vars)
		for _, f := range append(typ.Funcs, typ.Methods...) {
			function(typ.Name+".", f)
		}
	}
	return names
}

// commented reports whether every name of a group has its own comment.
func commented(d *ast.GenDecl) bool {
	for _, s := range d.Specs {
		if v, ok := s.(*ast.ValueSpec); ok && v.Doc == nil && v.Comment == nil {
			return false
		}
	}
	return true
}

// linked lists the packages of other modules that the engine links, as a golden, so that a new dependency shows.
func TestLinked(t *testing.T) {
	var names []string
	for _, p := range list(t, "-deps", "./internal/cmd/engine") {
		if !p.Standard && !strings.HasPrefix(p.ImportPath, module) {
			names = append(names, p.ImportPath)
		}
	}
	slices.Sort(names)
	got := strings.Join(names, "\n") + "\n"
	const golden = "testdata/linked.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the engine links\n%s\nwhich is not %s; if that is meant, say in the commit what it costs and brings, and run this test with -update", got, golden)
	}
}

// Budgets of stripped programs, in bytes.
const (
	engineBudget = 9_700_000
	toolBudget   = 6_000_000
)

func TestSize(t *testing.T) {
	cmd := exec.Command("./build")
	cmd.Dir, cmd.Stderr = top, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for name, budget := range map[string]int64{"ignition": engineBudget, "firstlight": toolBudget} {
		info, err := os.Stat(filepath.Join(top, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes of %d", name, info.Size(), budget)
		if info.Size() > budget {
			t.Errorf("%s has %d bytes, its budget is %d", name, info.Size(), budget)
		}
	}
}

// tracked returns the texts of the files that git tracks, by name; patterns are those of git ls-files.
func tracked(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", top, "ls-files"}, patterns...)...).Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	texts := map[string]string{}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if text, err := os.ReadFile(filepath.Join(top, name)); err == nil {
			texts[name] = string(text)
		}
	}
	return texts
}

// TestLicense checks that every source file has the license's name in its first lines.
func TestLicense(t *testing.T) {
	for name, text := range tracked(t, "*.go", "*.sh", "build", "dracut", ".ci/run") {
		if filepath.Ext(name) == ".conf" || strings.Contains(name, "/testdata/") {
			continue
		}
		if !strings.Contains(text[:min(len(text), 200)], "SPDX-License-Identifier: Apache-2.0") {
			t.Errorf("%s does not name its license", name)
		}
	}
}

// TestWords checks the spelling of code and pages, which is American, as in Go and the kernel. Each line of testdata/words.txt has a
// word to avoid and the one to write.
func TestWords(t *testing.T) {
	list, err := os.ReadFile("testdata/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	instead := map[string]string{}
	for line := range strings.Lines(string(list)) {
		avoid, write, _ := strings.Cut(strings.TrimSpace(line), " ")
		instead[avoid] = write
	}
	for name, text := range tracked(t, "*.go", "*.md", "*.sh", "build", "dracut") {
		if strings.HasPrefix(name, "tests/contract/testdata/") { // texts of others
			continue
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			for _, word := range strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) }) {
				if better := instead[strings.ToLower(word)]; better != "" {
					t.Errorf("%s:%d: write %s, not %s", name, number, better, word)
				}
			}
		}
	}
}
