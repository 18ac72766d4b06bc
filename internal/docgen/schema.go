// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
)

// schema is an object of JSON Schema 2020-12 with the keywords that firstlight uses.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Const       any                `json:"const,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	MaxLength   *int               `json:"maxLength,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	Maximum     *int64             `json:"maximum,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	MaxItems    *int               `json:"maxItems,omitempty"`
	Unique      bool               `json:"uniqueItems,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
	AllOf       []*schema          `json:"allOf,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Then        *schema            `json:"then,omitempty"`
	Definitions map[string]*schema `json:"$defs,omitempty"`
}

// schemaBase is where the schemas are published.
const schemaBase = "https://raw.githubusercontent.com/firstlight-boot/firstlight/main/docs/schema/"

// Schema returns the JSON schema of a version.
func Schema(c Comments, v spec.Version) ([]byte, error) {
	w := schemaWriter{comments: c, version: v, names: map[string]string{}, definitions: map[string]*schema{}}
	root, err := w.object(spec.Config())
	if err != nil {
		return nil, err
	}
	root.Schema, root.ID = "https://json-schema.org/draft/2020-12/schema", schemaBase+"config-"+v.String()+".schema.json"
	root.Properties["$schema"] = &schema{Type: "string", Description: "The schema of this file, for editors. It has no other meaning."}
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
	out.AllOf = conditions(s, w.version)
	return out, nil
}

// refer returns a reference to the definition of an object. A type has several definitions if its limits differ by place.
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

// member describes a member: its type, and the limits of its values.
func (w *schemaWriter) member(f *spec.Field) (*schema, error) {
	out := &schema{Description: w.comments.of(f)}
	needed := f.Need <= w.version
	if f.Elem == nil && f.Type.Kind() != reflect.Slice {
		out.Type = []string{kindOf(f.Type), "null"}
		if needed {
			out.Type = kindOf(f.Type)
			if out.Type == "string" {
				out.MinLength = 1
			}
		}
		limit(f.Path, out, w.version)
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
		out.Unique = f.List == spec.Keyed && !slices.Contains(repeating, f.Path)
	}
	out.Type = []string{"array", "null"}
	if needed {
		out.Type, out.MinItems = "array", 1
	}
	limit(f.Path, out, w.version)
	return out, nil
}
