// SPDX-License-Identifier: Apache-2.0

package probe

import "strconv"

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
		return be.Uint64(h[256:]) == uint64(m.offset)
	}
	return version == 1 && m.offset == 0
}
