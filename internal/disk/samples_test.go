// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// piece is a part of an image; a negative offset counts from its end.
type piece struct {
	at   int64
	data []byte
}

// sample is the smallest image that libblkid recognizes as a kind.
type sample struct {
	kind, variant string
	size          int64 // 64 MiB if 0
	pieces        []piece
	// seenBy is the other program that knows the kind: "" is blkid(8), partx lists only partitions, none is no program.
	seenBy string
	only   int // sector size with which the kind exists; 0: any
}

const (
	partx = "partx"
	none  = "none"
)

var le, be = binary.LittleEndian, binary.BigEndian

func le16(v uint16) []byte { return le.AppendUint16(nil, v) }
func le32(v uint32) []byte { return le.AppendUint32(nil, v) }
func le64(v uint64) []byte { return le.AppendUint64(nil, v) }
func be16(v uint16) []byte { return be.AppendUint16(nil, v) }
func be32(v uint32) []byte { return be.AppendUint32(nil, v) }
func be64(v uint64) []byte { return be.AppendUint64(nil, v) }

// block makes n bytes from pairs of an offset and its content.
func block(n int, fields ...any) []byte {
	b := make([]byte, n)
	for i := 0; i < len(fields); i += 2 {
		at := fields[i].(int)
		switch v := fields[i+1].(type) {
		case string:
			copy(b[at:], v)
		case []byte:
			copy(b[at:], v)
		case byte:
			b[at] = v
		default:
			panic(fmt.Sprintf("field of type %T", v))
		}
	}
	return b
}

// put writes a value calculated from a block, such as a checksum, into the block.
func put(b []byte, at int, of func([]byte) []byte) []byte {
	copy(b[at:], of(b))
	return b
}

func at(offset int64, n int, fields ...any) piece { return piece{offset, block(n, fields...)} }

func of(pieces ...piece) []piece { return pieces }

const (
	id16 = "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x01"
	name = "firstlight"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func sum16(b []byte) (sum uint16) {
	for i := 0; i < len(b); i += 2 {
		sum += le.Uint16(b[i:])
	}
	return sum
}

func sum32(order binary.ByteOrder, b []byte) (sum uint32) {
	for i := 0; i < len(b); i += 4 {
		sum += order.Uint32(b[i:])
	}
	return sum
}

func xor16(order binary.ByteOrder, b []byte) (sum uint16) {
	for i := 0; i+1 < len(b); i += 2 {
		sum ^= order.Uint16(b[i:])
	}
	return sum
}

// samples lists every kind, with a variant for each place, byte order and version that is recognized differently.
func samples() []sample {
	var all []sample
	for _, f := range []func() []sample{controllerSamples, memberSamples, containerSamples, linuxSamples, foreignSamples, opticalSamples, tableSamples} {
		all = append(all, f()...)
	}
	return all
}

// controllerSamples are the members of arrays that RAID controllers make.
func controllerSamples() []sample {
	via := put(block(512, 0, "\x55\xaa\x02"), 50, func(b []byte) []byte {
		var sum byte
		for _, c := range b[:50] {
			sum += c
		}
		return []byte{sum}
	})
	silicon := put(block(512, 0x60, "\x00\x00\x00\x2f", 0x108, le16(3), 0x10A, le16(2), 0x116, byte(1)), 0x13E,
		func(b []byte) []byte { return le16(-sum16(b[:0x13E])) })
	nvidia := put(block(512, 0, "NVIDIA  ", 8, le32(30), 16, le16(100)), 12, func(b []byte) []byte { return le32(-sum32(le, b[:120])) })
	jmicron := put(block(512, 0, "JM", 2, le16(1), 48, byte(1)), 4, func(b []byte) []byte { return le16(-sum16(b[:128])) })
	ddf := block(512, 0, "\xDE\x11\xDE\x11", 8, "Linux-MDfirstlight-00001", 32, "02.00.00")
	all := []sample{
		{kind: "ddf_raid_member", variant: "last sector", pieces: of(piece{-512, ddf})},
		{kind: "ddf_raid_member", variant: "257 sectors before the end", pieces: of(piece{-257 * 512, ddf})},
		{kind: "isw_raid_member", variant: "sectors of 512 bytes", pieces: of(at(-1024, 64, 0, "Intel Raid ISM Cfg Sig. 1.3.00")), only: 512},
		{kind: "isw_raid_member", variant: "sectors of 4096 bytes", pieces: of(at(-8192, 64, 0, "Intel Raid ISM Cfg Sig. 1.3.00")), only: 4096},
		{kind: "lsi_mega_raid_member", pieces: of(at(-512, 512, 0, "$XIDE$"))},
		{kind: "via_raid_member", pieces: of(piece{-512, via})},
		{kind: "silicon_medley_raid_member", pieces: of(piece{-512, silicon})},
		{kind: "nvidia_raid_member", pieces: of(piece{-1024, nvidia})},
		{kind: "hpt45x_raid_member", pieces: of(at(-11*512, 4, 0, le32(0x5a7816f3)))},
		{kind: "hpt45x_raid_member", variant: "bad", pieces: of(at(-11*512, 4, 0, le32(0x5a7816fd)))},
		{kind: "hpt37x_raid_member", pieces: of(at(9*512+32, 4, 0, le32(0x5a7816f0)))},
		{kind: "hpt37x_raid_member", variant: "bad", pieces: of(at(9*512+32, 4, 0, le32(0x5a7816fd)))},
		{kind: "adaptec_raid_member", pieces: of(at(-512, 512, 0, be32(0x37FC4D1E), 256, "DPTM"))},
		{kind: "jmicron_raid_member", pieces: of(piece{-512, jmicron})},
	}
	for _, n := range []int64{16, 63, 255, 256, 399, 591, 675, 735, 911, 951, 974, 991, 3087} {
		all = append(all, sample{kind: "promise_fasttrack_raid_member", variant: fmt.Sprintf("%d sectors before the end", n),
			pieces: of(at(-512*n, 24, 0, "Promise Technology, Inc."))})
	}
	return all
}

// memberSamples are members of software RAID, volume groups and pools.
func memberSamples() []sample {
	md := func(sector uint64) []byte {
		return put(block(256, 0, le32(0xa92b4efc), 4, le32(1), 16, id16, 32, "any:data", 80, le64(2048), 128, le64(2048), 144, le64(sector)),
			216, func(b []byte) []byte {
				var sum uint64
				for i := 0; i < len(b); i += 4 {
					sum += uint64(le.Uint32(b[i:]))
				}
				return le32(uint32(sum) + uint32(sum>>32))
			})
	}
	const end = 64 << 20
	mdOld := func(word func(uint32) []byte) []byte {
		return block(4096, 0, word(0xa92b4efc), 8, word(90), 20, word(0x01020304), 28, word(1), 32, word(4096), 36, word(2), 40, word(2),
			52, word(0x05060708), 56, word(0x090a0b0c), 60, word(0x0d0e0f10))
	}
	drbd := func(magic uint32) []byte {
		return block(4096, 40, be64(0x1122334455667788), 48, be64(0x1122334455667788), 60, be32(magic), 80, be32(4096))
	}
	label := func(sector uint64) []byte {
		return put(block(512, 0, "LABELONE", 8, le64(sector), 20, le32(32), 24, "LVM2 001", 32, "abcdefABCDefghEFGHijklIJKLmnopMN"), 16,
			func(b []byte) []byte { return le32(^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, b[20:])) })
	}
	ubi := put(block(64, 0, "UBI#\x01", 8, be64(1), 16, be32(64), 20, be32(128), 24, be32(42)), 60,
		func(b []byte) []byte { return be32(^crc32.ChecksumIEEE(b[:60])) })
	bcache := put(block(208, 8, le64(8), 16, le64(1), 24, bcacheMagic, 40, id16, 56, id16, 72, name, 192, le16(1)), 0, func(b []byte) []byte {
		return le64(bcacheSum(b[8:208]))
	})
	bcachefs := func(magic string, sector uint64) []byte {
		return block(1024, 16, le16(1024), 24, magic, 40, id16, 56, id16, 72, name, 104, le64(sector), 120, le16(8), 123, byte(1), 240, magic, 257, "\x0b\x01")
	}
	stratis := put(block(512, 4, "!Stra0tis\x86\xff\x02^\x41rh", 20, le64(end/512), 32, "11223344556677889900aabbccddeeff", 64, "ffeeddccbbaa00998877665544332211"), 0,
		func(b []byte) []byte { return le32(crc32c(b[4:])) })
	return []sample{
		{kind: "linux_raid_member", variant: "1.0", pieces: of(piece{-8192, md(end/512 - 16)})},
		{kind: "linux_raid_member", variant: "1.1", pieces: of(piece{0, md(0)})},
		{kind: "linux_raid_member", variant: "1.2", pieces: of(piece{4096, md(8)})},
		{kind: "linux_raid_member", variant: "0.90, little endian", pieces: of(piece{-64 << 10, mdOld(le32)})},
		{kind: "linux_raid_member", variant: "0.90, big endian", pieces: of(piece{-64 << 10, mdOld(be32)})},
		{kind: "bcache", pieces: of(piece{4096, bcache})},
		{kind: "bcachefs", pieces: of(piece{4096, bcachefs(bcachefsMagic, 8)})},
		{kind: "bcachefs", variant: "with the magic of bcache", pieces: of(piece{4096, bcachefs(bcacheMagic, 8)})},
		{kind: "bcachefs", variant: "copy at 2 MiB", pieces: of(piece{2 << 20, bcachefs(bcachefsMagic, 4096)})},
		{kind: "bcachefs", variant: "copy at the end", pieces: of(piece{-1 << 20, bcachefs(bcachefsMagic, (end-1<<20)/512)})},
		{kind: "ceph_bluestore", pieces: of(at(0, 64, 0, "bluestore block device\n"))},
		{kind: "drbd", variant: "v08", pieces: of(piece{-4096, drbd(0x8374026b)})},
		{kind: "drbd", variant: "v08, unclean", pieces: of(piece{-4096, drbd(0x8374026c)})},
		{kind: "drbd", variant: "v09", pieces: of(piece{-4096, drbd(0x8374026d)})},
		{kind: "drbdmanage_control_volume", pieces: of(at(0, 512, 0, "$DRBDmgr=q\n0123456789abcdef0123456789ABCDEF\n"))},
		{kind: "drbdproxy_datalog", pieces: of(at(0, 512, 0, "DRBDdlh*", 8, le64(1), 16, id16))},
		{kind: "LVM2_member", variant: "sector 0", pieces: of(piece{0, label(0)})},
		{kind: "LVM2_member", variant: "sector 1", pieces: of(piece{512, label(1)})},
		{kind: "LVM2_member", variant: "sector 2", pieces: of(piece{1024, label(2)})},
		{kind: "LVM2_member", variant: "sector 3", pieces: of(piece{1536, label(3)})},
		{kind: "LVM1_member", variant: "1", pieces: of(at(0, 512, 0, "HM\x01\x00", 0x2C, "abcdefABCDefghEFGHijklIJKLmnopMN"))},
		{kind: "LVM1_member", variant: "2", pieces: of(at(0, 512, 0, "HM\x02\x00", 0x2C, "abcdefABCDefghEFGHijklIJKLmnopMN"))},
		{kind: "DM_snapshot_cow", pieces: of(at(0, 512, 0, "SnAp"))},
		{kind: "VMFS_volume_member", pieces: of(at(1<<20, 1024, 0, "\x0d\xd0\x01\xc0", 0x82, id16, 0x200, "\x00", 0x214, "4dcb8f4b-b4a2c0f3-3a3b-001122334455 "))},
		{kind: "ubi", pieces: of(piece{0, ubi})},
		{kind: "vdo", pieces: of(at(0, 512, 0, "dmvdo001", 40, id16))},
		{kind: "stratis", variant: "first copy", pieces: of(piece{512, stratis})},
		{kind: "stratis", variant: "second copy", pieces: of(piece{9 * 512, stratis})},
	}
}

const (
	bcacheMagic   = "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"
	bcachefsMagic = "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"
)

// bcacheSum is the CRC-64 of ECMA-182, most significant bit first.
func bcacheSum(b []byte) uint64 {
	const poly = 0x42F0E1EBA9EA3693
	sum := ^uint64(0)
	for _, c := range b {
		sum ^= uint64(c) << 56
		for range 8 {
			if sum>>63 != 0 {
				sum = sum<<1 ^ poly
			} else {
				sum <<= 1
			}
		}
	}
	return ^sum
}

// containerSamples are encrypted or guarded by checksums.
func containerSamples() []sample {
	luks2 := func(magic string, offset uint64) []byte {
		return block(4096, 0, magic, 6, be16(2), 8, be64(0x4000), 24, name, 72, "sha256", 168, "11223344-5566-7788-99aa-bbccddeeff00", 256, be64(offset))
	}
	fileVault := put(block(512, 4, le32(0xffffffff), 8, le16(1), 10, le16(0x10), 88, "CS", 90, le32(1), 168, le32(16), 172, le32(2), 304, id16), 0,
		func(b []byte) []byte { return le32(^crc32c(b[8:])) })
	const fve = "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"
	metadata := at(0x10000, 512, 0, "-FVE-FS-", 10, le16(2), 64, le32(48), 68, le32(1), 72, le32(48), 80, id16)
	all := []sample{
		{kind: "crypto_LUKS", variant: "1", pieces: of(at(0, 1024, 0, "LUKS\xba\xbe", 6, be16(1), 8, "aes", 168, "11223344-5566-7788-99aa-bbccddeeff00"))},
		{kind: "crypto_LUKS", variant: "2", pieces: of(piece{0, luks2("LUKS\xba\xbe", 0)})},
		{kind: "crypto_LUKS", variant: "2, OPAL", pieces: of(at(0, 4096, 0, "LUKS\xba\xbe", 6, be16(2), 8, be64(0x4000), 24, name, 72, "sha256",
			168, "11223344-5566-7788-99aa-bbccddeeff00", 208, "HW-OPAL"))},
		{kind: "DM_verity_hash", pieces: of(at(0, 512, 0, "verity\x00\x00", 8, le32(1), 12, le32(1), 16, id16))},
		{kind: "DM_integrity", pieces: of(at(0, 512, 0, "integrt\x00", 8, byte(1)))},
		{kind: "BitLocker", variant: "Windows 7", pieces: of(at(0, 512, 0, "\xeb\x58\x90-FVE-FS-", 160, fve, 176, le64(0x10000)), metadata)},
		{kind: "BitLocker", variant: "Windows Vista", pieces: of(at(0, 512, 0, "\xeb\x52\x90-FVE-FS-", 56, le64(16)), metadata)},
		{kind: "BitLocker", variant: "To Go", pieces: of(at(0, 512, 0, "\xeb\x58\x90MSWIN4.1", 424, fve, 440, le64(0x10000), 510, "\x55\xaa"), metadata)},
		{kind: "cs_fvault2", pieces: of(piece{0, fileVault})},
	}
	for offset := int64(0x4000); offset <= 0x400000; offset *= 2 {
		all = append(all, sample{kind: "crypto_LUKS", variant: fmt.Sprintf("2, copy at %d KiB", offset>>10), pieces: of(piece{offset, luks2("SKUL\xba\xbe", uint64(offset))})})
	}
	return all
}
