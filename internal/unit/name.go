// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"fmt"
	"strings"
)

// A Name is the name of a unit in its parts (systemd.unit(5)): PREFIX.SUFFIX, or PREFIX@INSTANCE.SUFFIX, which is a
// template if the instance is empty.
type Name struct {
	Prefix, Instance, Suffix string
	At                       bool // there is an "@"
}

// SplitName splits a name into its parts. Suffix is empty if the name has none.
func SplitName(name string) Name {
	n := Name{Prefix: name}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		n.Prefix, n.Suffix = name[:dot], name[dot+1:]
	}
	n.Prefix, n.Instance, n.At = strings.Cut(n.Prefix, "@")
	return n
}

func (n Name) String() string {
	text := n.Prefix
	if n.At {
		text += "@" + n.Instance
	}
	if n.Suffix != "" {
		text += "." + n.Suffix
	}
	return text
}

// IsTemplate reports whether instances can be made of the name.
func (n Name) IsTemplate() bool { return n.At && n.Instance == "" }

// IsInstance reports whether the name is an instance of a template.
func (n Name) IsInstance() bool { return n.At && n.Instance != "" }

// Template returns the template of an instance, and any other name as it is.
func (n Name) Template() Name {
	n.Instance = ""
	return n
}

// With returns the instance of a template.
func (n Name) With(instance string) Name {
	n.Instance = instance
	return n
}

// suffixes are the types of units.
const suffixes = " service socket device mount automount swap target path timer snapshot slice scope "

// valid reports whether a name can be one of a unit file.
func (n Name) valid() bool {
	text := n.String()
	return n.Prefix != "" && len(text) < 256 && validChars(text) && n.Suffix != "" &&
		strings.Contains(suffixes, " "+n.Suffix+" ")
}

// validChars reports whether a text has only what the names of units may have.
func validChars(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' && c != '-' && c != '.' || c > 'z' || c > ':' && c < '@' || strings.IndexByte("[]^`", c) >= 0 {
			return false
		}
	}
	return true
}

// expand replaces the specifiers of a setting in [Install] that follow from the unit's name (systemd.unit(5)).
// Those that need a running system are refused.
func expand(text string, n Name) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			b.WriteByte('%')
			break
		}
		switch text[i] {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteString(n.String())
		case 'N':
			b.WriteString(strings.TrimSuffix(n.String(), "."+n.Suffix))
		case 'p':
			b.WriteString(n.Prefix)
		case 'i':
			b.WriteString(n.Instance)
		case 'j':
			b.WriteString(n.Prefix[strings.LastIndexByte(n.Prefix, '-')+1:])
		default:
			return "", fmt.Errorf("%%%c in %q cannot be resolved before the system runs", text[i], text)
		}
	}
	return b.String(), nil
}
