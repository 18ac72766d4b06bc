// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"errors"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// units looks for units in the target.
func (m Machine) units(q *facts.Questions, f *facts.Facts) error {
	if len(q.Units) == 0 && !q.UnitNames {
		return nil
	}
	if f.Units == nil {
		f.Units = &facts.Units{Found: map[string]bool{}}
	}
	view := unit.Read(m.Root)
	for _, name := range q.Units {
		_, err := view.Find(name)
		if err != nil && !errors.Is(err, unit.ErrMasked) && !errors.Is(err, unit.ErrNotFound) {
			return err
		}
		f.Units.Found[name] = !errors.Is(err, unit.ErrNotFound)
	}
	if q.UnitNames {
		f.Units.Names = append([]string{}, view.Names()...)
		f.Units.Extended = unit.Extended(m.Root)
	}
	return nil
}
