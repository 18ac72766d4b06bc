// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// array is an array of md. Until it has all its members it is inactive: it has no size, but holds its members.
type array struct {
	name       string
	uuid       [16]byte
	level      string
	chunk      int64
	dataOffset int64
	component  int64    // bytes of each member that are used
	members    []string // nodes by role; "" is missing
	spares     []string
	active     bool
}

func (a *array) nodes() []string {
	return slices.DeleteFunc(slices.Concat(a.members, a.spares), func(n string) bool { return n == "" })
}

// levels lists the levels of md(4): the number in the superblock, and how many members' space redundancy takes.
func levels() map[string]struct {
	number int32
	parity int
} {
	return map[string]struct {
		number int32
		parity int
	}{
		"linear": {-1, 0}, "raid0": {0, 0}, "raid1": {1, 0}, "raid4": {4, 1}, "raid5": {5, 1}, "raid6": {6, 2}, "raid10": {10, 0},
	}
}

// copies is the number of members of a raid10 that have each chunk (layout n2).
const copies = 2

// size returns the size of an array in bytes.
func (a *array) size() int64 {
	n := int64(len(a.members))
	switch a.level {
	case "raid1":
		return a.component
	case "raid10":
		return a.component / a.chunk * n / copies * a.chunk
	}
	return (n - int64(levels()[a.level].parity)) * a.component
}

// piece is a part of an array on its members. All members in roles have the data; if parity is not negative, that member has
// the exclusive or of the row.
type piece struct {
	roles  []int
	offset int64 // on the members
	length int64
	parity int
}

// locate returns the first piece of a range.
func (a *array) locate(offset, length int64) piece {
	n := int64(len(a.members))
	switch a.level {
	case "raid1":
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return piece{all, a.dataOffset + offset, length, -1}
	case "linear":
		role, at := offset/a.component, offset%a.component
		return piece{[]int{int(role)}, a.dataOffset + at, min(length, a.component-at), -1}
	}
	chunk, at := offset/a.chunk, offset%a.chunk
	length = min(length, a.chunk-at)
	place := func(row int64) int64 { return a.dataOffset + row*a.chunk + at }
	switch a.level {
	case "raid10":
		slot := chunk * copies
		return piece{[]int{int(slot % n), int((slot + 1) % n)}, place(slot / n), length, -1}
	case "raid4":
		return piece{[]int{int(chunk % (n - 1))}, place(chunk / (n - 1)), length, int(n - 1)}
	case "raid5", "raid6": // left-symmetric
		data := n - int64(levels()[a.level].parity)
		row := chunk / data
		parity := n - 1 - row%n
		return piece{[]int{int((parity + n - data + chunk%data) % n)}, place(row), length, int(parity)}
	}
	return piece{[]int{int(chunk % n)}, place(chunk / n), length, -1}
}

func (a *array) read(m *Machine, p []byte, offset int64) {
	for len(p) > 0 {
		at := a.locate(offset, int64(len(p)))
		m.read(m.devices[a.members[at.roles[0]]], p[:at.length], at.offset)
		p, offset = p[at.length:], offset+at.length
	}
}

func (a *array) write(m *Machine, p []byte, offset int64, by string) {
	for len(p) > 0 {
		at := a.locate(offset, int64(len(p)))
		data := p[:at.length]
		if at.parity >= 0 {
			a.writeParity(m, at, data, by)
		}
		for _, role := range at.roles {
			m.write(m.devices[a.members[role]], data, at.offset, by)
		}
		p, offset = p[at.length:], offset+at.length
	}
}

// writeParity updates the exclusive or of a row. The second parity of raid6 is not modeled, because nothing reads it.
func (a *array) writeParity(m *Machine, at piece, data []byte, by string) {
	old, parity := make([]byte, at.length), make([]byte, at.length)
	m.read(m.devices[a.members[at.roles[0]]], old, at.offset)
	m.read(m.devices[a.members[at.parity]], parity, at.offset)
	for i := range parity {
		parity[i] ^= old[i] ^ data[i]
	}
	m.write(m.devices[a.members[at.parity]], parity, at.offset, by)
}

// member is the contents of a superblock of version 1 (linux/raid/md_p.h, struct mdp_superblock_1).
type member struct {
	array
	role, raidDisks int
	superOffset     int64
}

const (
	mdMagic    = 0xa92b4efc
	mdSpare    = 0xFFFF
	mdMaxRoles = 128
	mdLength   = 256 + 2*mdMaxRoles
)

// encode returns the superblock.
func (b member) encode(deviceUUID [16]byte, size int64) []byte {
	raw := make([]byte, mdLength)
	le.PutUint32(raw, mdMagic)
	le.PutUint32(raw[4:], 1)
	copy(raw[16:], b.uuid[:])
	copy(raw[32:64], "any:"+b.name)
	le.PutUint32(raw[72:], uint32(levels()[b.level].number))
	switch b.level {
	case "raid5", "raid6":
		le.PutUint32(raw[76:], 2)
	case "raid10":
		le.PutUint32(raw[76:], 1<<8|copies)
	}
	le.PutUint64(raw[80:], uint64(b.component/unit))
	if b.level != "raid1" && b.level != "linear" {
		le.PutUint32(raw[88:], uint32(b.chunk/unit))
	}
	le.PutUint32(raw[92:], uint32(b.raidDisks))
	le.PutUint64(raw[128:], uint64(b.dataOffset/unit))
	le.PutUint64(raw[136:], uint64((size-b.dataOffset)/unit))
	le.PutUint64(raw[144:], uint64(b.superOffset/unit))
	number := b.role
	if b.role == mdSpare {
		number = b.raidDisks
	}
	le.PutUint32(raw[160:], uint32(number))
	copy(raw[168:], deviceUUID[:])
	le.PutUint64(raw[200:], 1) // events
	le.PutUint64(raw[208:], ^uint64(0))
	le.PutUint32(raw[220:], mdMaxRoles)
	for i := range mdMaxRoles {
		role := uint16(i)
		if i >= b.raidDisks {
			role = mdSpare
		}
		le.PutUint16(raw[256+2*i:], role)
	}
	le.PutUint32(raw[216:], mdSum(raw))
	return raw
}

// mdSum returns the checksum of a superblock, with the checksum's own field as zero.
func mdSum(raw []byte) uint32 {
	var sum uint64
	for i := 0; i+4 <= len(raw); i += 4 {
		if i != 216 {
			sum += uint64(le.Uint32(raw[i:]))
		}
	}
	return uint32(sum) + uint32(sum>>32)
}

// superOffset returns the offset of a version of the superblock on a device of size bytes (md(4)).
func superOffset(metadata string, size int64) (int64, bool) {
	switch metadata {
	case "1.0":
		return (size/unit - 16) &^ 7 * unit, true
	case "1.1":
		return 0, true
	case "1.2", "1":
		return 4096, true
	}
	return 0, false
}

// readMember looks for a superblock on a device.
func (m *Machine) readMember(d *device) (member, bool) {
	for _, metadata := range []string{"1.1", "1.2", "1.0"} {
		raw := make([]byte, mdLength)
		at, _ := superOffset(metadata, d.size)
		if n, _ := (view{m, d}).ReadAt(raw, at); n < mdLength {
			continue
		}
		if le.Uint32(raw) != mdMagic || le.Uint64(raw[144:]) != uint64(at/unit) || mdSum(raw) != le.Uint32(raw[216:]) {
			continue
		}
		b := member{raidDisks: int(le.Uint32(raw[92:])), superOffset: at, role: mdSpare}
		b.uuid = [16]byte(raw[16:32])
		name, _, _ := bytes.Cut(raw[32:64], []byte{0})
		_, b.name, _ = strings.Cut(string(name), ":")
		for level, l := range levels() {
			if l.number == int32(le.Uint32(raw[72:])) {
				b.level = level
			}
		}
		b.component, b.chunk = int64(le.Uint64(raw[80:]))*unit, int64(le.Uint32(raw[88:]))*unit
		b.dataOffset = int64(le.Uint64(raw[128:])) * unit
		if number := int(le.Uint32(raw[160:])); number < mdMaxRoles {
			b.role = int(le.Uint16(raw[256+2*number:]))
		}
		return b, true
	}
	return member{}, false
}

// assemble does what udev does with a device that has a superblock (mdadm --incremental): the device joins or begins an
// array, which starts once it has all its members. The lock must be held.
func (m *Machine) assemble(d *device) {
	b, ok := m.readMember(d)
	if !ok || m.uses(d.node) != "" {
		return
	}
	node, a := m.freeArray(b.name), b.array
	a.members = make([]string, b.raidDisks)
	for n, other := range m.devices {
		if other.array != nil && other.array.uuid == b.uuid {
			node, a = n, *other.array
			a.members = slices.Clone(a.members)
		}
	}
	switch {
	case b.role == mdSpare:
		a.spares = append(slices.Clone(a.spares), d.node)
	case b.role >= len(a.members) || a.members[b.role] != "":
		return
	default:
		a.members[b.role] = d.node
	}
	m.putArray(node, a)
}

// putArray registers an array. It is active once all members exist.
func (m *Machine) putArray(node string, a array) {
	d := &device{node: node, sector: unit, array: &a}
	for _, n := range a.nodes() {
		d.sector = max(d.sector, m.devices[n].sector)
	}
	if a.active = !slices.Contains(a.members, ""); a.active {
		d.size = a.size()
	}
	m.devices[node] = d
	m.udev.queue("change", node)
}

// freeArray returns the node of a new array: the one in its name, or else the highest free one.
func (m *Machine) freeArray(name string) string {
	if number, err := strconv.ParseUint(name, 10, 16); err == nil && m.devices[fmt.Sprint("/dev/md", number)] == nil {
		return fmt.Sprint("/dev/md", number)
	}
	for n := 127; ; n-- {
		if node := fmt.Sprint("/dev/md", n); m.devices[node] == nil {
			return node
		}
	}
}
