// SPDX-License-Identifier: Apache-2.0

// Package fake is a model of a machine: disks in memory, the kernel's view of them, udev, and helper programs that write real
// superblocks. Everything that works through sys.Machine runs on it without touching the machine of the test.
//
// The model can stop before any effect and can lose its power. It is deterministic: identifiers derive from a seed and a
// purpose, time is virtual, and udev works only while the caller waits. It refuses programs and options that it does not
// know. The invariant: reads after PowerLoss and Boot depend only on the synced writes, and on the sectors that the Loss
// kept.
//
// What it leaves out: device-mapper disks with partitions (multipath), partition tables on arrays, the resync of arrays, and
// disagreement between the page caches of a disk and of its partitions.
package fake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// ErrStopped is the error of the effect that StopBefore names, and of all later ones.
var ErrStopped = errors.New("the machine was stopped before this effect")

// A Machine is one modeled machine. Its exported fields may be changed until it is used.
type Machine struct {
	// Before is called before every effect with its description, like sys.Host.Before. No lock is held.
	Before func(effect string) error
	// Programs has the helper programs by name; New installs those of this package.
	Programs map[string]Program
	// NoUdev makes a machine on which udev does not run.
	NoUdev bool
	// Live makes the helper is-live-image say yes.
	Live bool
	// Files has the small files that ReadFile finds.
	Files map[string][]byte

	mu      sync.Mutex
	seed    string
	boots   int
	made    map[string]int     // how many identifiers were invented, by purpose
	devices map[string]*device // by node
	aliases map[string]string  // alias -> node
	mounts  []sys.Mount
	udev    udev
	locked  map[string]bool // nodes open through OpenDisk
	clock   time.Duration
	effects []string
	stop    int // the first effect that fails, counted from 1; 0: none
}

var _ sys.Machine = (*Machine)(nil)

// New returns a running machine without disks. Its programs derive identifiers from seed.
func New(seed string) *Machine {
	return &Machine{
		seed: seed, Programs: programs(), Files: map[string][]byte{}, made: map[string]int{},
		devices: map[string]*device{}, aliases: map[string]string{}, locked: map[string]bool{}, udev: newUdev(),
	}
}

// AddDisk attaches a blank disk, such as "vda", of size bytes. Boot finds it.
func (m *Machine) AddDisk(name string, size int64, sectorSize int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := "/dev/" + name
	m.devices[node] = &device{node: node, size: size, sector: sectorSize, image: newImage(size, sectorSize)}
}

// Clone returns an independent machine in the same state. Its hook is unset, and its count of effects begins at 0.
func (m *Machine) Clone() *Machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Machine{
		Programs: m.Programs, NoUdev: m.NoUdev, Live: m.Live, Files: m.Files,
		seed: m.seed, boots: m.boots, made: maps.Clone(m.made), devices: map[string]*device{}, aliases: maps.Clone(m.aliases),
		mounts: slices.Clone(m.mounts), udev: m.udev.clone(), locked: map[string]bool{}, clock: m.clock,
	}
	for node, d := range m.devices {
		copied := *d
		if d.image != nil {
			copied.image = d.image.clone()
		}
		c.devices[node] = &copied
	}
	return c
}

// StopBefore makes the n-th effect from now on, and all later ones, fail with ErrStopped and change nothing. With 0 all
// effects happen.
func (m *Machine) StopBefore(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.effects, m.stop = nil, n
}

// Effects returns the effects since the machine was made or StopBefore was called, in order. The last one may have failed.
func (m *Machine) Effects() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.effects)
}

// Elapsed returns how much virtual time waits have taken.
func (m *Machine) Elapsed() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clock
}

// effect announces an effect. The lock must not be held.
func (m *Machine) effect(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	m.mu.Lock()
	if m.stop == 0 || len(m.effects) < m.stop {
		m.effects = append(m.effects, what)
	}
	stopped := m.stop > 0 && len(m.effects) >= m.stop
	m.mu.Unlock()
	if stopped {
		return fmt.Errorf("%s: %w", what, ErrStopped)
	}
	if m.Before != nil {
		return m.Before(what)
	}
	return nil
}

// invent returns random-looking bytes for a purpose; they differ at every call and after every boot. The lock must be held.
func (m *Machine) invent(purpose string) [32]byte {
	m.made[purpose]++
	var counts [16]byte
	binary.LittleEndian.PutUint64(counts[:], uint64(m.boots))
	binary.LittleEndian.PutUint64(counts[8:], uint64(m.made[purpose]))
	return sha256.Sum256(slices.Concat([]byte(m.seed), []byte{0}, []byte(purpose), counts[:]))
}

// inventUUID returns a random UUID of version 4. The lock must be held.
func (m *Machine) inventUUID(purpose string) [16]byte {
	raw := m.invent(purpose)
	raw[6], raw[8] = raw[6]&0x0F|0x40, raw[8]&0x3F|0x80
	return [16]byte(raw[:16])
}

// CryptoCards implements sys.Cards: the machine has none.
func (*Machine) CryptoCards() ([]string, error) {
	return nil, errors.New("the machine has no crypto card in CCA mode")
}

// ReadFile implements sys.Cards.
func (m *Machine) ReadFile(name string) ([]byte, error) {
	if data, ok := m.Files[name]; ok {
		return slices.Clone(data), nil
	}
	return nil, notExist("open", name)
}
