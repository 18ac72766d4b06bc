// SPDX-License-Identifier: Apache-2.0

package probe

import "strconv"

// A member of a ZFS pool has four labels of 256 KiB, two at each end. In each, a list of names and values follows 16 KiB, and 128
// uberblocks follow 128 KiB (ZFS On-Disk Specification, chapter 1).
const (
	zfsLabel = 256 << 10
	zfsList  = 16 << 10
	// zfsListRead is the number of bytes of a list that are read: the names of the pool come before the tree of its devices.
	zfsListRead = 4096
	zfsMagic    = "\x0c\xb1\xba\x00\x00\x00\x00\x00"
	zfsMagicB   = "\x00\x00\x00\x00\x00\xba\xb1\x0c"
)

// zfsLabels returns the offsets of the labels.
func zfsLabels(d *device) []int64 {
	end := d.size &^ (zfsLabel - 1)
	if end < 4*zfsLabel {
		return nil
	}
	return []int64{0, zfsLabel, end - 2*zfsLabel, end - zfsLabel}
}

// zfsPlaces are the heads of the lists that name the pool. The uberblocks are erased together with a list, because versions
// of libblkid before 2.41 recognize them.
func zfsPlaces(d *device) []magic {
	var heads []magic
	for _, label := range zfsLabels(d) {
		var ignored Signature
		if list := d.at(label+zfsList, zfsListRead); zfsNames(list, &ignored) {
			heads = append(heads, magic{label + zfsList, string(list[:16])})
		}
	}
	if len(heads) == 0 {
		return nil
	}
	return append(heads, uberblocks(d)...)
}

// zfsHead accepts the encoding of labels: XDR of either byte order, version 0, unique names.
func zfsHead(b []byte) bool {
	return b[0] == 1 && b[1] <= 1 && be.Uint32(b[4:]) == 0 && be.Uint32(b[8:]) == 1
}

func uberblocks(d *device) []magic {
	var all []magic
	for _, label := range zfsLabels(d) {
		for i := range int64(128) {
			at := label + 128<<10 + i<<10
			for _, m := range [...]magic{{at, zfsMagic}, {at, zfsMagicB}} {
				if d.has(m) {
					all = append(all, m)
				}
			}
		}
	}
	return all
}

// zfs reads the names from the first list with names.
func zfs(d *device, _ magic, s *Signature) bool {
	for _, label := range zfsLabels(d) {
		if zfsNames(d.at(label+zfsList, zfsListRead), s) {
			break
		}
	}
	return true
}

// zfsNames reads the name of the pool and its number. Each entry has its length, the length of its name, the name, a type, a
// count and the value, all in multiples of four bytes.
func zfsNames(list []byte, s *Signature) bool {
	const uint64Type, stringType = 8, 9
	if !zfsHead(list) {
		return false
	}
	for list = list[12:]; len(list) >= 20; {
		size, name := be.Uint32(list), be.Uint32(list[8:])
		if size < 20 || size > uint32(len(list)) || name > size-20 {
			break
		}
		key, value := string(list[12:][:name]), list[12+(name+3)&^3:size]
		if len(value) >= 16 {
			switch kind := be.Uint32(value); {
			case key == "pool_guid" && kind == uint64Type:
				s.UUID = strconv.FormatUint(be.Uint64(value[8:]), 10)
			case key == "name" && kind == stringType:
				s.Label = text(value[12:][:min(be.Uint32(value[8:]), uint32(len(value)-12))])
			}
		}
		list = list[size:]
	}
	return s.UUID != ""
}
