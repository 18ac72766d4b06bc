// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// udev is the database, the links, and the events not yet processed. It works only while a caller waits, one event at a
// time, and the caller looks after each. Code that waits for too little so sees the remaining work undone.
type udev struct {
	properties map[string]map[string]string // by node
	outdated   map[string]bool              // nodes that were opened for writing after their properties were found
	claims     map[string][]claim           // by link; the last of those with the highest priority has it
	events     []event
}

type claim struct {
	node     string
	priority int
}

type event struct{ action, node string }

func newUdev() udev {
	return udev{properties: map[string]map[string]string{}, outdated: map[string]bool{}, claims: map[string][]claim{}}
}

func (u *udev) clone() udev {
	c := udev{properties: maps.Clone(u.properties), outdated: maps.Clone(u.outdated), claims: maps.Clone(u.claims), events: slices.Clone(u.events)}
	return c // lists and maps of one device are replaced, never changed
}

// queue adds an event, unless it is queued already.
func (u *udev) queue(action, node string) {
	if e := (event{action, node}); !slices.Contains(u.events, e) {
		u.events = append(u.events, e)
	}
}

// follow returns the node behind a link.
func (u *udev) follow(m *Machine, link string) (string, bool) {
	if claims := u.claims[link]; len(claims) > 0 {
		best := claims[0]
		for _, c := range claims[1:] {
			if c.priority >= best.priority {
				best = c
			}
		}
		return best.node, true
	}
	if !m.NoUdev {
		return "", false
	}
	for node, d := range m.devices { // then the programs make these themselves
		if slices.Contains(ownLinks(d), link) {
			return node, true
		}
	}
	return "", false
}

// ownLinks returns the links that the programs make on a machine without udev.
func ownLinks(d *device) []string {
	switch {
	case d.array != nil && d.array.active:
		return []string{"/dev/md/" + d.array.name}
	case d.volume != nil:
		return []string{"/dev/mapper/" + d.volume.name}
	}
	return nil
}

// HasUdev implements sys.Udev.
func (m *Machine) HasUdev() bool { return !m.NoUdev }

// UdevProperty implements sys.Udev.
func (m *Machine) UdevProperty(node, name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.udev.properties[node][name]
}

// UdevContents implements sys.Udev.
func (m *Machine) UdevContents(_ context.Context, node string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.recorded(node)
	if len(found) > 0 {
		for m.work() {
		}
		found = m.recorded(node)
	}
	return found
}

// recorded returns what the database records about a device's contents, without what a partition has inherited. The lock
// must be held.
func (m *Machine) recorded(node string) []string {
	d, p := m.devices[node], m.udev.properties[node]
	if d == nil || m.udev.outdated[node] {
		return nil
	}
	var all []string
	for _, name := range sys.ContentProperties() {
		if p[name] != "" && (d.part == nil || p[name] != m.udev.properties[d.part.disk][name]) {
			all = append(all, name+"="+p[name])
		}
	}
	return all
}

// Announce implements sys.Udev.
func (m *Machine) Announce(node string) error {
	if err := m.effect("announce %s", node); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(node)
	if err != nil {
		return fmt.Errorf("announce %s: %w", node, err)
	}
	m.udev.queue("change", d.node)
	return nil
}

// Await implements sys.Waiter. It takes no time: what does not happen while udev processes its events never will.
func (m *Machine) Await(ctx context.Context, limit time.Duration, what string, ready func() bool) error {
	for !ready() {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.mu.Lock()
		worked := m.work()
		if !worked {
			m.clock += limit
		}
		m.mu.Unlock()
		if !worked {
			return fmt.Errorf("wait for %s: %w (%s)", what, sys.ErrTimeout, limit)
		}
	}
	return nil
}

// AwaitDevices implements sys.Names.
func (m *Machine) AwaitDevices(ctx context.Context, paths []string) (nodes, absent map[string]string, err error) {
	nodes, absent = map[string]string{}, map[string]string{}
	_ = m.Await(ctx, sys.DeviceTimeout, "devices", func() bool {
		clear(nodes)
		for _, p := range paths {
			if node, err := m.Resolve(p); err == nil {
				nodes[p] = node
			}
		}
		return !slices.ContainsFunc(paths, func(p string) bool { return nodes[p] == "" })
	})
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	for _, p := range paths {
		if nodes[p] == "" {
			absent[p] = fmt.Sprintf("firstlight waited %s for it", sys.DeviceTimeout)
		}
	}
	return nodes, absent, nil
}

// Settle has udev process all its events.
func (m *Machine) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.work() {
	}
}

// work has udev process the next event of an unlocked device, and returns false if there is none. The lock of a disk covers
// its partitions; locks of other devices mean nothing to udev (systemd, BLOCK_DEVICE_LOCKING). The lock must be held.
func (m *Machine) work() bool {
	if m.NoUdev {
		m.udev.events = nil
		return false
	}
	for i, e := range m.udev.events {
		d := m.devices[e.node]
		if d != nil && (d.image != nil && m.locked[e.node] || d.part != nil && m.locked[d.part.disk]) {
			continue
		}
		m.udev.events = slices.Delete(slices.Clone(m.udev.events), i, i+1)
		m.handle(e, d)
		return true
	}
	return false
}

// handle processes one event. "written" is the change event after a close of a device open for writing: udev then has a
// disk's table read again, unless a partition is in use.
func (m *Machine) handle(e event, d *device) {
	m.forget(e.node)
	delete(m.udev.outdated, e.node)
	if d == nil {
		delete(m.udev.properties, e.node)
		return
	}
	if e.action == "written" && d.image != nil {
		_ = m.readTable(d) // EBUSY: the partitions stay as they are
	}
	properties := m.examine(d)
	m.udev.properties[e.node] = properties
	priority := 0
	switch {
	case d.array != nil:
		priority = 100
	case d.volume != nil:
		priority = 50
	}
	for _, link := range m.links(d, properties) {
		m.udev.claims[link] = append(slices.Clone(m.udev.claims[link]), claim{e.node, priority})
	}
	if properties["ID_FS_TYPE"] == "linux_raid_member" {
		m.assemble(d)
	}
}

// forget removes all links to a node.
func (m *Machine) forget(node string) {
	for link, claims := range m.udev.claims {
		left := slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.node == node })
		if m.udev.claims[link] = left; len(left) == 0 {
			delete(m.udev.claims, link)
		}
	}
}

// Foreign is the signature, at ForeignAt, of a format that this udev's libblkid knows and package probe does not.
const (
	Foreign   = "foreignfs"
	ForeignAt = 1 << 19
)

func (m *Machine) hasForeign(d *device) bool {
	text := make([]byte, len(Foreign))
	if d.size < ForeignAt+int64(len(text)) {
		return false
	}
	m.read(d, text, ForeignAt)
	return string(text) == Foreign
}

// examine returns the properties that udev records for a device (60-persistent-storage.rules, and what its builtin blkid
// finds).
func (m *Machine) examine(d *device) map[string]string {
	p := map[string]string{}
	if d.part != nil { // IMPORT{parent}
		for _, name := range sys.ContentProperties() {
			if v := m.udev.properties[d.part.disk][name]; v != "" {
				p[name] = v
			}
		}
	}
	set := func(name, value string) {
		if value != "" {
			p[name] = value
		}
	}
	if d.part != nil {
		disk := m.devices[d.part.disk]
		found, err := gpt.Read(view{m, disk}, disk.size, disk.sector)
		for _, q := range found.Table.Partitions {
			if err == nil && int64(q.First)*int64(disk.sector) == d.part.start && q.Number == d.part.number {
				set("ID_PART_ENTRY_UUID", strings.ToLower(q.ID.String()))
				set("ID_PART_ENTRY_NAME", facts.EncodeLabel(q.Label))
				set("ID_PART_ENTRY_TYPE", strings.ToLower(q.Type.String()))
			}
		}
	}
	found, err := probe.Probe(view{m, d}, d.size, d.sector)
	s, ambiguous, ok := probe.Content(found)
	for _, t := range found {
		if t.Usage == probe.PartTable && t.Type != "PMBR" {
			set("ID_PART_TABLE_TYPE", t.Type)
		}
	}
	if ambiguous {
		set("ID_FS_AMBIVALENT", fmt.Sprint(found))
	}
	if !ok && m.hasForeign(d) {
		set("ID_FS_TYPE", Foreign)
	}
	if err != nil || !ok || ambiguous {
		return p
	}
	set("ID_FS_TYPE", s.Type)
	set("ID_FS_USAGE", string(s.Usage))
	set("ID_FS_UUID", s.UUID)
	set("ID_FS_LABEL", s.Label)
	return p
}

// links returns the links of a device.
func (m *Machine) links(d *device, p map[string]string) []string {
	var all []string
	add := func(dir, name string) {
		if name != "" {
			all = append(all, path.Join("/dev", dir, name))
		}
	}
	switch {
	case d.image != nil:
		add("disk/by-id", "virtio-"+strings.TrimPrefix(d.node, "/dev/"))
	case d.part != nil:
		add("disk/by-id", fmt.Sprintf("virtio-%s-part%d", strings.TrimPrefix(d.part.disk, "/dev/"), d.part.number))
		add("disk/by-partuuid", p["ID_PART_ENTRY_UUID"])
		add("disk/by-partlabel", p["ID_PART_ENTRY_NAME"])
	case d.array != nil:
		if !d.array.active {
			return nil
		}
		add("md", d.array.name)
		add("disk/by-id", "md-name-any:"+d.array.name)
		add("disk/by-id", fmt.Sprintf("md-uuid-%x:%x:%x:%x", d.array.uuid[:4], d.array.uuid[4:8], d.array.uuid[8:12], d.array.uuid[12:]))
	case d.volume != nil:
		add("mapper", d.volume.name)
		add("disk/by-id", "dm-name-"+d.volume.name)
	}
	if usage := p["ID_FS_USAGE"]; usage != string(probe.RAID) {
		add("disk/by-uuid", p["ID_FS_UUID"])
		add("disk/by-label", facts.EncodeLabel(p["ID_FS_LABEL"]))
	}
	return all
}
