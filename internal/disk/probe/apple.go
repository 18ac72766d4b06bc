// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/fips140"
	"crypto/md5"
)

// hfs has its own name field, and may be the wrapper of hfsplus. Its allocation blocks are multiples of 512 bytes.
func hfs(d *device, _ magic, s *Signature) bool {
	h := d.at(0x400, 162)
	if embedded := string(h[124:126]); embedded == "H+" || embedded == "HX" {
		return false
	}
	size := be.Uint32(h[20:])
	s.Label, s.UUID = text(h[37:][:min(27, int(h[36]))]), hfsUUID(h[116:124])
	return size != 0 && size%512 == 0
}

// hfsplus may be in a wrapper, which has its offset. Its label is the name of the root directory (Apple Technical Note
// TN1150).
func hfsplus(d *device, m magic, s *Signature) bool {
	start := int64(0)
	if m.text == "BD" {
		h := d.at(0x400, 162)
		start = int64(be.Uint16(h[28:]))*512 + int64(be.Uint16(h[126:]))*int64(be.Uint32(h[20:]))
		inner := magic{start + 0x400, string(h[124:126])}
		if inner.text != "H+" && inner.text != "HX" || !d.has(inner) {
			return false
		}
		s.Magics = append(s.Magics, inner.extent())
	}
	h := d.at(start+0x400, 512)
	block := be.Uint32(h[40:])
	if block < 512 || block&(block-1) != 0 {
		return false
	}
	s.UUID, s.Label = hfsUUID(h[104:112]), hfsCatalog{d, start, int64(block), h[288:352]}.label()
	return true
}

// hfsCatalog is the file with the names of all files, in extents of blocks.
type hfsCatalog struct {
	d            *device
	start, block int64
	extents      []byte // first block and number of blocks of each
}

// at returns n bytes of the file, which must lie in one extent.
func (c hfsCatalog) at(offset int64, n int) []byte {
	for e := c.extents; len(e) >= 8; e = e[8:] {
		length := int64(be.Uint32(e[4:])) * c.block
		if offset < length {
			return c.d.at(c.start+int64(be.Uint32(e))*c.block+offset, n)
		}
		offset -= length
	}
	return make([]byte, n)
}

// label returns the name in the first record of the first leaf, that of the root directory.
func (c hfsCatalog) label() string {
	const leaf, rootParent = 0xFF, 1
	header := c.at(0, 64)
	nodeSize, first := int64(be.Uint16(header[32:])), int64(be.Uint32(header[24:]))
	node := c.at(first*nodeSize, 22+2*255)
	if nodeSize < 512 || node[8] != leaf || be.Uint32(node[16:]) != rootParent {
		return ""
	}
	return utf16Text(be, node[22:][:2*min(255, int(be.Uint16(node[20:])))])
}

// hfsUUID makes a UUID of version 3 from the eight bytes with which Mac OS X identifies a volume. MD5 has no security
// function here.
func hfsUUID(id []byte) string {
	if zero(id) {
		return ""
	}
	const namespace = "\xb3\xe2\x0f\x39\xf2\x92\x11\xd6\x97\xa4\x00\x30\x65\x43\xec\xac"
	var sum [16]byte
	fips140.WithoutEnforcement(func() { sum = md5.Sum(append([]byte(namespace), id...)) })
	sum[6] = sum[6]&0x0F | 0x30
	sum[8] = sum[8]&0x3F | 0x80
	return uuid(sum[:])
}
