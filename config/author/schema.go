// SPDX-License-Identifier: Apache-2.0

package author

import (
	"reflect"

	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// kind is the type of a member of the language.
type kind uint8

const (
	object kind = iota
	text
	integer
	boolean
	texts // a mapping from texts to texts
)

// A shape is the members that an object of the language may have: those of the config in the variant's version, under the
// language's names, and sugar.
type shape struct {
	place  string // in the config, by member names
	fields map[string]*field
	all    []*field // in the order of the types
	sugar  func(*translator, *node, *node)
}

// A field is a member.
type field struct {
	name string
	to   string // the member of the config; empty for sugar
	kind kind
	list bool
	elem *shape // of objects
}

// An extension is sugar at one place.
type extension struct {
	place string
	when  features // that the variant must have; 0 for all
	of    reflect.Type
	apply func(*translator, *node, *node) // translates an object that has it; nil if it works on the whole document
}

// The members that the language adds. Their since tags are those of the config that a variant is translated to.
type (
	inlineSugar struct {
		Inline *string `json:"inline" since:"3.0"`
		Local  *string `json:"local" since:"3.1"`
	}
	referenceSugar struct {
		Inline *string `json:"inline" since:"3.1"`
		Local  *string `json:"local" since:"3.1"`
	}
	storageSugar struct {
		Trees []tree `json:"trees" since:"3.1"`
	}
	tree struct {
		Local    *string     `json:"local" since:"3.1"`
		Path     *string     `json:"path" since:"3.1"`
		User     types.Owner `json:"user" since:"3.6"`
		Group    types.Owner `json:"group" since:"3.6"`
		FileMode *int        `json:"file_mode" since:"3.6"`
		DirMode  *int        `json:"dir_mode" since:"3.6"`
	}
	filesystemSugar struct {
		WithMountUnit *bool `json:"with_mount_unit" since:"3.1"`
	}
	unitSugar struct {
		ContentsLocal *string `json:"contents_local" since:"3.4"`
	}
	userSugar struct {
		SSHAuthorizedKeysLocal []string `json:"ssh_authorized_keys_local" since:"3.4"`
	}
	systemdSugar struct {
		Quadlets []quadlet `json:"quadlets" since:"3.7"`
	}
	quadlet struct {
		Name          *string         `json:"name" since:"3.7"`
		Rootful       *bool           `json:"rootful" since:"3.7"`
		Contents      *string         `json:"contents" since:"3.7"`
		ContentsLocal *string         `json:"contents_local" since:"3.7"`
		Dropins       []quadletDropin `json:"dropins" since:"3.7"`
	}
	quadletDropin struct {
		Name          *string `json:"name" since:"3.7"`
		Contents      *string `json:"contents" since:"3.7"`
		ContentsLocal *string `json:"contents_local" since:"3.7"`
	}
	bootSugar struct {
		BootDevice struct {
			Layout *string `json:"layout" since:"3.2"`
			Luks   struct {
				Cex       types.Cex    `json:"cex" since:"3.5"`
				Device    *string      `json:"device" since:"3.5"`
				Discard   *bool        `json:"discard" since:"3.4"`
				Tang      []types.Tang `json:"tang" since:"3.2"`
				Threshold *int         `json:"threshold" since:"3.2"`
				TPM2      *bool        `json:"tpm2" since:"3.2"`
			} `json:"luks" since:"3.2"`
			Mirror struct {
				Devices []string `json:"devices" since:"3.2"`
			} `json:"mirror" since:"3.2"`
		} `json:"boot_device" since:"3.2"`
	}
	grubSugar struct {
		Grub struct {
			Users []struct {
				Name         *string `json:"name" since:"3.4"`
				PasswordHash *string `json:"password_hash" since:"3.4"`
			} `json:"users" since:"3.4"`
		} `json:"grub" since:"3.4"`
	}
	openshiftSugar struct {
		Metadata struct {
			Name   *string           `json:"name" since:"3.2"`
			Labels map[string]string `json:"labels" since:"3.2"`
		} `json:"metadata" since:"3.2"`
		OpenShift struct {
			KernelArguments []string `json:"kernel_arguments" since:"3.2"`
			Extensions      []string `json:"extensions" since:"3.2"`
			FIPS            *bool    `json:"fips" since:"3.2"`
			KernelType      *string  `json:"kernel_type" since:"3.2"`
		} `json:"openshift" since:"3.2"`
	}
)

// extensions returns all sugar by its place.
func extensions() []extension {
	inline, reference := reflect.TypeFor[inlineSugar](), reflect.TypeFor[referenceSugar]()
	return []extension{
		{place: "storage.files.contents", of: inline, apply: (*translator).resource},
		{place: "storage.files.append", of: inline, apply: (*translator).resource},
		{place: "ignition.config.merge", of: reference, apply: (*translator).childConfig},
		{place: "ignition.config.replace", of: reference, apply: (*translator).childConfig},
		{place: "ignition.security.tls.certificateAuthorities", of: reference, apply: (*translator).resource},
		{place: "storage.luks.keyFile", of: reference, apply: (*translator).resource},
		{place: "storage", of: reflect.TypeFor[storageSugar]()},
		{place: "storage.filesystems", of: reflect.TypeFor[filesystemSugar]()},
		{place: "systemd.units", of: reflect.TypeFor[unitSugar](), apply: (*translator).contentsLocal},
		{place: "systemd.units.dropins", of: reflect.TypeFor[unitSugar](), apply: (*translator).contentsLocal},
		{place: "systemd", of: reflect.TypeFor[systemdSugar]()},
		{place: "passwd.users", of: reflect.TypeFor[userSugar](), apply: (*translator).keysLocal},
		{place: "", when: bootDevice, of: reflect.TypeFor[bootSugar]()},
		{place: "", when: coreos, of: reflect.TypeFor[grubSugar]()},
		{place: "", when: openshift, of: reflect.TypeFor[openshiftSugar]()},
	}
}

// language returns the shape of a variant's documents.
func language(v *Variant) *shape {
	b := builder{v: v, extensions: extensions()}
	s := b.shape(spec.Config(), snake, true)
	for _, name := range []string{"variant", "version"} {
		s.add(&field{name: name, kind: text})
	}
	return s
}

// A builder makes the shapes of a variant.
type builder struct {
	v          *Variant
	extensions []extension
}

// shape describes a struct of the config, if config is true, or of sugar.
func (b *builder) shape(of *spec.Struct, rename func(string) string, config bool) *shape {
	s := &shape{place: of.Path, fields: make(map[string]*field, len(of.Fields)+2)}
	for i := range of.Fields {
		f := &of.Fields[i]
		if f.Since > b.v.Spec || config && f.Path == "ignition.version" {
			continue
		}
		if config {
			s.add(b.field(f, rename, f.Name, true))
		} else {
			s.add(b.field(f, rename, "", false))
		}
	}
	if !config {
		return s
	}
	for _, e := range b.extensions {
		if e.place != of.Path || b.v.has&e.when != e.when {
			continue
		}
		for _, f := range b.shape(spec.Describe(e.of), same, false).all {
			s.add(f)
		}
		s.sugar = e.apply
	}
	return s
}

func same(name string) string { return name }

func (b *builder) field(f *spec.Field, rename func(string) string, to string, config bool) *field {
	out := &field{name: rename(f.Name), to: to}
	t := f.Type
	switch t.Kind() {
	case reflect.Slice:
		out.list, t = true, t.Elem()
	case reflect.Pointer:
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		out.kind, out.elem = object, b.shape(f.Elem, rename, config)
	case reflect.Map:
		out.kind = texts
	case reflect.String:
		out.kind = text
	case reflect.Bool:
		out.kind = boolean
	default:
		out.kind = integer
	}
	return out
}

func (s *shape) add(f *field) {
	s.fields[f.name] = f
	s.all = append(s.all, f)
}
