// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/json"
	"strconv"
)

const (
	luksMagic  = "LUKS\xba\xbe"
	luksSecond = "SKUL\xba\xbe"
)

// containers are the encrypted formats.
func containers() []format {
	return []format{
		{name: "crypto_LUKS", usage: Crypto, magics: luksMagics(), check: luks},
		{name: "BitLocker", usage: Crypto, magics: one(3, "-FVE-FS-")},
	}
}

// luksMagics has the header and, for LUKS2, the places where its second copy may be, which depend on the size of the
// first (LUKS2 on-disk format specification 1.1, table 1).
func luksMagics() []magic {
	all := one(0, luksMagic)
	for at := int64(0x4000); at <= 0x400000; at *= 2 {
		all = append(all, magic{at, luksSecond})
	}
	return all
}

// luks reads versions 1 and 2; a second copy knows its own place.
func luks(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset, 512)
	version := be.Uint16(h[6:])
	s.Version, s.UUID = strconv.Itoa(int(version)), text(h[168:208])
	if version == 2 {
		s.Label = text(h[24:72])
		s.Flags = luksFlags(d, m.offset, be.Uint64(h[8:]))
		return be.Uint64(h[256:]) == uint64(m.offset)
	}
	return version == 1 && m.offset == 0
}

// luksFlags reads the flags with which a LUKS2 volume is always opened, from a header of size bytes (specification 1.1, 2.2 and
// 3.7).
func luksFlags(d *device, offset int64, size uint64) []string {
	const binary, largest = 4096, 4 << 20
	if size <= binary || size > largest {
		return nil
	}
	area, _, _ := bytes.Cut(d.at(offset+binary, int(size-binary)), []byte{0})
	var header struct {
		Config struct {
			Flags []string `json:"flags"`
		} `json:"config"`
	}
	if json.Unmarshal(area, &header) != nil {
		return nil // cryptsetup will say what is wrong
	}
	return header.Config.Flags
}
