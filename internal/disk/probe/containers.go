// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"strconv"
)

const (
	luksMagic  = "LUKS\xba\xbe"
	luksSecond = "SKUL\xba\xbe"

	bitLockerMagic = "-FVE-FS-"
	toGoMagic      = "MSWIN4.1" // BitLocker To Go, which looks like a FAT filesystem
)

// containers are the encrypted formats, the formats that protect blocks by checksums, and the members that libblkid ranks
// after LUKS. A LUKS2 header has a second copy in one of several places, which depend on the size of the first (LUKS2
// on-disk format specification 1.1, table 1).
var containers = []format{
	{name: "DM_verity_hash", usage: Crypto, magics: []magic{{0, "verity\x00\x00"}}, uuid: field{16, 16}},
	{name: "DM_integrity", usage: Crypto, magics: []magic{{0, "integrt\x00"}}},
	{name: "crypto_LUKS", usage: Crypto, magics: []magic{{0, luksMagic}, {0x4000, luksSecond}, {0x8000, luksSecond}, {0x10000, luksSecond},
		{0x20000, luksSecond}, {0x40000, luksSecond}, {0x80000, luksSecond}, {0x100000, luksSecond}, {0x200000, luksSecond},
		{0x400000, luksSecond}}, check: luks},
	{name: "VMFS_volume_member", usage: RAID, magics: []magic{{0x100000, "\x0d\xd0\x01\xc0"}}, uuid: field{0x100214, 35}},
	{name: "ubi", usage: RAID, magics: []magic{{0, "UBI#"}}, check: ubi},
	{name: "vdo", usage: Other, magics: []magic{{0, "dmvdo001"}}, uuid: field{40, 16}},
	{name: "stratis", usage: RAID, magics: []magic{{512 + 4, stratisMagic}, {9*512 + 4, stratisMagic}}, check: stratis},
	{name: "BitLocker", usage: Crypto, magics: []magic{{3, bitLockerMagic}, {3, toGoMagic}, {510, bootMagic}}, check: bitLocker},
	{name: "cs_fvault2", usage: Crypto, magics: []magic{{88, "CS"}}, check: fileVault, uuid: field{304, 16}},
}

// luks reads versions 1 and 2; a second copy contains its own offset.
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

// luksFlags reads the persistent flags of a LUKS2 volume from a header of size bytes (specification 1.1, 2.2 and 3.7).
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
		return nil // cryptsetup will report the error
	}
	return header.Config.Flags
}

// bitLocker gets its names from its first metadata block, whose offset follows an identifier in the boot sector (libbde,
// BitLocker Drive Encryption format). Volumes of Windows Vista have neither.
func bitLocker(d *device, _ magic, s *Signature) bool {
	const (
		own                = "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"
		place, placeOfToGo = 160, 424
	)
	h := d.at(0, 512)
	id := h[place:][:24]
	toGo := string(h[3:11]) == toGoMagic
	if toGo {
		id = h[placeOfToGo:][:24]
	} else if string(h[3:11]) != bitLockerMagic {
		return false
	}
	if string(id[:16]) != own {
		return !toGo
	}
	if block := d.at(int64(le.Uint64(id[16:])), 96); string(block[:8]) == bitLockerMagic {
		s.UUID = guid(block[80:])
		s.Label = bitLockerLabel(d.at(int64(le.Uint64(id[16:]))+64, int(min(le.Uint32(block[64:]), 4096))))
	}
	return true
}

// bitLockerLabel finds the description among the entries after the metadata header.
func bitLockerLabel(metadata []byte) string {
	const (
		header, head         = 48, 8
		description, unicode = 7, 2
	)
	for e := metadata[min(header, len(metadata)):]; len(e) >= head; {
		size := int(le.Uint16(e))
		if size < head || size > len(e) {
			break
		}
		if le.Uint16(e[2:]) == description && le.Uint16(e[4:]) == unicode {
			return utf16Text(le, e[head:size])
		}
		e = e[size:]
	}
	return ""
}

// fileVault accepts the volume header of Core Storage with AES-XTS, as libfvde's documentation of the format has it: the
// magic has only two bytes.
func fileVault(d *device, _ magic, _ *Signature) bool {
	const (
		version, volumeHeader = 1, 0x10
		crc32c                = 1
		keySize, aesXTS       = 16, 2
	)
	h := d.at(0, 512)
	return le.Uint16(h[8:]) == version && le.Uint16(h[10:]) == volumeHeader && le.Uint32(h[90:]) == crc32c &&
		le.Uint32(h[168:]) == keySize && le.Uint32(h[172:]) == aesXTS &&
		^crc32.Update(^le.Uint32(h[4:]), castagnoli(), h[8:]) == le.Uint32(h)
}
