// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// schema is an object of JSON Schema 2020-12, with the keywords that we use.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Const       string             `json:"const,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
	Definitions map[string]*schema `json:"$defs,omitempty"`
}

// Schema returns the JSON schema of a version.
func Schema(c Comments, v spec.Version) ([]byte, error) {
	w := schemaWriter{comments: c, version: v, names: map[string]string{}, definitions: map[string]*schema{}}
	root, err := w.object(spec.Config())
	if err != nil {
		return nil, err
	}
	root.Schema, root.ID = "https://json-schema.org/draft/2020-12/schema", "urn:firstlight:config:"+v.String()
	root.Title, root.Definitions = "Config version "+v.String(), w.definitions
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(root)
	return b.Bytes(), err
}

type schemaWriter struct {
	comments    Comments
	version     spec.Version
	names       map[string]string // of definitions, by their text
	definitions map[string]*schema
}

// object describes an object.
func (w *schemaWriter) object(s *spec.Struct) (*schema, error) {
	no := false
	out := &schema{Type: "object", Description: w.comments[s.Type.Name()], Properties: map[string]*schema{}, Additional: &no}
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Since > w.version {
			continue
		}
		member, err := w.member(f)
		if err != nil {
			return nil, err
		}
		out.Properties[f.Name] = member
		if f.Need <= w.version {
			out.Required = append(out.Required, f.Name)
		}
	}
	return out, nil
}

// refer returns a reference to the definition of an object. The same type has several where places differ.
func (w *schemaWriter) refer(s *spec.Struct) (string, error) {
	def, err := w.object(s)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(def)
	if err != nil {
		return "", err
	}
	name, ok := w.names[string(text)]
	if !ok {
		base := strings.ToLower(s.Type.Name()[:1]) + s.Type.Name()[1:]
		name = base
		for n := 2; w.definitions[name] != nil; n++ {
			name = base + strconv.Itoa(n)
		}
		w.names[string(text)] = name
		w.definitions[name] = def
	}
	return "#/$defs/" + name, nil
}

// member describes a member: its type, and simple limits of its values.
func (w *schemaWriter) member(f *spec.Field) (*schema, error) {
	out := &schema{Description: w.comments.of(f)}
	if f.Elem == nil && f.Type.Kind() != reflect.Slice {
		out.Type = []string{kindOf(f.Type), "null"}
		w.limit(f, out)
		return out, nil
	}
	if f.Elem != nil {
		ref, err := w.refer(f.Elem)
		if err != nil {
			return nil, err
		}
		if f.Type.Kind() == reflect.Struct {
			out.Ref = ref
			return out, nil
		}
		out.Items = &schema{Ref: ref}
	} else {
		out.Items = &schema{Type: []string{kindOf(f.Type.Elem()), "null"}}
	}
	out.Type = []string{"array", "null"}
	return out, nil
}

// limit adds what an editor can check while one types.
func (w *schemaWriter) limit(f *spec.Field, s *schema) {
	optional := func(words []string) []any {
		list := []any{nil, ""}
		for _, word := range words {
			list = append(list, word)
		}
		return list
	}
	const guid = "^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
	zero, most := 0, 0o7777
	switch f.Path {
	case "ignition.version":
		s.Type, s.Const = "string", w.version.String()
	case "storage.filesystems.format":
		s.Enum = optional(rules.Formats(w.version))
	case "storage.raid.level":
		s.Type, s.Enum = "string", optional(rules.Levels())[2:]
	case "storage.files.mode", "storage.directories.mode":
		s.Minimum, s.Maximum = &zero, &most
	case "storage.disks.partitions.guid", "storage.disks.partitions.typeGuid":
		s.Pattern = guid
	case "storage.files.path", "storage.directories.path", "storage.links.path":
		s.Pattern = "^/"
	case "systemd.units.dropins.name":
		s.Pattern = `\.conf$`
	case "systemd.units.name":
		s.Pattern = `\.(service|socket|device|mount|automount|swap|target|path|timer|snapshot|slice|scope)$`
	}
	switch {
	case strings.HasSuffix(f.Path, ".compression"):
		s.Enum = optional([]string{"gzip"})
	case strings.HasSuffix(f.Path, ".verification.hash"):
		s.Pattern = "^sha512-.{128}$|^sha256-.{64}$"
		if w.version < spec.V3_1 {
			s.Pattern = "^sha512-.{128}$"
		}
	}
}
