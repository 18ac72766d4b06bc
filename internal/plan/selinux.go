// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// planRelabel adds, at the end of the part, the step that labels what the part has written.
func planRelabel(b *builder) {
	policy := b.policy()
	if policy == "" || len(b.labels) == 0 {
		return
	}
	slices.Sort(b.labels)
	b.barrier(0, len(b.steps))
	b.add(at(), op.Relabel{Policy: policy, Paths: slices.Compact(b.labels), Units: b.enabled}, "", b.barriers...)
	b.barriers = nil
}

// relabel notes that something is written to a resolved place. setfiles(8) labels whole directories, so only directories that
// this boot makes are noted: the topmost missing one on the way to the place, or else the place itself unless it keeps its
// label.
func (b *builder) relabel(place string, keeps bool) {
	if !b.in.Relabel {
		return
	}
	if top, ok := b.facts.Tree.Missing[path.Dir(place)]; ok {
		place = top
	} else if keeps {
		return
	}
	b.labels = append(b.labels, place)
}

// keepsLabel reports whether an operation cannot change a label: it sets owner and mode of a directory, or adds a name to a
// file.
func keepsLabel(o op.Op) bool {
	switch o := o.(type) {
	case op.MakeDirectory:
		return o.Exists
	case op.MakeHardLink, op.UnmaskUnit:
		return true
	}
	return false
}

// relabelAccounts notes the account files that are written, their backups, and the lock file that the shadow suite leaves.
func (b *builder) relabelAccounts(edit op.EditAccounts) {
	for _, f := range account.Files() {
		if _, changes := edit.After[f]; !changes {
			continue
		}
		place := b.facts.Tree.Final(string(f))
		b.relabel(place, false)
		if edit.Before[string(f)] != "" {
			b.relabel(op.Backup(b.facts.Tree, f), false)
		}
	}
	b.relabel(b.facts.Tree.Place(account.PasswordLock), false)
}

// relabelUnits notes the units whose enablement links are made; the directory of these links may be missing.
func (b *builder) relabelUnits(presets op.SetPresets) {
	b.relabel(presets.Path, false)
	for _, u := range presets.Units {
		if u.Enable {
			b.enabled = append(b.enabled, u.Name)
		}
	}
	if len(b.enabled) > 0 { // the directory itself, if it is missing
		b.relabel(b.facts.Tree.Place(path.Join(unit.ConfigDir, b.enabled[0])), true)
	}
}
