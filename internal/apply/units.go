// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

func writeUnit(ctx context.Context, m *Machine, o op.WriteUnit) error {
	info, err := m.Root.Lstat(o.Path)
	if err == nil && info.Type == rootfs.Directory {
		err = fmt.Errorf("%s is a directory", o.Path)
	}
	if err != nil {
		return err
	}
	return create(m, o.Place, op.Owner{}, 0o644, func(w io.Writer) error { return m.fetch(ctx, o.Content.Handle, w) })
}

func maskUnit(_ context.Context, m *Machine, o op.MaskUnit) error {
	if err := parents(m, o.Path); err != nil {
		return err
	}
	return m.Root.Symlink("/dev/null", o.Path, 0, 0, true)
}

func unmaskUnit(_ context.Context, m *Machine, o op.UnmaskUnit) error {
	info, err := m.Root.Lstat(o.Path)
	if err != nil || info.Type != rootfs.Symlink {
		return err // removed before the run was cut short
	}
	if target, err := m.Root.Readlink(o.Path); err != nil || target != "/dev/null" {
		return err // it is somebody's now
	}
	return m.Root.RemoveFile(o.Path)
}

// setPresets first writes the lines of the preset file and then changes the links, because a unit to disable gets a line only if
// it has links.
func setPresets(_ context.Context, m *Machine, o op.SetPresets) error {
	text, err := readConfig(m.Root, o.Path)
	if err != nil {
		return err
	}
	old, units := lineSet(text), unit.Read(m.Root)
	var presets []unit.Preset
	for _, u := range o.Units {
		if u.Enable {
			presets = append(presets, unit.Preset(u))
			continue
		}
		if unit.SplitName(u.Name).At {
			continue // only their templates' presets disable instances
		}
		enabled, err := units.Enabled(u.Name)
		if err != nil {
			return err
		}
		if enabled || old["disable "+u.Name] {
			presets = append(presets, unit.Preset(u))
		}
	}
	if err := addLines(m.Root, o.Path, text, unit.PresetLines(presets), 0o644); err != nil {
		return err
	}
	for _, p := range presets {
		if p.Enable {
			err = enableUnit(m, units, p.Name)
		} else {
			err = disableUnit(m, units, p.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func enableUnit(m *Machine, units *unit.Units, name string) error {
	e, err := units.Enable(name)
	switch {
	case errors.Is(err, unit.ErrNotFound):
		return nil // the plan has warned about it
	case errors.Is(err, unit.ErrMasked):
		m.Log.Warn("enable " + err.Error())
		return nil
	case err != nil:
		return err
	}
	for _, w := range e.Warnings {
		m.Log.Warn(w)
	}
	for _, l := range e.Links {
		if err := enableLink(m, l); err != nil {
			return err
		}
	}
	return nil
}

// enableLink makes one link. An existing node stays, as with systemctl(1) without --force.
func enableLink(m *Machine, l unit.Link) error {
	place, err := m.Root.Resolve(l.Path)
	if err != nil {
		return err
	}
	info, err := m.Root.Lstat(place)
	if err != nil {
		return err
	}
	if info.Type == rootfs.None {
		if err := parents(m, place); err != nil {
			return err
		}
		return m.Root.Symlink(l.Target, place, 0, 0, false)
	}
	if at, err := m.Root.Follow(place); err == nil {
		if to, err := m.Root.Follow(l.Target); err == nil && at == to {
			return nil
		}
	}
	m.Log.Warn("enable " + path.Base(l.Target) + ": " + l.Path + " exists already and is something else")
	return nil
}

func disableUnit(m *Machine, units *unit.Units, name string) error {
	links, err := units.Disable(name)
	if err != nil {
		return err
	}
	for _, l := range links {
		place, err := m.Root.Resolve(l)
		if err == nil {
			err = m.Root.RemoveFile(place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mostConfig bounds the size of a configuration file to which lines are added, in bytes.
const mostConfig = 4 << 20

// readConfig reads a small file; a missing file is empty.
func readConfig(root *rootfs.Root, place string) (string, error) {
	info, err := root.Lstat(place)
	if err != nil || info.Type == rootfs.None {
		return "", err
	}
	text, err := root.ReadFile(place, mostConfig)
	return string(text), err
}

func lineSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, l := range strings.Split(text, "\n") {
		set[l] = true
	}
	return set
}

// addLines adds to a file the lines of text that are not at its end yet. Doing it twice has the effect of doing it once.
func addLines(root *rootfs.Root, place, text string, lines []string, mode uint32) error {
	have := lineSet(text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	var more strings.Builder
	for _, l := range lines {
		if !have[l] {
			more.WriteString(l + "\n")
		}
	}
	if more.Len() == 0 {
		return nil
	}
	text += more.String()
	info, err := root.Lstat(place)
	if err != nil {
		return err
	}
	if _, err := root.MkdirAll(path.Dir(place)); err != nil {
		return err
	}
	write := root.ReplaceFile
	if info.Type == rootfs.None {
		write = root.WriteFile // there is no old content to lose
	}
	return write(place, []byte(text), info.UID, info.GID, mode)
}
