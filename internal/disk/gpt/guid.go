// SPDX-License-Identifier: Apache-2.0

package gpt

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// A GUID is stored as it is on disk: the first three fields little-endian (UEFI 2.10, appendix A).
type GUID [16]byte

// LinuxData is the type of a partition without a wanted type: a Linux filesystem.
var LinuxData = must("0FC63DAF-8483-4772-8E79-3D69D8477DE4")

func must(text string) GUID {
	g, err := ParseGUID(text)
	if err != nil {
		panic(err)
	}
	return g
}

// ParseGUID reads the form 0FC63DAF-8483-4772-8E79-3D69D8477DE4, in either case.
func ParseGUID(text string) (GUID, error) {
	var g GUID
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	dashes := len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-'
	if err != nil || len(raw) != 16 || !dashes {
		return g, fmt.Errorf("parse GUID %q: want 8-4-4-4-12 hexadecimal digits", text)
	}
	copy(g[:], raw)
	g.swap()
	return g, nil
}

// swap turns text order into disk order and back.
func (g *GUID) swap() {
	binary.LittleEndian.PutUint32(g[0:], binary.BigEndian.Uint32(g[0:]))
	binary.LittleEndian.PutUint16(g[4:], binary.BigEndian.Uint16(g[4:]))
	binary.LittleEndian.PutUint16(g[6:], binary.BigEndian.Uint16(g[6:]))
}

// String returns the usual form, in upper case.
func (g GUID) String() string {
	g.swap()
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", g[0:4], g[4:6], g[6:8], g[8:10], g[10:]))
}

// MarshalText returns the usual form of a GUID, for JSON.
func (g GUID) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (g *GUID) UnmarshalText(text []byte) error {
	read, err := ParseGUID(string(text))
	*g = read
	return err
}

// IsZero reports whether the GUID is zero, which means "none".
func (g GUID) IsZero() bool { return g == GUID{} }
