// SPDX-License-Identifier: Apache-2.0

// Package spec knows the versions of the config format and how they differ.
//
// Most differences are additions, which the since tags of package types record. This package has the list of versions,
// the one member whose first version depends on where it is, and the steps that raise an old config to the newest
// form. Raising never fails and loses nothing but what the old version did not mean.
package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// A Version is a version of the format, 3.N.0, as N.
type Version int

// The versions.
const (
	V3_0 Version = iota
	V3_1
	V3_2
	V3_3
	V3_4
	V3_5
	V3_6
	V3_7 // experimental

	Stable = V3_6 // the newest that is final
	Newest = V3_7
)

// All returns the versions, the oldest first.
func All() []Version {
	list := make([]Version, 0, Newest+1)
	for v := V3_0; v <= Newest; v++ {
		list = append(list, v)
	}
	return list
}

// String returns the version as a config spells it.
func (v Version) String() string {
	if v > Stable {
		return fmt.Sprintf("3.%d.0-experimental", int(v))
	}
	return fmt.Sprintf("3.%d.0", int(v))
}

// ParseError is the error of a version that cannot be used. Malformed is true if the text is not a version at all.
type ParseError struct {
	Text      string
	Malformed bool
}

func (e *ParseError) Error() string {
	switch {
	case e.Text == "":
		return "the config has no version"
	case e.Malformed:
		return fmt.Sprintf("%q is not a version", e.shown())
	}
	return fmt.Sprintf("config version %q is not supported", e.shown())
}

// shown is the text, cut.
func (e *ParseError) shown() string {
	const most = 40
	if len(e.Text) > most {
		return e.Text[:most] + "…"
	}
	return e.Text
}

// Hint says what to write instead.
func (e *ParseError) Hint() string {
	switch {
	case strings.HasPrefix(e.Text, "2."):
		return `it is a config of version 2; "firstlight convert" turns it into version 3`
	case strings.HasPrefix(e.Text, "1"):
		return `it is a config of version 1, or a YAML form (Butane) without "variant"; write a config of version ` + Stable.String()
	case e.Text != "" && strings.HasPrefix(Newest.String(), e.Text+"-"):
		return fmt.Sprintf("that version is not final: did you mean %s?", Newest)
	case strings.HasSuffix(e.Text, "-experimental"):
		return fmt.Sprintf("the only experimental version is %s", Newest)
	}
	if v, ok := e.nearest(); ok {
		return fmt.Sprintf("did you mean %s?", v)
	}
	return fmt.Sprintf(`set ignition.version to one of 3.0.0 to %s`, Stable)
}

// nearest returns the version that a text was probably meant to be: v3.4.0, 3.4 and 3.4.1 are 3.4.0.
func (e *ParseError) nearest() (Version, bool) {
	_, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(e.Text), "v"), "3.")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return Version(n), ok && err == nil && n >= 0 && Version(n) <= Newest
}

// Parse reads a version; it must be one of the accepted ones exactly, pre-release and metadata included.
func Parse(text string) (Version, error) {
	core, meta, hasMeta := strings.Cut(text, "+")
	core, pre, _ := strings.Cut(core, "-")
	var n [3]int
	parts := strings.Split(core, ".")
	if len(parts) != len(n) {
		return 0, &ParseError{Text: text, Malformed: true}
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, &ParseError{Text: text, Malformed: true}
		}
		n[i] = int(v)
	}
	v := Version(n[1])
	want := ""
	if v > Stable {
		want = "experimental"
	}
	if n[0] != 3 || n[2] != 0 || v > Newest || pre != want || hasMeta && meta != "" {
		return 0, &ParseError{Text: text}
	}
	return v, nil
}
