// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"strings"
)

// vrsStart is the offset of a volume recognition sequence (ECMA-167, part 2, 8.3).
const vrsStart = 0x8000

// udf accepts a volume recognition sequence with NSR02 or NSR03. Its descriptors are 2048 bytes apart, or one block if
// blocks are larger. Two filesystems may share a device; the complete one counts.
func udf(d *device, _ magic, s *Signature) bool {
	found := false
	for step := int64(2048); step <= 32<<10; step *= 2 {
		version := recognition(d, step)
		if version == "" {
			continue
		}
		found, s.Version = true, version
		for block := step; block == step || block >= 512 && step == 2048; block /= 2 {
			if udfNames(d, block, s) {
				return true
			}
		}
	}
	return found
}

// recognition returns the identifier that marks a sequence as UDF.
func recognition(d *device, step int64) string {
	for i := range int64(64) {
		switch id := string(d.at(vrsStart+i*step+1, 5)); id {
		case "NSR02", "NSR03":
			return id
		case "BEA01", "BOOT2", "CD001", "CDW02", "TEA01":
		default:
			return ""
		}
	}
	return ""
}

// udfNames reads label and UUID, if the blocks of a volume have this size. Its anchor is then in block 256 (ECMA-167, part
// 3, 8.4.2.1), and gives the extent of the descriptors.
func udfNames(d *device, block int64, s *Signature) bool {
	const (
		primary, anchor, logical, end = 1, 2, 6, 8
		anchorBlock, most             = 256, 64
	)
	tag := func(b []byte, at int64) uint16 {
		if le.Uint32(b[12:]) != uint32(at) {
			return 0
		}
		return le.Uint16(b)
	}
	a := d.at(anchorBlock*block, 512)
	if tag(a, anchorBlock) != anchor {
		return false
	}
	blocks, first := min(int64(le.Uint32(a[16:]))/block, most), int64(le.Uint32(a[20:]))
	own := false
	for at := first; at < first+blocks; at++ {
		switch b := d.at(at*block, 512); tag(b, at) {
		case primary:
			s.UUID = udfUUID(dstring(b[72:][:128]))
		case logical:
			s.Label, own = text([]byte(dstring(b[84:][:128]))), int64(le.Uint32(b[212:])) == block
		case end:
			return own
		}
	}
	return own
}

// dstring decodes a text of OSTA compressed Unicode, whose length is in its last byte (UDF 2.60, 2.1.3).
func dstring(b []byte) string {
	n := min(int(b[len(b)-1]), len(b)-1)
	if n < 1 {
		return ""
	}
	switch b[0] {
	case 8:
		runes := make([]rune, 0, n)
		for _, c := range b[1:n] {
			runes = append(runes, rune(c))
		}
		return string(runes)
	case 16:
		return utf16Text(be, b[1:n])
	}
	return ""
}

// udfUUID makes an identifier from the first 16 characters of a volume set's name. If only the first eight are hexadecimal
// digits, it takes these and the next four bytes as digits; else eight bytes as digits (mkudffs(8), option --uuid).
func udfUUID(set string) string {
	if len(set) < 8 {
		return ""
	}
	set += "\x00\x00\x00\x00"
	digits := 0
	for digits < min(16, len(set)) && hexDigit(set[digits]) {
		digits++
	}
	switch {
	case digits == 16:
		return strings.ToLower(set[:16])
	case digits >= 8:
		return strings.ToLower(set[:8]) + fmt.Sprintf("%x", set[8:12])
	}
	return fmt.Sprintf("%x", set[:8])
}

// iso takes the UUID from the modification date of the primary volume descriptor, or else its creation date. High Sierra, its
// predecessor, has its magic elsewhere, and no UUID.
func iso(d *device, m magic, s *Signature) bool {
	if m.text == "CDROM" {
		s.Label = text(d.at(0x8030, 32))
		return true
	}
	v := d.at(vrsStart, 2048)
	s.Label = isoLabel(d, text(v[40:72]))
	for _, offset := range []int{830, 813} {
		date := string(v[offset:][:16])
		if strings.Trim(date, "0\x00") != "" {
			s.UUID = fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", date[:4], date[4:6], date[6:8], date[8:10], date[10:12], date[12:14], date[14:16])
			break
		}
	}
	return true
}

// isoLabel prefers the name of a Joliet volume, which may have any letters but only 16 of them. The plain name provides the
// rest, if it begins in the same way.
func isoLabel(d *device, plain string) string {
	const supplementary, end, room = 2, 255, 16
	for i := range int64(16) {
		v := d.at(vrsStart+i*2048, 128)
		if string(v[1:6]) != "CD001" || v[0] == end {
			break
		}
		escape := string(v[88:91])
		if v[0] != supplementary || escape != "%/@" && escape != "%/C" && escape != "%/E" {
			continue
		}
		if name := utf16Text(be, v[40:72]); name != "" {
			if runes := []rune(name); len(runes) == room && len(plain) > room && alike(runes, plain) {
				name += plain[room:]
			}
			return name
		}
	}
	return plain
}

// alike reports whether a plain name begins like another, which it has in capitals and with underscores for other
// characters.
func alike(name []rune, plain string) bool {
	for i, r := range name {
		if c := plain[i]; c != '_' && !strings.EqualFold(string(r), string(rune(c))) {
			return false
		}
	}
	return true
}
