// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// mdadm creates and stops arrays.
func mdadm(p *Process) error {
	switch {
	case slices.Contains(p.Args, "--create"):
		return p.createArray()
	case slices.Contains(p.Args, "--stop"):
		return p.stopArrays()
	}
	return p.fail("unknown mode %q", p.Args)
}

func (p *Process) stopArrays() error {
	for _, name := range p.operands() {
		d, err := p.exclusive(name)
		if err != nil {
			return err
		}
		if d.array == nil {
			return p.fail("%s does not appear to be an md device", name)
		}
		if err := p.m.effect("mdadm: stop %s", d.node); err != nil {
			return err
		}
		p.m.mu.Lock()
		p.m.drop(d.node)
		p.m.mu.Unlock()
	}
	return nil
}

// creation is the parsed arguments of mdadm --create.
type creation struct {
	array
	metadata string
	devices  []*device
	spares   int
}

func (p *Process) createArray() error {
	c, err := p.parseCreation()
	if err != nil {
		return err
	}
	if err := p.sizeArray(&c); err != nil {
		return err
	}
	p.m.mu.Lock()
	c.uuid = p.m.inventUUID("array " + c.name)
	node := p.m.freeArray(c.name)
	p.m.mu.Unlock()
	// mdadm writes each superblock through O_DIRECT and syncs it before the next; the array runs after the last.
	for i, d := range c.devices {
		if err := p.writeMember(c, d, i); err != nil {
			return err
		}
	}
	if err := p.m.effect("mdadm: run %s", node); err != nil {
		return err
	}
	n := len(c.devices) - c.spares
	for i, d := range c.devices {
		if i < n {
			c.members = append(c.members, d.node)
		} else {
			c.array.spares = append(c.array.spares, d.node)
		}
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.m.putArray(node, c.array)
	return nil
}

// parseCreation reads the arguments.
func (p *Process) parseCreation() (creation, error) {
	names := p.operands("--homehost", "--level", "--raid-devices", "--spare-devices", "--chunk", "--metadata", "--bitmap", "-c", "-e")
	if len(names) < 2 {
		return creation{}, p.fail("no devices given")
	}
	c := creation{metadata: "1.2", array: array{name: path.Base(names[0]), chunk: 512 << 10}}
	if number, ok := strings.CutPrefix(names[0], "/dev/md"); ok && !strings.HasPrefix(number, "/") {
		c.name = number
	}
	c.level, _ = p.option("--level")
	if n, err := strconv.Atoi(c.level); err == nil {
		c.level = "raid" + strconv.Itoa(n)
	}
	if _, known := levels()[c.level]; !known {
		return c, p.fail("invalid raid level: %s", c.level)
	}
	if v, given := p.option("--metadata", "-e"); given {
		c.metadata = v
	}
	if v, given := p.option("--chunk", "-c"); given {
		kib, err := strconv.ParseInt(strings.TrimSuffix(v, "K"), 10, 32)
		if err != nil || kib < 4 {
			return c, p.fail("invalid chunk/rounding value: %s", v)
		}
		c.chunk = kib << 10
	}
	count, _ := p.option("--raid-devices")
	spares, _ := p.option("--spare-devices")
	n, err := strconv.Atoi(count)
	c.spares, _ = strconv.Atoi(spares)
	if err != nil || n < 1 || n+c.spares != len(names)-1 {
		return c, p.fail("%s devices and %q spares wanted, %d given", count, spares, len(names)-1)
	}
	for _, name := range names[1:] {
		d, err := p.exclusive(name)
		if err != nil {
			return c, err
		}
		c.devices = append(c.devices, d)
	}
	return c, nil
}

// sizeArray decides how much of each member is used.
func (p *Process) sizeArray(c *creation) error {
	for _, d := range c.devices {
		at, known := superOffset(c.metadata, d.size)
		if !known {
			return p.fail("unknown metadata: %s", c.metadata)
		}
		c.dataOffset = 1 << 20
		usable := d.size - c.dataOffset
		if c.metadata == "1.0" {
			c.dataOffset, usable = 0, at
		}
		if usable = usable / c.chunk * c.chunk; usable <= 0 {
			return p.fail("%s is too small", d.node)
		}
		if c.component == 0 || usable < c.component {
			c.component = usable
		}
	}
	return nil
}

// writeMember writes the superblock of one member.
func (p *Process) writeMember(c creation, d *device, i int) error {
	at, _ := superOffset(c.metadata, d.size)
	b := member{array: c.array, role: i, raidDisks: len(c.devices) - c.spares, superOffset: at}
	if i >= b.raidDisks {
		b.role = mdSpare
	}
	p.m.mu.Lock()
	id := p.m.inventUUID("member " + d.node)
	p.m.mu.Unlock()
	if err := p.write(d.node, "the superblock", at, b.encode(id, d.size)); err != nil {
		return err
	}
	return p.sync(d.node)
}
