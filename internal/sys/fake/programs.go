// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// A Program is a helper program. Each of its writes is one effect.
type Program func(*Process) error

// A Process is one run of a program.
type Process struct {
	sys.Command
	m       *Machine
	stdout  strings.Builder
	written []string // nodes that it has open for writing
}

// programs is the table of the programs that New installs.
func programs() map[string]Program {
	none := func(*Process) error { return nil }
	return map[string]Program{
		"mdadm": mdadm, "cryptsetup": cryptsetup, "clevis": clevis, "mount": mount, "wipefs": none,
		"mkfs.ext4": mkfs(makeExt4), "mkfs.xfs": mkfs(makeXFS), "mkfs.btrfs": mkfs(makeBtrfs), "mkfs.fat": mkfs(makeFAT), "mkswap": mkfs(makeSwap),
		"modprobe": none, "setfiles": none, "kpartx": none,
		"is-live-image": func(p *Process) error {
			if p.m.Live {
				return nil
			}
			return p.fail("")
		},
	}
}

// Missing implements sys.Programs.
func (m *Machine) Missing(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return m.Programs[n] != nil })
}

// Run implements sys.Programs.
func (m *Machine) Run(ctx context.Context, c sys.Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := m.effect("run %s", c.Name); err != nil {
		return nil, err
	}
	program := m.Programs[c.Name]
	if program == nil {
		return nil, &sys.CommandError{Name: c.Name, Err: errors.New("the program is not in the initramfs")}
	}
	p := &Process{Command: c, m: m}
	err := program(p)
	p.end()
	return []byte(p.stdout.String()), err
}

// fail returns the error of a program that ends with a message and exit status 1.
func (p *Process) fail(format string, args ...any) error {
	return p.Failed(p.Name, fmt.Sprintf(format, args...), errors.New("exit status 1"))
}

// end closes the program's open devices. udev watches for that.
func (p *Process) end() {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	for _, node := range p.written {
		p.m.closed(node)
		p.m.udev.queue("written", node)
	}
}

// exclusive returns the device that an argument names, if nothing uses it.
func (p *Process) exclusive(name string) (*device, error) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	d, err := p.m.find(name)
	if err != nil {
		return nil, p.fail("cannot open %s: %v", name, fs.ErrNotExist)
	}
	if uses := p.m.uses(d.node); uses != "" {
		return nil, p.fail("%s is apparently in use by the system: %s", name, uses)
	}
	return d, nil
}

// find returns the device that an argument names.
func (p *Process) find(name string) (*device, error) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	d, err := p.m.find(name)
	if err != nil {
		return nil, p.fail("cannot open %s: %v", name, fs.ErrNotExist)
	}
	return d, nil
}

// write is one write of the program to a device.
func (p *Process) write(node, what string, offset int64, data []byte) error {
	if err := p.m.effect("%s: write %s of %s", p.Name, what, node); err != nil {
		return err
	}
	if !slices.Contains(p.written, node) {
		p.written = append(p.written, node)
	}
	if err := p.m.writeTo(node, data, offset); err != nil {
		return p.fail("%v", err)
	}
	return nil
}

// sync makes durable what the program wrote to a device.
func (p *Process) sync(node string) error {
	if err := p.m.effect("%s: sync %s", p.Name, node); err != nil {
		return err
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if d := p.m.devices[node]; d != nil {
		p.m.sync(d)
	}
	return nil
}

// option returns the value of the last of some options, given as "--name value", "--name=value" or "-n value".
func (p *Process) option(names ...string) (value string, given bool) {
	for i, a := range p.Args {
		for _, name := range names {
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				value, given = v, true
			}
			if a == name && i+1 < len(p.Args) {
				value, given = p.Args[i+1], true
			}
		}
	}
	return value, given
}

// operands returns the arguments that are neither options nor their values; valued lists the options that take one.
func (p *Process) operands(valued ...string) []string {
	var all []string
	for i := 0; i < len(p.Args); i++ {
		a := p.Args[i]
		switch {
		case !strings.HasPrefix(a, "-") || a == "-":
			all = append(all, a)
		case slices.Contains(valued, a):
			i++
		}
	}
	return all
}

// mount mounts filesystems that mkfs has completed.
func mount(p *Process) error {
	valued := []string{"-o", "-t"}
	names := p.operands(valued...)
	format, _ := p.option("-t")
	if len(names) != 2 {
		return p.fail("bad usage")
	}
	source := names[0]
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	kind := format
	if format != "virtiofs" {
		d, err := p.m.find(source)
		if err != nil {
			return p.fail("special device %s does not exist", source)
		}
		if c := p.m.contents(d); format != c.Type && format != "auto" || !c.Whole {
			return p.fail("wrong fs type, bad option, bad superblock on %s, which holds %q", source, c.Type)
		}
		source, kind = d.node, p.m.contents(d).Type
	}
	p.m.mounts = append(p.m.mounts, sys.Mount{Point: names[1], Source: source, Root: "/", Type: kind})
	return nil
}

// Mount implements sys.Mounter.
func (m *Machine) Mount(ctx context.Context, device, target, format, options string) error {
	_, err := m.Run(ctx, sys.Command{Name: "mount", Args: []string{"-o", options, "-t", format, device, target}})
	return err
}

// Mounts implements sys.Mounter.
func (m *Machine) Mounts() ([]sys.Mount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mounts), nil
}

// Unmount implements sys.Mounter.
func (m *Machine) Unmount(target string) error {
	if err := m.effect("unmount %s", target); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, mount := range slices.Backward(m.mounts) {
		if mount.Point == target {
			m.mounts = slices.Delete(m.mounts, i, i+1)
			return nil
		}
	}
	return fmt.Errorf("unmount %s: %w", target, errInvalid)
}
