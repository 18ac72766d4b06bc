// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"cmp"
	"debug/elf"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// platformsBudget is the limit of the bytes that all platforms together add to the engine.
const platformsBudget = 250_000

var each = flag.Bool("each", false, "print what each platform adds to the engine, which takes a minute")

// rows are the elements of the table of platforms.
type rows struct {
	file string
	text []byte
	ids  []string
	at   [][2]int // from the first byte of an element to its comma
}

func platformRows(t *testing.T) rows {
	t.Helper()
	r := rows{file: filepath.Join(top, "internal/platform/table.go")}
	var err error
	if r.file, err = filepath.Abs(r.file); err != nil {
		t.Fatal(err)
	}
	if r.text, err = os.ReadFile(r.file); err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, r.file, r.text, 0)
	if err != nil {
		t.Fatal(err)
	}
	table := tree.Scope.Lookup("table").Decl.(*ast.ValueSpec).Values[0].(*ast.CompositeLit)
	for _, e := range table.Elts {
		id := e.(*ast.CompositeLit).Elts[0].(*ast.KeyValueExpr).Value.(*ast.BasicLit).Value
		r.ids = append(r.ids, strings.Trim(id, `"`))
		r.at = append(r.at, [2]int{files.Position(e.Pos()).Offset, files.Position(e.End()).Offset + len(",")})
	}
	return r
}

// without returns the table without some rows.
func (r rows) without(ids ...string) string {
	var b strings.Builder
	from := 0
	for i, id := range r.ids {
		if slices.Contains(ids, id) {
			b.Write(r.text[from:r.at[i][0]])
			from = r.at[i][1]
		}
	}
	b.Write(r.text[from:])
	return b.String() + "\nvar (\n_ = http.StatusOK\n_ time.Duration\n_ = runtime.GOOS\n)\n" // the imports of removed rows
}

// sizes of an engine: the loaded bytes, and the bytes of code and data of each package.
type sizes struct {
	total    int64
	packages map[string]int64
}

// engineWithout builds the engine with symbols and without some platforms, otherwise as shipped.
func engineWithout(t *testing.T, r rows, ids ...string) sizes {
	t.Helper()
	dir := t.TempDir()
	table, overlay := filepath.Join(dir, "table.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{r.file: table}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{table: r.without(ids...), overlay: string(text)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("./build", "programs", dir)
	cmd.Dir, cmd.Stderr = top, os.Stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay, "GLDFLAGS=-s=false -w=false")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return measure(t, filepath.Join(dir, "ignition"))
}

func measure(t *testing.T, program string) sizes {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := sizes{packages: map[string]int64{}}
	for _, section := range file.Sections {
		if section.Flags&elf.SHF_ALLOC != 0 && section.Type != elf.SHT_NOBITS {
			s.total += int64(section.Size)
		}
	}
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range symbols {
		if i := int(y.Section); i < len(file.Sections) && file.Sections[i].Type != elf.SHT_NOBITS {
			s.packages[packageOf(y.Name)] += int64(y.Size)
		}
	}
	return s
}

// packageOf returns the import path in the name of a symbol. Tables that the linker makes of all packages have names with a
// colon.
func packageOf(symbol string) string {
	symbol, _, _ = strings.Cut(symbol, "[")
	if strings.Contains(symbol, ":") {
		return "types and tables"
	}
	start := strings.LastIndexByte(symbol, '/') + 1
	name, _, _ := strings.Cut(symbol[start:], ".")
	return symbol[:start] + name
}

// logic has the source files of the platforms with their own code.
var logic = map[string][]string{
	"applehv": {"applehv"}, "azure": {"azure"}, "brightbox": {"openstack"}, "cloudstack": {"cloudstack"}, "gcp": {"gcp"}, "hyperv": {"hyperv"},
	"nvidiabluefield": {"bluefield"}, "openstack": {"openstack"}, "packet": {"packet"}, "virtualbox": {"virtualbox"},
	"vmware": {"vmware", "ovf"}, "zvm": {"zvm"},
}

// TestPlatformLines prints the number of lines of each platform: its row, and its files if it has some.
func TestPlatformLines(t *testing.T) {
	r := platformRows(t)
	var all []int
	for i, id := range r.ids {
		n := strings.Count(string(r.text[r.at[i][0]:r.at[i][1]]), "\n") + 1
		for _, name := range logic[id] {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(r.file), name+".go"))
			if err != nil {
				t.Fatal(err)
			}
			n += strings.Count(string(text), "\n")
		}
		all = append(all, n)
		t.Logf("%4d lines %s", n, id)
	}
	slices.Sort(all)
	t.Logf("%4d lines is the median", all[len(all)/2])
	if len(all) == 0 || all[len(all)/2] > 10 {
		t.Error("a platform that differs by facts only is one row")
	}
}

// TestPlatformSizes prints the bytes that the platforms add to the engine, by package, and checks the budget. Line numbers
// and stack maps belong to no symbol: they are the rest of the total.
func TestPlatformSizes(t *testing.T) {
	r := platformRows(t)
	all, none := engineWithout(t, r), engineWithout(t, r, r.ids...)
	added := all.total - none.total
	t.Logf("%d platforms add %d bytes of %d", len(r.ids), added, platformsBudget)
	if added > platformsBudget {
		t.Errorf("the platforms add %d bytes to the engine, their budget is %d", added, platformsBudget)
	}
	rest := added
	packages := slices.SortedFunc(maps.Keys(all.packages), func(a, b string) int {
		return cmp.Compare(all.packages[b]-none.packages[b], all.packages[a]-none.packages[a])
	})
	for _, name := range packages {
		if n := all.packages[name] - none.packages[name]; n > 0 && strings.Contains(name, "/") {
			t.Logf("%8d %s", n, short(name))
			rest -= n
		}
	}
	t.Logf("%8d line numbers, stack maps, types, standard library", rest)
	if !*each {
		return
	}
	for _, id := range r.ids {
		t.Logf("%8d only for %s", all.total-engineWithout(t, r, id).total, id)
	}
}
