// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"fmt"
	"hash/crc32"
)

// opticalSamples are the filesystems that begin with a volume recognition sequence.
func opticalSamples() []sample {
	vsd := func(kind byte, id string) []byte { return block(2048, 0, string(kind)+id+"\x01") }
	iso := block(2048, 0, "\x01CD001\x01", 8, "LINUX", 40, block(32, 0, "FIRSTLIGHT                      "), 80, le32(100), 128, le16(2048), 130, be16(2048),
		813, "2026010203040506\x00", 830, "0000000000000000\x00")
	joliet := block(2048, 0, "\x02CD001\x01", 40, utf16(be, "FirstlightLong  "), 88, "%/E", 128, le16(2048), 130, be16(2048))
	all := []sample{
		{kind: "iso9660", pieces: of(piece{0x8000, iso}, piece{0x8800, vsd(0xFF, "CD001")})},
		{kind: "iso9660", variant: "Joliet", pieces: of(piece{0x8000, iso}, piece{0x8800, joliet}, piece{0x9000, vsd(0xFF, "CD001")})},
		{kind: "iso9660", variant: "High Sierra", pieces: of(at(0x8000, 2048, 8, "\x01CDROM\x01", 48, "FIRSTLIGHT                      "))},
	}
	for size := int64(512); size <= 32<<10; size *= 2 {
		s := sample{kind: "udf", variant: fmt.Sprintf("blocks of %d bytes", size), pieces: udf(size)}
		if size > 4096 {
			s.seenBy = none // mkudffs(8) makes them
		}
		all = append(all, s)
	}
	return all
}

// udf makes a volume whose descriptors follow the anchor.
func udf(size int64) []piece {
	step := max(size, 2048)
	tag := func(id uint16, location uint32, body []byte) []byte {
		b := put(block(16, 0, le16(id), 2, le16(2), 8, le16(0), 10, le16(uint16(len(body))), 12, le32(location)), 8, func([]byte) []byte { return le16(crc16(body)) })
		var sum byte
		for i, c := range b {
			if i != 4 {
				sum += c
			}
		}
		b[4] = sum
		return append(b, body...)
	}
	dstring := func(n int, s string) []byte { return block(n, 0, "\x08"+s, n-1, byte(len(s)+1)) }
	primary := tag(1, 300, block(496, 72-16, dstring(128, "1122334455667788"+name), 24-16, dstring(32, name), 200-16, "\x00OSTA Compressed Unicode"))
	logical := tag(6, 301, block(496, 20-16, "\x00OSTA Compressed Unicode", 84-16, dstring(128, name), 212-16, le32(uint32(size)),
		216-16, "\x00*OSTA UDF Compliant", 240-16, le16(0x201)))
	end := tag(8, 302, make([]byte, 496))
	anchor := tag(2, 256, block(496, 0, le32(uint32(16*size)), 4, le32(300), 8, le32(uint32(16*size)), 12, le32(300)))
	return of(at(0x8000, 7, 0, "\x00BEA01\x01"), at(0x8000+step, 7, 0, "\x00NSR02\x01"), at(0x8000+2*step, 7, 0, "\x00TEA01\x01"),
		piece{256 * size, anchor}, piece{300 * size, primary}, piece{301 * size, logical}, piece{302 * size, end})
}

// crc16 is the checksum of descriptors (ECMA-167, part 1, 7.2.6).
func crc16(b []byte) (sum uint16) {
	for _, c := range b {
		sum ^= uint16(c) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// tableSamples are the partition tables.
func tableSamples() []sample {
	mbr := func(kind byte) []byte {
		return block(512, 440, le32(0x1234abcd), 450, kind, 454, le32(8), 458, le32(2048), 510, "\x55\xaa")
	}
	sgi := put(block(512, 0, "\x0b\xe5\xa9\x41", 312, be32(1000), 316, be32(100), 320, be32(10)), 504, func(b []byte) []byte { return be32(-sum32(be, b)) })
	sun := put(block(512, 128, be32(1), 140, be16(8), 188, be32(0x600ddeee), 420, be16(1), 422, be16(1), 508, "\xda\xbe"), 510,
		func(b []byte) []byte { return be16(xor16(be, b)) })
	bsd := put(block(404, 0, le32(0x82564557), 132, le32(0x82564557), 138, le16(8), 148, le32(100), 152, le32(16), 156, le32(1024), 160, byte(7)), 136,
		func(b []byte) []byte { return le16(xor16(le, b[:148+8*16])) })
	mac := func(size int64, magic string) []piece {
		return of(at(0, 512, 0, "ER", 2, be16(uint16(size))), at(size, 512, 0, magic, 4, be32(1), 8, be32(1), 12, be32(63), 16, "Apple", 48, "Apple_partition_map"))
	}
	unixware := block(512, 4, le32(0xCA5E600D), 156, le32(0x600DDEEE), 160, le32(1), 172, le16(16))
	all := []sample{
		{kind: "dos", pieces: of(piece{0, mbr(0x83)})},
		{kind: "dos", variant: "empty", pieces: of(at(510, 2, 0, "\x55\xaa"))},
		{kind: "PMBR", pieces: of(piece{0, mbr(0xEE)})},
		{kind: "gpt", variant: "sectors of 512 bytes", pieces: gptTable(512), only: 512},
		{kind: "gpt", variant: "sectors of 4096 bytes", pieces: gptTable(4096), only: 4096},
		{kind: "aix", pieces: of(at(0, 4, 0, "\xc9\xc2\xd4\xc1"))},
		{kind: "sgi", pieces: of(piece{0, sgi})},
		{kind: "sun", pieces: of(piece{0, sun})},
		{kind: "mac", variant: "blocks of 512 bytes", pieces: mac(512, "PM")},
		{kind: "mac", variant: "blocks of 2048 bytes", pieces: mac(2048, "PM")},
		{kind: "mac", variant: "old", pieces: mac(512, "TS")},
		{kind: "ultrix", pieces: of(at(0x4000-72, 72, 0, le32(0x032957), 4, le32(1)))},
		{kind: "bsd", variant: "sector 1", pieces: of(piece{512, bsd}), seenBy: partx},
		{kind: "bsd", variant: "at 64", pieces: of(piece{64, bsd}), seenBy: partx},
		{kind: "bsd", variant: "at 128", pieces: of(piece{128, bsd}), seenBy: partx},
		{kind: "unixware", pieces: of(piece{29 * 512, unixware}), seenBy: none},
		{kind: "solaris", pieces: of(at(512, 512, 12, le32(0x600DDEEE), 16, le32(1), 30, le16(16)))},
	}
	for i := range int64(4) {
		all = append(all, sample{kind: "atari", variant: fmt.Sprintf("entry %d", i+1),
			pieces: of(at(0x1C2, 4, 0, be32(131072)), at(0x1C6+12*i, 12, 0, "\x01GEM", 4, be32(2), 8, be32(1000))), only: 512})
	}
	for _, label := range []struct{ name, text string }{{"VOL1", "\xe5\xd6\xd3\xf1\xe5\xd6\xd3\xf1"}, {"LNX1", "\xd3\xd5\xe7\xf1"}, {"CMS1", "\xc3\xd4\xe2\xf1"}} {
		for offset := int64(512); offset <= 8192; offset *= 2 {
			all = append(all, sample{kind: "dasd", variant: fmt.Sprintf("%s at %d", label.name, offset), pieces: of(at(offset, 16, 0, label.text)), seenBy: none})
		}
	}
	return all
}

// gptTable makes both copies of an empty table, without the master boot record of other systems.
func gptTable(sector int64) []piece {
	const entries = 128 * 128
	last := uint64(64*mib/sector) - 1
	array := make([]byte, entries)
	header := func(own, other, at uint64) []byte {
		used := uint64((entries+sector-1)/sector) + 2
		b := block(int(sector), 0, "EFI PART", 8, le32(0x10000), 12, le32(92), 24, le64(own), 32, le64(other), 40, le64(used), 48, le64(last-used), 56, id16, 72, le64(at),
			80, le32(128), 84, le32(128), 88, le32(crc32.ChecksumIEEE(array)))
		return put(b, 16, func(b []byte) []byte { return le32(crc32.ChecksumIEEE(b[:92])) })
	}
	return of(piece{0, block(512, 450, byte(0xEE), 454, le32(1), 458, le32(uint32(last)), 510, "\x55\xaa")},
		piece{sector, header(1, last, 2)}, piece{-sector, header(last, 1, last-uint64(entries/sector))})
}
