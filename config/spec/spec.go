// SPDX-License-Identifier: Apache-2.0

// Package spec knows the versions of the config format and how they differ.
//
// Most differences are additions, and stand in the since tags of package types; what is here is the list of versions,
// the one member whose first version depends on where it stands, and the steps that raise an old config to the newest
// form. Raising never fails and loses nothing but what the old version did not mean.
package spec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
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

// String returns the version as a config spells it.
func (v Version) String() string {
	if v > Stable {
		return fmt.Sprintf("3.%d.0-experimental", int(v))
	}
	return fmt.Sprintf("3.%d.0", int(v))
}

// Minor reads a since tag: "3.4".
func Minor(tag string) Version {
	n, err := strconv.Atoi(strings.TrimPrefix(tag, "3."))
	if err != nil {
		return Newest + 1
	}
	return Version(n)
}

// ParseError is a version that cannot be used. Malformed versions are those that are no version at all.
type ParseError struct {
	Text      string
	Malformed bool
}

func (e *ParseError) Error() string {
	switch {
	case e.Text == "":
		return "the config has no version"
	case e.Malformed:
		return fmt.Sprintf("%q is not a version", e.Text)
	}
	return fmt.Sprintf("config version %q is not supported", e.Text)
}

// Hint says what to write instead.
func (e *ParseError) Hint() string {
	switch {
	case strings.HasPrefix(e.Text, "2.") || strings.HasPrefix(e.Text, "1"):
		return "configs before 3.0.0 have another form and cannot be converted; write a 3.x config"
	case strings.HasSuffix(e.Text, "-experimental"):
		return fmt.Sprintf("the only experimental version is %s", Newest)
	}
	return fmt.Sprintf(`set ignition.version to one of 3.0.0 to %s`, Stable)
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

// Since returns the first version that knows a member of the given tag, standing at a path such as
// "$.ignition.config.merge.0.compression". A resource's compression is older for the contents of files than for
// configs and certificate authorities.
func Since(tag, path, name string) Version {
	if name == "compression" && strings.HasPrefix(path, "$.ignition.") {
		return V3_1
	}
	return Minor(tag)
}

// specialBits are set-user-id, set-group-id and the sticky bit.
const specialBits = 0o7000

// Raise turns a config of an older version into the newest form.
func Raise(c *types.Config, from Version) {
	if from < V3_3 {
		raiseTo33(c)
	}
	if from < V3_6 {
		clearSpecialBits(c)
	}
	c.Ignition.Version = Newest.String()
}

// raiseTo33 sets what were plain strings before 3.3.0, empty if absent.
func raiseTo33(c *types.Config) {
	for i := range c.Storage.Raid {
		set(&c.Storage.Raid[i].Level)
	}
	for i := range c.Storage.Links {
		set(&c.Storage.Links[i].Target)
	}
	for i := range c.Storage.Luks {
		if custom := &c.Storage.Luks[i].Clevis.Custom; *custom != (types.ClevisCustom{}) {
			set(&custom.Pin)
			set(&custom.Config)
		}
	}
}

func set(s **string) {
	if *s == nil {
		*s = new(string)
	}
}

// clearSpecialBits drops mode bits that had no effect before 3.6.0.
func clearSpecialBits(c *types.Config) {
	for i := range c.Storage.Files {
		c.Storage.Files[i].Mode = plain(c.Storage.Files[i].Mode)
	}
	for i := range c.Storage.Directories {
		c.Storage.Directories[i].Mode = plain(c.Storage.Directories[i].Mode)
	}
}

func plain(mode *int) *int {
	if mode == nil || *mode&specialBits == 0 {
		return mode
	}
	m := *mode &^ specialBits
	return &m
}
