// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// A Loss decides which of the unsynced sectors survive a power cut. It is called for the sectors in order, disk after disk.
type Loss func(disk string, sector int64) (survives bool)

// LoseAll is a power cut in which no unsynced sector survives.
func LoseAll(string, int64) bool { return false }

// LoseNothing is a power cut right after the kernel wrote everything back on its own.
func LoseNothing(string, int64) bool { return true }

// LoseSome is a power cut in which a random half survives, the same half for the same seed.
func LoseSome(seed uint64) Loss {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(string, int64) bool { return r.Uint64()&1 == 0 }
}

// PowerLoss returns the machine after a power cut, with the power back on: only its disks are left. It does not change the
// receiver. Boot starts the machine.
func (m *Machine) PowerLoss(loss Loss) *Machine {
	c := m.Clone()
	c.boots++
	clear(c.made)
	clear(c.aliases)
	c.mounts, c.udev = nil, newUdev()
	for _, node := range slices.Sorted(maps.Keys(c.devices)) {
		if d := c.devices[node]; d.image != nil {
			d.image.cut(func(sector int64) bool { return loss(node, sector) })
			continue
		}
		delete(c.devices, node)
	}
	return c
}

// Digest identifies the current contents of a machine's disks. Two machines switched on with the same digest differ only in
// the identifiers that they will invent.
func (m *Machine) Digest() [32]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := sha256.New()
	for _, node := range slices.Sorted(maps.Keys(m.devices)) {
		if d := m.devices[node]; d.image != nil {
			fmt.Fprintf(sum, "%s %d %d\n", node, d.size, d.sector)
			d.image.digest(sum)
		}
	}
	return [32]byte(sum.Sum(nil))
}

// Reboot returns the machine after an orderly restart, with all writes on the disks.
func (m *Machine) Reboot() *Machine {
	c := m.PowerLoss(LoseNothing)
	c.Boot()
	return c
}

// Boot starts a machine that has been switched on: the kernel reads the partition tables, and udev looks at every device and
// assembles arrays.
func (m *Machine) Boot() {
	m.mu.Lock()
	for _, node := range slices.Sorted(maps.Keys(m.devices)) {
		if d := m.devices[node]; d.image != nil {
			m.udev.queue("add", node)
			_ = m.readTable(d) // nothing is in use yet
		}
	}
	m.mu.Unlock()
	m.Settle()
}
