// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
)

// Limits of what aliases may expand to, not counting the values of the text itself.
const (
	maxExpansion = 1 << 18  // values, and members that are not used
	maxRepeated  = 64 << 20 // bytes of texts
)

// A decoder turns YAML into a tree by the shape of a variant. It is as lax as Butane: an unknown member is only a
// warning, null counts as absent, and a number may stand where a text is expected.
type decoder struct {
	t        *translator
	open     map[*yaml.Node]bool // aliases in progress
	expanded int
	repeated int        // bytes
	outer    *yaml.Node // the alias in the text itself that is being expanded
	guesses  int        // suggestions made for unknown keys, bounded because each takes time
	depth    int        // of aliases
	failed   bool
}

// decode decodes the document, and reports whether it can be translated.
func (t *translator) decode(root *yaml.Node) bool {
	d := &decoder{t: t, open: map[*yaml.Node]bool{}}
	if root.Kind == yaml.AliasNode || root.Kind != yaml.MappingNode && root.Tag != "!!null" {
		d.mismatch(root, &field{kind: object}, nil)
		return false
	}
	name, version := d.head(root, "variant"), d.head(root, "version")
	if d.failed {
		return false
	}
	v, code, problem, hint := choose(name, version)
	if v == nil {
		if code == CodeVariant && member(root, "ignition") != nil {
			hint = "this looks like an Ignition config: check it with firstlight validate, or turn it into YAML with firstlight convert"
		}
		finding := diag.Diagnostic{Severity: diag.Error, Code: code, Path: path.New("yaml"), Summary: problem, Hint: hint}
		at := root
		for _, key := range []string{"variant", "version"} {
			if m := member(root, key); m != nil && code != CodeVariant && !(key == "version" && code == CodeUnknown && Latest(name) == "") {
				at = m
			}
		}
		start, end := t.at.span(at)
		finding.Span = t.src.Span(int(start), int(end))
		t.report.Add(finding)
		return false
	}
	t.v, t.shape = v, language(v)
	t.in = d.object(root, t.shape, nil)
	return !d.failed
}

// member returns a member of a mapping.
func member(y *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Value == name && y.Content[i].Kind == yaml.ScalarNode {
			return y.Content[i+1]
		}
	}
	return nil
}

// head reads a member that says how to read the rest.
func (d *decoder) head(root *yaml.Node, name string) string {
	m := member(root, name)
	if m == nil {
		return ""
	}
	return d.value(m, &field{name: name, kind: text}, &step{name: name}).str()
}

// value decodes a value; null is nil.
func (d *decoder) value(y *yaml.Node, f *field, at *step) *node {
	if y.Kind == yaml.AliasNode {
		return d.alias(y, func(y *yaml.Node) *node { return d.value(y, f, at) })
	}
	if d.depth > 0 && !d.room(y) {
		return nil
	}
	switch {
	case y.Kind == yaml.ScalarNode && y.Tag == "!!null":
		return d.null(y, at)
	case f.list:
		return d.list(y, f, at)
	case f.kind == object && y.Kind == yaml.MappingNode:
		return d.object(y, f.elem, at)
	case f.kind == texts && y.Kind == yaml.MappingNode:
		return d.texts(y, at)
	case f.kind == object || f.kind == texts || y.Kind != yaml.ScalarNode:
		return d.mismatch(y, f, at)
	}
	d.tagged(y, at)
	return d.scalar(y, f, at)
}

// null decodes null, which counts as absent. It reports a text that YAML does not read as one because of its first character. A
// comment with a space after its # is not such a text.
func (d *decoder) null(y *yaml.Node, at *step) *node {
	if y.Value != "" || y.Style&yaml.TaggedStyle != 0 || at == nil {
		return nil
	}
	line, _, _ := bytes.Cut(d.t.src.Text[d.t.at.offset(y.Line, y.Column):], []byte{'\n'})
	line = bytes.TrimSpace(line)
	mark, _, _ := bytes.Cut(line, []byte{' '})
	reads := ""
	switch {
	case bytes.HasPrefix(mark, []byte("&")):
		reads = "& gives a name to the value after it"
	case bytes.HasPrefix(mark, []byte("!")):
		reads = "! gives a type to the value after it"
	case bytes.HasPrefix(mark, []byte("#")) && len(bytes.Trim(mark, "#")) > 0:
		reads, mark = "# begins a comment", line
	default:
		return nil
	}
	d.misread(y, mark, at.text()+" has no value: "+reads, at)
	return nil
}

// tagged reports a tag that is not one of YAML's own: it is dropped, and may be the start of a text.
func (d *decoder) tagged(y *yaml.Node, at *step) {
	if y.Kind == yaml.ScalarNode && y.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(y.Tag, "!!") && !strings.HasPrefix(y.Tag, "tag:") && at != nil {
		d.misread(y, []byte(y.Tag), at.text()+" loses its first word: ! gives a type to the value after it", at)
	}
}

// misread reports a text that YAML reads as something else. mark is what it reads so.
func (d *decoder) misread(y *yaml.Node, mark []byte, summary string, at *step) {
	n := d.node(y, doc.Null, "", at)
	if i := bytes.Index(d.t.src.Text[n.start:], mark); i >= 0 {
		n.start += int32(i)
		n.end = n.start + int32(len(mark))
	}
	first := string(mark[:1])
	d.t.find(diag.Info, CodeMisread, n, "", summary, "put a text that begins with "+first+" in quotes; if it is none, remove it")
}

// alias decodes the value that an alias refers to. The value gets the position of the alias, and its members keep their own.
func (d *decoder) alias(y *yaml.Node, decode func(*yaml.Node) *node) *node {
	if d.open[y.Alias] {
		return d.fail(y, "the anchor contains itself", "remove the alias from the value that it names", nil)
	}
	d.open[y.Alias] = true
	if d.depth == 0 {
		d.outer = y
	}
	d.depth++
	n := decode(y.Alias)
	d.depth--
	delete(d.open, y.Alias)
	if n == nil {
		return nil
	}
	c := *n
	c.start, c.end = d.t.at.span(y)
	return &c
}

// room counts the values that aliases expand to, and their bytes: a long text behind many aliases takes memory, too.
func (d *decoder) room(y *yaml.Node) bool {
	d.expanded++
	d.repeated += len(y.Value)
	problem, hint := "", "write fewer aliases of aliases"
	switch {
	case d.expanded > maxExpansion:
		problem = fmt.Sprintf("aliases expand to more than %d values", maxExpansion)
	case d.repeated > maxRepeated:
		problem, hint = tooMuchText, fewerAliases
	default:
		return true
	}
	if !d.failed {
		if d.outer != nil {
			y = d.outer
		}
		d.fail(y, problem, hint, nil)
	}
	return false
}

func (d *decoder) node(y *yaml.Node, kind doc.Kind, text string, at *step) *node {
	n := &node{kind: kind, text: text, path: at}
	n.start, n.end = d.t.at.span(y)
	return n
}

func (d *decoder) list(y *yaml.Node, f *field, at *step) *node {
	if y.Kind != yaml.SequenceNode {
		return d.mismatch(y, f, at)
	}
	n := d.node(y, doc.List, "", at)
	n.kids = make([]kid, 0, len(y.Content))
	item := *f
	item.list = false
	for i, c := range y.Content {
		here := &step{up: at, index: i}
		v := d.value(c, &item, here)
		if v == nil {
			v = d.node(c, doc.Object, "", here)
			if f.kind != object {
				v.kind = doc.String
			}
		}
		n.kids = append(n.kids, kid{node: v})
	}
	return n
}

// object decodes a mapping. A merged-in member counts only if the mapping does not have that member itself.
func (d *decoder) object(y *yaml.Node, s *shape, at *step) *node {
	n := d.node(y, doc.Object, "", at)
	d.members(y, s, at, n, false)
	return n
}

func (d *decoder) members(y *yaml.Node, s *shape, at *step, n *node, merged bool) {
	lines := make(map[string]int, min(len(y.Content)/2, 64))
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			d.fail(key, "the key is not a text", "write NAME: VALUE", at)
			continue
		}
		if line, twice := lines[key.Value]; twice {
			d.fail(y.Content[i], fmt.Sprintf("duplicate key %s; line %d has the first", shown(key.Value), line), "merge the two, or remove one", at)
			continue
		}
		lines[key.Value] = key.Line
		isMerge := key.Value == "<<" && (key.Tag == "" || key.Tag == "!" || key.Tag == "!!merge")
		if isMerge {
			merges = append(merges, value)
		}
		f := s.fields[key.Value]
		if f == nil || isMerge {
			if d.depth > 0 && !d.room(key) {
				return
			}
			if !merged {
				d.unused(y.Content[i], key.Value, s, at)
			}
			continue
		}
		if merged && n.get(f.name) != nil {
			continue
		}
		if v := d.value(value, f, &step{up: at, name: f.name}); v != nil {
			n.kids = append(n.kids, kid{f.name, v})
		}
	}
	for _, m := range merges {
		d.merge(m, s, at, n)
	}
}

// merge adds the members of merged mappings. If several have a member, the first one counts.
func (d *decoder) merge(y *yaml.Node, s *shape, at *step, n *node) {
	switch {
	case y.Kind == yaml.AliasNode:
		d.alias(y, func(y *yaml.Node) *node {
			if d.room(y) {
				d.merge(y, s, at, n)
			}
			return nil
		})
	case y.Kind == yaml.MappingNode:
		d.depth++
		d.members(y, s, at, n, true)
		d.depth--
	case y.Kind == yaml.SequenceNode:
		for _, c := range y.Content {
			d.merge(c, s, at, n)
		}
	default:
		d.fail(y, "only mappings can be merged with <<", "write an alias of a mapping, or a list of aliases", at)
	}
}

// texts decodes a mapping whose keys are the author's own.
func (d *decoder) texts(y *yaml.Node, at *step) *node {
	n := d.node(y, doc.Object, "", at)
	d.entries(y, at, n, map[string]bool{})
	return n
}

// entries adds the entries of a mapping that n does not have; merged-in entries come last. It keeps the names in has.
func (d *decoder) entries(y *yaml.Node, at *step, n *node, has map[string]bool) {
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content) && y.Kind == yaml.MappingNode; i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if d.depth > 0 && !d.room(key) {
			return
		}
		if key.Tag == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if has[key.Value] {
			continue
		}
		has[key.Value] = true
		here := &step{up: at, name: key.Value}
		v := d.value(value, &field{kind: text}, here)
		if v == nil {
			v = d.node(value, doc.String, "", here)
		}
		n.kids = append(n.kids, kid{key.Value, v})
	}
	for _, m := range merges {
		list := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			list = m.Content
		}
		for _, m := range list {
			d.mergeEntries(m, at, n, has)
		}
	}
}

// mergeEntries adds the entries of a merged mapping.
func (d *decoder) mergeEntries(m *yaml.Node, at *step, n *node, has map[string]bool) {
	if m.Kind != yaml.AliasNode {
		d.entries(m, at, n, has)
		return
	}
	d.alias(m, func(y *yaml.Node) *node {
		if d.room(y) {
			d.entries(y, at, n, has)
		}
		return nil
	})
}

// scalar decodes a text, number or boolean as the YAML library would.
func (d *decoder) scalar(y *yaml.Node, f *field, at *step) *node {
	switch f.kind {
	case text:
		if y.Tag == "!!str" {
			return d.node(y, doc.String, y.Value, at)
		}
		var s string
		if y.Decode(&s) == nil {
			return d.node(y, doc.String, s, at)
		}
	case integer:
		var v int
		if y.Decode(&v) == nil {
			n := d.node(y, doc.Number, strconv.Itoa(v), at)
			if y.Tag == "!!float" && strings.Contains(y.Value, ".") {
				d.t.find(diag.Info, CodeFraction, n, "", "the fraction of "+shown(y.Value)+" is dropped", "write an integer")
			}
			return n
		}
	case boolean:
		var v bool
		if y.Decode(&v) == nil {
			return d.node(y, doc.Bool, strconv.FormatBool(v), at)
		}
	}
	return d.mismatch(y, f, at)
}
