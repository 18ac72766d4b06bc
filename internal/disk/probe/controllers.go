// SPDX-License-Identifier: Apache-2.0

package probe

import "encoding/binary"

// The checks of the metadata of RAID controllers. The structures are those that dmraid(8) reads.

// ddf has its UUID in the header: a vendor and a number.
func ddf(d *device, m magic, s *Signature) bool {
	h := d.at(m.offset, 40)
	s.UUID, s.Version = text(h[8:32]), text(h[32:40])
	return true
}

// via has the sum of the bytes before its checksum.
func via(d *device, m magic, _ *Signature) bool {
	h := d.at(m.offset, 51)
	var sum byte
	for _, b := range h[:50] {
		sum += b
	}
	return h[2] <= 2 && sum == h[50]
}

// sum16 adds up little-endian words.
func sum16(b []byte) (sum uint16) {
	for i := 0; i+1 < len(b); i += 2 {
		sum += binary.LittleEndian.Uint16(b[i:])
	}
	return sum
}

// silicon has a checksum that makes the sum of all words zero.
func silicon(d *device, m magic, _ *Signature) bool {
	h := d.at(m.offset-0x60, 512)
	return h[0x116] < 8 && sum16(h[:0x140]) == 0
}

// nvidia has the number of words that its checksum covers, itself included: their sum is zero.
func nvidia(d *device, m magic, _ *Signature) bool {
	h := d.at(m.offset, 512)
	n := le.Uint32(h[8:])
	if n > 512/4 {
		return false
	}
	var sum uint32
	for i := range int(n) {
		sum += le.Uint32(h[4*i:])
	}
	return sum == 0
}

// promisePlaces are the places that different generations of the controller use, in sectors from the end.
func promisePlaces(d *device) []magic {
	var all []magic
	for _, n := range [...]int64{16, 63, 255, 256, 399, 591, 675, 735, 911, 951, 974, 991, 3087} {
		all = append(all, magic{(d.size/512 - n) * 512, "Promise Technology, Inc."})
	}
	return all
}

func adaptec(d *device, m magic, _ *Signature) bool { return d.has(magic{m.offset + 256, "DPTM"}) }

// jmicron has six modes; its words add up to zero, or to one.
func jmicron(d *device, m magic, _ *Signature) bool {
	h := d.at(m.offset, 128)
	return h[48] <= 5 && sum16(h) <= 1
}
