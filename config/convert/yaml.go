// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// yamlOf writes a config in the Butane language.
func yamlOf(d config.Document, v spec.Version) ([]byte, diag.List) {
	text, report := config.MarshalVersion(d, v)
	if report.HasErrors() {
		return nil, report
	}
	tree, report := doc.ParseJSON(diag.NewSource("config", text))
	if report.HasErrors() {
		return nil, report
	}
	variant := variantOf(v)
	w := writer{version: v}
	root := w.object(&tree.Root, spec.Config())
	root.Content = append([]*yaml.Node{scalar("variant"), scalar(variant.Name), scalar("version"), scalar(variant.Version)}, root.Content...)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, fail(diag.NewSource("config", text), "write YAML: "+err.Error())
	}
	return b.Bytes(), nil
}

// A writer turns a config's JSON into YAML.
type writer struct{ version spec.Version }

func (w *writer) object(n *doc.Node, shape *spec.Struct) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	var inline *yaml.Node
	if shape.Type == reflect.TypeFor[types.Resource]() {
		inline = w.inline(n, shape.Path)
	}
	for i := range n.Kids {
		k := &n.Kids[i]
		f, _ := shape.Find(k.Key, w.version)
		switch {
		case f == nil, f.Path == "ignition.version", len(k.Kids) == 0 && (k.Kind == doc.Object || k.Kind == doc.List):
			continue
		case inline != nil && k.Key == "compression":
			continue
		case inline != nil && k.Key == "source":
			out.Content = append(out.Content, scalar("inline"), inline)
			continue
		}
		v := w.value(&k.Node, f)
		if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
			continue
		}
		out.Content = append(out.Content, scalar(author.MemberName(k.Key)), v)
	}
	return out
}

func (w *writer) value(n *doc.Node, f *spec.Field) *yaml.Node {
	switch n.Kind {
	case doc.Object:
		return w.object(n, f.Elem)
	case doc.List:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range n.Kids {
			out.Content = append(out.Content, w.value(&n.Kids[i].Node, f))
		}
		return out
	case doc.String:
		return scalar(n.Text)
	case doc.Number:
		if f.Name == "mode" {
			if v, ok := n.Int(); ok && v >= 0 {
				return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "0" + strconv.FormatInt(int64(v), 8)}
			}
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: n.Text}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: n.Text}
}

// scalar returns a text: as a block if it has lines, in quotes if anything else would read it differently.
func scalar(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.Contains(s, "\n") {
		n.Style = yaml.DoubleQuotedStyle
		if isBlock(s) {
			n.Style = yaml.LiteralStyle
		}
	} else if !plainly(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainly reports whether the encoder's own choice of style is safe: it is safe for printable texts to which YAML 1.1
// gives no other meaning.
func plainly(s string) bool {
	if slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(s)) {
		return false
	}
	var v any
	if yaml.Unmarshal([]byte(s), &v) != nil || v != s {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// isBlock reports whether a literal block keeps the indentation, line ends and characters of a text.
func isBlock(s string) bool {
	if s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || strings.HasSuffix(s, "\n\n") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimRight(line, " \t") != line {
			return false
		}
	}
	return isText(s)
}

// isText reports whether a text is one that people edit.
func isText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }) < 0
}

// inline returns the payload of a resource if it is text, or nil.
func (w *writer) inline(n *doc.Node, place string) *yaml.Node {
	source, compression := n.Member("source"), n.Member("compression")
	inFile := strings.HasPrefix(place, "storage.files")
	// References to configs keep their sources, because sources are checked and tell references apart.
	if source == nil || !inFile && (w.version == spec.V3_0 || place != "storage.luks.keyFile") {
		return nil
	}
	payload, ok := dataURL(source.Text)
	if !ok {
		return nil
	}
	if compression != nil && compression.Text != "" {
		if w.version == spec.V3_0 {
			return nil
		}
		if payload, ok = unzip(payload); !ok {
			return nil
		}
	}
	if !isText(string(payload)) {
		return nil
	}
	return scalar(string(payload))
}

// unzip decompresses a payload, unless that takes too much memory.
func unzip(payload []byte) ([]byte, bool) {
	const most = 16 << 20
	z, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(z, most+1))
	return out, err == nil && len(out) <= most
}

// dataURL decodes the payload of a data URL of plain text or base64 (RFC 2397). Others stay as they are.
func dataURL(source string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(source, "data:")
	if !ok {
		return nil, false
	}
	head, body, ok := strings.Cut(rest, ",")
	if !ok || head != "" && head != ";base64" && !strings.HasPrefix(head, "text/") {
		return nil, false
	}
	text, err := url.PathUnescape(body)
	if err != nil {
		return nil, false
	}
	if !strings.HasSuffix(head, ";base64") {
		return []byte(text), true
	}
	out, err := base64.StdEncoding.DecodeString(text)
	return out, err == nil
}
