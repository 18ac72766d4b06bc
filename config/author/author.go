// SPDX-License-Identifier: Apache-2.0

// Package author translates the Butane language, YAML that people write, into configs.
//
// One table lists all variants of the language, and one function translates each piece of sugar. The result is a tree like
// that of JSON: every node knows the place in the YAML that caused it, so later findings point there. The package reads
// files only from the fs.FS of its caller, and runs nothing. The invariant: memory and time stay proportional to the
// text, whatever its anchors and aliases expand to.
package author

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// Codes of findings. Those up to CodeUnknown are about the document as a whole: Butane reports them without a path.
const (
	CodeSyntax     = "A001" // not well-formed YAML
	CodeType       = "A002" // a value of a wrong type
	CodeVariant    = "A003" // no variant
	CodeVersion    = "A004" // no version, or none that can be read
	CodeUnknown    = "A005" // no such variant and version
	CodeUnused     = "A006" // an unknown member
	CodeResource   = "A010" // several of inline, local and source
	CodeLocal      = "A011" // a local file cannot be read
	CodeChild      = "A012" // an inline config is not one, or has another version
	CodeMode       = "A013" // a mode looks decimal
	CodeMountUnit  = "A014" // a mount unit lacks something
	CodeTree       = "A015" // a tree cannot be copied
	CodeContents   = "A016" // contents and contents_local
	CodeQuadlet    = "A017" // a quadlet's name or contents
	CodePartition  = "A018" // partitions of CoreOS
	CodeBootDevice = "A019" // boot_device
	CodeGrub       = "A020" // grub.users
	CodeOpenShift  = "A021" // metadata, openshift, and what its operator refuses
	CodeForbidden  = "A022" // the variant cannot use a member
	CodeElided     = "A023" // a member has no effect in raw output
	CodeRefused    = "A024" // a config that is merged is invalid; Butane does not report it
	CodeFraction   = "A025" // a number has a fraction, which is dropped
	CodeIgnored    = "A027" // there is a second document
	CodeMisread    = "A026" // an anchor, a tag or a comment where a text was meant
)

// Rules says what the codes of this package are about, for reports in SARIF.
func Rules() []diag.ToolRule {
	return []diag.ToolRule{
		{Code: CodeSyntax, About: "The document is well-formed YAML."},
		{Code: CodeType, About: "A member has a value of its type."},
		{Code: CodeVariant, About: "The document has a variant."},
		{Code: CodeVersion, About: "The document has a version of three numbers."},
		{Code: CodeUnknown, About: "The variant has the version."},
		{Code: CodeUnused, About: "The variant and version know every key.", Severity: diag.Warning},
		{Code: CodeResource, About: "A resource has only one of `inline`, `local` and `source`."},
		{Code: CodeLocal, About: "A local file is in the files directory and can be read."},
		{Code: CodeChild, About: "An inline config has the version of the document.", Severity: diag.Warning},
		{Code: CodeMode, About: "A mode is octal: it starts with 0.", Severity: diag.Warning},
		{Code: CodeMountUnit, About: "A filesystem with a mount unit has a format and a mount point."},
		{Code: CodeTree, About: "A tree is a directory, and no other entry sets the contents of its files."},
		{Code: CodeContents, About: "A unit has contents or contents_local."},
		{Code: CodeQuadlet, About: "A quadlet has a name with a known suffix; an instance has no contents."},
		{Code: CodePartition, About: "Partitions of CoreOS keep their numbers and sizes.", Severity: diag.Warning},
		{Code: CodeBootDevice, About: "boot_device has a layout that fits its devices."},
		{Code: CodeGrub, About: "A GRUB user has a name and a password hash."},
		{Code: CodeOpenShift, About: "The MachineConfig is one that the operator accepts."},
		{Code: CodeForbidden, About: "The platform of the variant can use the member."},
		{Code: CodeRefused, About: "A local config, or an inline one of another version, is valid.", Severity: diag.Warning},
		{Code: CodeElided, About: "The member has an effect in raw output.", Severity: diag.Warning},
		{Code: CodeFraction, About: "A number that must be an integer has no fraction: Butane drops it.", Severity: diag.Info},
		{Code: CodeIgnored, About: "A text has one YAML document; what follows it is ignored.", Severity: diag.Info},
		{Code: CodeMisread, About: "A text that begins with `&`, `!` or `#` is in quotes: without them YAML reads an anchor, a tag or a comment.", Severity: diag.Info},
	}
}

// Options say how to translate a document.
type Options struct {
	Files fs.FS // the local files; if nil, naming one is an error
	Raw   bool  // write the config without a MachineConfig around it
	// Gzip returns a compressor of level 9 that writes to w; nil: nothing is compressed.
	Gzip func(w io.Writer) Gzip
	// Check parses and checks a config that the document contains as text. If nil, such configs are not checked.
	Check func(*diag.Source) diag.List
}

// Gzip is a compressor, such as a gzip.Writer. The caller provides it, so programs that only read configs need none.
type Gzip interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// A Result is a translated document.
type Result struct {
	Variant *Variant
	Doc     *doc.Document // the config
	out     *node
	in      *node
	src     *diag.Source
	yaml    *positions
}

// IsAuthored reports whether a text is meant to be YAML of this language rather than a JSON config: it has a member variant
// and is not a JSON object with a member ignition. The text may still be invalid.
func IsAuthored(text []byte) bool {
	if utf16Order(text) != nil {
		return true
	}
	text = bytes.TrimLeft(bytes.TrimPrefix(text, utf8Mark), " \t\r\n")
	if !hasKey(text, "variant") {
		return false
	}
	if text[0] == '{' {
		if d, report := doc.ParseJSON(diag.NewSource("", text)); !report.HasErrors() {
			return d.Root.Member("variant") != nil && d.Root.Member("ignition") == nil
		}
	}
	return true
}

// hasKey reports whether a text has a key at the beginning of a line or of a flow mapping.
func hasKey(text []byte, key string) bool {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(key))
		if i < 0 {
			return false
		}
		at := from + i
		from = at + len(key)
		before := bytes.TrimRight(text[:at], "\"'")
		before = bytes.TrimRight(before, " \t")
		after := bytes.TrimLeft(text[from:], "\"'")
		after = bytes.TrimLeft(after, " \t")
		if len(after) > 0 && after[0] == ':' && (len(before) == 0 || bytes.IndexByte([]byte("\n\r{,"), before[len(before)-1]) >= 0) {
			return true
		}
	}
}

// Translate turns a YAML document into a config. If the report has no errors, the result is well-formed, but not yet
// checked by the rules of configs; Relocate turns their findings into findings about the YAML. The report has what Butane
// reports, in the same order.
func Translate(src *diag.Source, o Options) (*Result, diag.List) {
	src, err := asUTF8(src)
	if err != nil {
		return nil, diag.List{{Severity: diag.Error, Code: CodeSyntax, Path: path.New("yaml"), Span: src.Span(0, 1), Summary: err.Error(), Hint: "save the file as UTF-8"}}
	}
	root, at, report := parseYAML(src)
	if report.HasErrors() {
		return nil, report
	}
	t := &translator{src: src, at: at, o: o}
	t.ignored()
	if !t.decode(root) {
		return nil, t.report.List()
	}
	for _, pass := range []func(){t.validate, t.translate, t.operator, t.filter} {
		if pass(); t.report.List().HasErrors() {
			return nil, t.report.List()
		}
	}
	r := &Result{Variant: t.v, in: t.in, out: t.out, src: src, yaml: at}
	r.Doc = &doc.Document{Source: src, Root: t.out.document(), Exact: true}
	return r, t.report.List()
}

// A translator holds a document while it is translated.
type translator struct {
	src    *diag.Source
	at     *positions
	o      Options
	v      *Variant
	shape  *shape
	in     *node // the YAML, by the shape of the variant
	out    *node // the config
	report diag.Collector
	loaded int64 // bytes of local files that are in memory
	jobs   []job // contents that are to become data URLs

	compressor compressor // of encode
}

// ignored reports a second document, which nothing reads.
func (t *translator) ignored() {
	if at := secondDocument(t.src.Text); at >= 0 {
		t.report.Add(diag.Diagnostic{
			Severity: diag.Info, Code: CodeIgnored, Path: path.New("yaml"), Span: t.src.Span(at, at+len("---")),
			Summary: "what follows this line is ignored: only the first YAML document is read", Hint: "remove the line, or what follows it",
		})
	}
}

// find reports something at a member of a node, or at the node itself. A missing member is reported at its object.
//
//go:noinline
func (t *translator) find(severity diag.Severity, code string, n *node, member, summary, hint string) {
	steps := n.path.steps()
	if member != "" && !n.made {
		steps = append(steps, member)
		if m := n.get(member); m != nil {
			n = m
		}
	}
	t.report.Add(diag.Diagnostic{
		Severity: severity, Code: code, Path: path.New("yaml", steps...), Span: t.src.Span(int(n.start), int(n.end)),
		Summary: summary, Hint: hint,
	})
}

//go:noinline
func (t *translator) fail(code string, n *node, member, summary, hint string) {
	t.find(diag.Error, code, n, member, summary, hint)
}

//go:noinline
func (t *translator) warn(code string, n *node, member, summary, hint string) {
	t.find(diag.Warning, code, n, member, summary, hint)
}

// Relocate turns findings about the config into findings about the YAML: with the paths that its author wrote, and in
// Butane's order, double entries first.
func (r *Result) Relocate(report diag.List) diag.List {
	report = slices.Clone(report)
	sort.SliceStable(report, func(i, j int) bool {
		a, b := &report[i], &report[j]
		if d := isDouble(b.Code) - isDouble(a.Code); d != 0 {
			return d < 0
		}
		return compareOwners(a.Path.Path, b.Path.Path) < 0
	})
	for i := range report {
		d := &report[i]
		n, rest := r.out.find(d.Path.Path)
		steps := n.path.steps()
		if !n.made {
			for _, s := range rest {
				if name, ok := s.(string); ok {
					s = snake(name)
				}
				steps = append(steps, s)
			}
		}
		d.Path = path.New("yaml", steps...)
		d.Span = r.src.Span(int(n.start), int(n.end))
	}
	return report
}

// IsStandIn reports whether the value at a path of the config is a placeholder for a local file that is too large for
// memory. WriteJSON replaces it with the contents of the file.
func (r *Result) IsStandIn(path []any) bool {
	n, rest := r.out.find(path)
	return len(rest) == 0 && n.data != nil
}

// Paths calls f with the path in the YAML and the path in the config of every value of the config.
func (r *Result) Paths(f func(yaml, json string)) {
	var walk func(n *node, at path.ContextPath)
	walk = func(n *node, at path.ContextPath) {
		for i, k := range n.kids {
			below := at.Append(k.key)
			if n.kind == doc.List {
				below = at.Append(i)
			}
			f(k.path.text(), below.String())
			walk(k.node, below)
		}
	}
	walk(r.out, path.New("json"))
}

// isDouble returns 1 for the rules about unique keys.
func isDouble(code string) int {
	if code == "V020" || code == "V022" || code == "V023" {
		return 1
	}
	return 0
}

// compareOwners orders findings as Butane meets them: those of an object before those of the objects in it.
func compareOwners(a, b []any) int {
	if len(a) > 0 {
		a = a[:len(a)-1]
	}
	if len(b) > 0 {
		b = b[:len(b)-1]
	}
	return slices.CompareFunc(a, b, compareSteps)
}

func compareSteps(a, b any) int {
	i, isIndex := a.(int)
	j, isAlso := b.(int)
	if isIndex && isAlso {
		return i - j
	}
	x, _ := a.(string)
	y, _ := b.(string)
	return strings.Compare(x, y)
}
