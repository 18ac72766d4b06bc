// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// Values in conditions. null and the empty text count as absent.
var (
	someText = &schema{Type: "string", MinLength: 1}
	anyText  = &schema{Type: "string"}
	noText   = &schema{Type: []string{"string", "null"}, MaxLength: number(0)}
	isTrue   = &schema{Const: true}
	nothing  = &schema{Type: "null"}
)

// has is an object with a member of a form.
func has(name string, form *schema) *schema {
	return &schema{Properties: map[string]*schema{name: form}, Required: []string{name}}
}

// without is an object whose given members, if it has them, count as absent.
func without(form *schema, names ...string) *schema {
	s := &schema{Properties: map[string]*schema{}}
	for _, name := range names {
		s.Properties[name] = form
	}
	return s
}

func when(condition, then *schema) *schema { return &schema{If: condition, Then: then} }

// conditions are the demands that the members of an object make of each other.
func conditions(s *spec.Struct, v spec.Version) []*schema {
	switch s.Type.Name() {
	case "Resource":
		return resourceConditions(s.Path, v)
	case "Owner":
		return []*schema{{Not: &schema{
			Properties: map[string]*schema{"id": {Type: "integer"}, "name": someText}, Required: []string{"id", "name"},
		}}}
	case "File":
		return []*schema{when(has("overwrite", isTrue), has("contents", has("source", anyText)))}
	case "Partition":
		absent := without(nothing, "label", "startMiB", "sizeMiB")
		absent.Properties["guid"], absent.Properties["typeGuid"] = noText, noText
		return []*schema{
			{AnyOf: []*schema{has("number", &schema{Type: "integer", Not: &schema{Enum: []any{0}}}), has("label", anyText)}},
			when(has("shouldExist", &schema{Enum: []any{false}}), absent),
		}
	case "Raid":
		simple := &schema{Enum: []any{"linear", "raid0", "0", "stripe"}}
		return []*schema{when(has("level", simple), without(&schema{Enum: []any{nil, 0}}, "spares"))}
	case "Filesystem":
		return filesystemConditions(v)
	case "Luks":
		if v >= spec.V3_5 {
			return []*schema{when(has("cex", has("enabled", isTrue)), without(without(noText, "source"), "keyFile"))}
		}
	case "Clevis":
		if v >= spec.V3_3 {
			none := &schema{Properties: map[string]*schema{
				"tang": {Type: []string{"array", "null"}, MaxItems: number(0)}, "tpm2": {Enum: []any{nil, false}}, "threshold": {Enum: []any{nil, 0}},
			}}
			return []*schema{when(has("custom", has("pin", someText)), none)}
		}
	case "ClevisCustom":
		return []*schema{when(has("pin", someText), has("config", someText)), when(has("config", someText), has("pin", someText))}
	}
	return nil
}

func resourceConditions(path string, v spec.Version) []*schema {
	var list []*schema
	if v >= spec.V3_1 || path == "storage.files.contents" || path == "storage.files.append" {
		list = append(list, when(has("verification", has("hash", anyText)), has("source", anyText)))
	}
	if v >= spec.V3_1 {
		list = append(list, when(has("httpHeaders", &schema{Type: "array", MinItems: 1}), has("source", &schema{Type: "string", Pattern: httpForm})))
	}
	return list
}

// filesystemConditions say that most members need a format, and how long labels may be. A schema counts characters; a text never
// has more characters than bytes.
func filesystemConditions(v spec.Version) []*schema {
	format := has("format", someText)
	list := []*schema{
		when(has("path", someText), format), when(has("label", someText), format), when(has("uuid", someText), format),
		when(has("wipeFilesystem", isTrue), format), when(has("options", &schema{Type: "array", MinItems: 1}), format),
	}
	if v >= spec.V3_1 {
		list = append(list, when(has("mountOptions", &schema{Type: "array", MinItems: 1}), format))
	}
	for _, name := range rules.Formats(v) {
		if most, ok := rules.LabelLimit(name); ok {
			list = append(list, when(has("format", &schema{Const: name}), without(&schema{MaxLength: number(most)}, "label")))
		}
	}
	if v >= spec.V3_7 {
		share := without(noText, "label", "uuid")
		share.Properties["options"] = &schema{MaxItems: number(0)}
		share.Properties["wipeFilesystem"] = &schema{Enum: []any{nil, false}}
		list = append(list, when(has("format", &schema{Const: "virtiofs"}), share))
	}
	return list
}
