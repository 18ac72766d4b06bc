// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"slices"
	"strings"
	"testing"
)

// layers is the diagram of docs/architecture.md as a table, from the bottom up: which of our packages each may import. A package
// that is not in the table may not exist. config/types and config/diag are vocabulary, structs and places without behavior, that
// lower layers may use; the package config itself parses, and only what plans or acquires configs may use it.
var layers = []struct {
	name string
	may  []string
	why  string
}{
	// The public library: bytes in, validated config and report out.
	{"config/types", nil, "vocabulary: the one set of structs of a config"},
	{"config/diag", nil, "vocabulary: places, spans and findings"},
	{"config/unitfile", nil, "the one parser of unit text"},
	{"config/dataurl", nil, "the one reader of data URLs"},
	{"config/sniff", nil, "tells formats apart by their first bytes"},
	{"config/spec", []string{"config/types"}, "versions are derived from the tags of the types"},
	{"config/doc", []string{"config/diag", "config/spec"}, "located documents know spans and versions, no section of a config"},
	{"config/merge", []string{"config/diag", "config/doc", "config/spec", "config/types"}, "merging does not validate"},
	{"config/rules", []string{"config/dataurl", "config/diag", "config/doc", "config/merge", "config/spec", "config/types", "config/unitfile"}, "rules judge values; they do not parse configs"},
	{"config/author", []string{"config/diag", "config/doc", "config/spec", "config/types"}, "YAML becomes a document, which goes the way of all documents"},
	{"config", []string{
		"config/author", "config/diag", "config/doc", "config/merge", "config/rules", "config/sniff", "config/spec", "config/types",
	}, "the surface of the library"},
	{"config/convert", []string{"config", "config/author", "config/diag", "config/doc", "config/spec", "config/types"}, "converts foreign formats; only the people's tool needs it"},
	{"config/lint", []string{
		"config", "config/author", "config/dataurl", "config/diag", "config/doc", "config/merge", "config/rules", "config/spec", "config/types", "config/unitfile",
	}, "advice; only the people's tool needs it"},

	// Values: codecs, tables and editors of texts.
	{"internal/version", nil, "one string"},
	{"internal/disk/gpt", nil, "a codec over io.ReaderAt"},
	{"internal/disk/probe", nil, "a codec over io.ReaderAt"},
	{"internal/filesystem", []string{"config/spec"}, "a table of filesystems, and since when a config may name each"},
	{"internal/account", []string{"config/types"}, "edits the texts of account files"},
	{"internal/unit", []string{"config/unitfile"}, "reads units and presets through a view that it is given"},
	{"internal/facts", []string{"internal/account", "internal/disk/gpt", "internal/disk/probe"}, "plain values that describe a machine"},
	{"internal/op", []string{
		"config/diag", "internal/account", "internal/disk/gpt", "internal/disk/probe", "internal/facts", "internal/filesystem",
	}, "operations are values that predict their effect on facts"},

	// Deciding.
	{"internal/plan", []string{
		"config", "config/diag", "config/types", "internal/account", "internal/disk/gpt", "internal/disk/probe", "internal/facts",
		"internal/filesystem", "internal/op", "internal/unit",
	}, "plans are functions of config, facts and inputs"},
	{"internal/ask", []string{"config/types", "internal/facts", "internal/plan", "internal/unit"}, "asks for what plan is going to look up, through the same functions"},

	// Doing.
	{"internal/logx", nil, "handlers of log/slog"},
	{"internal/rootfs", nil, "the target root, by descriptor"},
	{"internal/sys", []string{"config/diag", "internal/facts"}, "the machine; diag suggests the name that was meant, facts encode udev's labels"},
	{"internal/sys/guest", []string{"internal/facts"}, "the guest's ends of hypervisors' channels"},
	{"internal/sys/fake", []string{"internal/disk/gpt", "internal/disk/probe", "internal/facts", "internal/sys"}, "a model of the machine, for tests"},
	{"internal/journal", []string{"internal/op"}, "records steps of a plan"},
	{"internal/handover", []string{"config/types", "internal/facts", "internal/op"}, "what stages leave for each other"},
	{"internal/seal", []string{"internal/handover", "internal/rootfs"}, "the seal and the result file"},
	{"internal/metadata", nil, "one HTTP client for metadata services"},
	{"internal/metadata/google", []string{"internal/metadata"}, "Google's library asks through that client"},
	{"internal/fetch/origin", nil, "what the packages of origins have in common"},
	{"internal/fetch/ec2", []string{"internal/fetch/origin"}, "the metadata service of EC2, for credentials"},
	{"internal/fetch/origin/data", []string{"config/dataurl", "internal/fetch/origin"}, "an origin knows no other one"},
	{"internal/fetch/origin/tftp", []string{"internal/fetch/origin"}, "an origin knows no other one"},
	{"internal/fetch/origin/http", []string{"internal/fetch/origin"}, "an origin knows no other one"},
	{"internal/fetch/origin/azure", []string{"internal/fetch/origin", "internal/fetch/origin/http"}, "an object store is reached by HTTP"},
	{"internal/fetch/origin/gcs", []string{
		"internal/fetch/origin", "internal/fetch/origin/http", "internal/metadata", "internal/metadata/google",
	}, "an object store is reached by HTTP, as the machine's service account"},
	{"internal/fetch/origin/s3", []string{"internal/fetch/ec2", "internal/fetch/origin", "internal/fetch/origin/http"}, "an object store is reached by HTTP"},
	{"internal/fetch", []string{
		"config/types", "internal/fetch/ec2", "internal/fetch/origin", "internal/fetch/origin/azure", "internal/fetch/origin/data",
		"internal/fetch/origin/gcs", "internal/fetch/origin/http", "internal/fetch/origin/s3", "internal/fetch/origin/tftp",
		"internal/metadata/google",
	}, "URL to verified stream; ignition.timeouts, security and proxy are config/types"},
	{"internal/observe", []string{
		"internal/account", "internal/disk/gpt", "internal/disk/probe", "internal/facts", "internal/rootfs", "internal/sys", "internal/unit",
	}, "answers questions; knows no config and no plan"},
	{"internal/apply", []string{
		"config/diag", "internal/account", "internal/disk/gpt", "internal/disk/probe", "internal/facts", "internal/fetch", "internal/journal", "internal/logx",
		"internal/op", "internal/rootfs", "internal/sys", "internal/unit",
	}, "a plan is all that it needs"},

	// The road, and who takes it.
	{"internal/provision", []string{
		"config", "config/diag", "config/types", "internal/ask", "internal/facts", "internal/journal", "internal/observe", "internal/op",
		"internal/plan", "internal/rootfs",
	}, "applying is handed in: to show a plan must not link it"},
	{"internal/platform", []string{"config", "internal/fetch", "internal/metadata", "internal/metadata/google"}, "a platform sees only its Env"},
	{"internal/acquire", []string{"config", "config/diag", "config/types", "internal/fetch", "internal/logx", "internal/platform"}, "knows where configs come from"},
	{"internal/engine", []string{
		"config", "config/diag", "config/types", "internal/acquire", "internal/apply", "internal/disk/probe", "internal/facts", "internal/fetch",
		"internal/fetch/ec2", "internal/handover", "internal/logx", "internal/metadata", "internal/metadata/google", "internal/observe", "internal/plan",
		"internal/platform", "internal/provision", "internal/rootfs", "internal/seal", "internal/sys", "internal/sys/guest", "internal/version",
	}, "one stage of a boot"},
	{"internal/docgen", []string{"config/lint", "config/rules", "config/spec", "internal/platform"}, "writes the reference pages from the tables"},
	{"internal/cmd/linkflags", nil, "part of the script build"},
	{"internal/cmd/engine", []string{"internal/engine", "internal/platform", "internal/version"}, "parses flags and calls one function"},
	{"internal/cmd/firstlight", []string{
		"config", "config/author", "config/convert", "config/diag", "config/lint", "config/rules", "config/spec", "internal/facts", "internal/observe",
		"internal/plan", "internal/provision", "internal/rootfs", "internal/seal", "internal/sys", "internal/version",
	}, "the people's tool"},
}

// yamlTime is there for the tag !!timestamp. Nothing of ours has a member of that type.
const yamlTime = "go.yaml.in/yaml/v3 imports time"

// reaches lists packages that must not be reached, not even through other packages of ours or of other modules, and the
// reasons. The standard library is not followed: fmt imports os to print to files, and encoding/json and net/url import
// time, although formatting, encoding and parsing URLs use neither.
var reaches = []struct {
	who []string // packages below the module; a name that ends in /... includes the packages below it
	not []string // import paths; one that ends in /... includes all below it
	but []string // allowed imports
	why string
}{
	{
		[]string{"internal/ask", "internal/plan", "internal/op", "internal/facts", "internal/filesystem", "internal/disk/..."},
		[]string{
			module + "/internal/sys/...", module + "/internal/rootfs", module + "/internal/fetch/...",
			"os/...", "net", "net/http/...", "time", "math/rand/...", "crypto/rand", "syscall", "golang.org/x/sys/...",
		},
		[]string{yamlTime},
		"deciding is a pure function: the same config and facts give the same plan",
	},
	{[]string{"config/..."}, []string{module + "/internal/..."}, nil, "config is a public library: others cannot import what is internal"},
	{
		[]string{"config/..."}, []string{"os/...", "net/http/...", "time", "syscall"},
		[]string{yamlTime}, "config does no I/O and knows no clock: bytes in, a report out",
	},
	{
		[]string{"internal/observe"}, []string{module + "/internal/plan", module + "/internal/ask", module + "/config", module + "/internal/op"}, nil,
		"observing answers questions: what is planned must not color what is seen",
	},
	{
		[]string{"internal/apply"}, []string{module + "/internal/plan", module + "/internal/ask", module + "/config", module + "/internal/observe"}, nil,
		"a plan is all that applying takes: nothing is decided or looked up again",
	},
	{
		[]string{"internal/cmd/firstlight"},
		[]string{module + "/internal/engine", module + "/internal/apply", module + "/internal/fetch/...", module + "/internal/acquire", module + "/internal/platform"}, nil,
		"the people's tool is read-only by construction, and small",
	},
	{[]string{"internal/cmd/engine"}, []string{module + "/internal/sys/fake", module + "/config/convert", module + "/config/lint"}, nil, "the engine links neither the model of a machine nor what only people need"},
}

// below reports whether a name is the pattern, or below it if the pattern ends in /...
func below(name, pattern string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return name == prefix || all && strings.HasPrefix(name, prefix+"/")
}

func short(name string) string { return strings.TrimPrefix(name, module+"/") }

// TestLayers checks every import of ours against the table of layers.
func TestLayers(t *testing.T) {
	exists := map[string]bool{}
	for _, p := range list(t, "./config/...", "./internal/...") {
		if len(p.GoFiles) == 0 {
			continue // tests of several packages, in their common directory
		}
		name := short(p.ImportPath)
		exists[name] = true
		at := slices.IndexFunc(layers, func(l struct {
			name string
			may  []string
			why  string
		}) bool {
			return l.name == name
		})
		if at < 0 {
			t.Errorf("%s is not in the table of layers: give it a place there and in docs/architecture.md", name)
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module) && !slices.Contains(layers[at].may, short(i)) {
				t.Errorf("%s imports %s, which the table of layers does not allow: %s", name, short(i), layers[at].why)
			}
		}
	}
	seen := map[string]bool{}
	for _, l := range layers {
		if !exists[l.name] || seen[l.name] {
			t.Errorf("%s is in the table of layers and does not exist, or is there twice", l.name)
		}
		for _, m := range l.may {
			if !seen[m] {
				t.Errorf("the table of layers allows %s to import %s, which is not below it", l.name, m)
			}
		}
		seen[l.name] = true
	}
}

// TestReach checks the packages that ours reach through others against the table.
func TestReach(t *testing.T) {
	graph := map[string]pkg{}
	for _, p := range list(t, "-deps", "./config/...", "./internal/...") {
		graph[p.ImportPath] = p
	}
	for _, r := range reaches {
		matched := false
		for name := range graph {
			if !strings.HasPrefix(name, module+"/") || !slices.ContainsFunc(r.who, func(w string) bool { return below(short(name), w) }) {
				continue
			}
			matched = true
			for _, way := range ways(graph, name, r.not, r.but) {
				t.Errorf("%s: %s", way, r.why)
			}
		}
		if !matched {
			t.Errorf("no package is one of %v", r.who)
		}
	}
}

// ways returns, for each package that must not be reached, a shortest way to it.
func ways(graph map[string]pkg, from string, not, but []string) []string {
	var found []string
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, i := range graph[queue[0]].Imports {
			if _, seen := before[i]; seen || slices.Contains(but, queue[0]+" imports "+i) {
				continue
			}
			before[i] = queue[0]
			if slices.ContainsFunc(not, func(n string) bool { return below(i, n) }) {
				way := short(i)
				for at := queue[0]; at != ""; at = before[at] {
					way = short(at) + " imports " + way
				}
				found = append(found, way)
			} else if !graph[i].Standard {
				queue = append(queue, i)
			}
		}
	}
	return found
}

// TestWays: ways finds a package that is reached only through others.
func TestWays(t *testing.T) {
	graph := map[string]pkg{
		module + "/a":   {Imports: []string{module + "/b", "fmt"}},
		module + "/b":   {Imports: []string{"example.org/c", "example.org/d"}},
		"example.org/c": {Imports: []string{"os"}},
		"example.org/d": {Imports: []string{"os/exec"}},
		"fmt":           {Imports: []string{"os"}, Standard: true},
	}
	want := []string{"a imports b imports example.org/c imports os"}
	if got := ways(graph, module+"/a", []string{"os"}, nil); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	want = []string{"a imports b imports example.org/d imports os/exec"}
	if got := ways(graph, module+"/a", []string{"os/..."}, []string{"example.org/c imports os"}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
