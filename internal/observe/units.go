// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/unit"
)

// units finds out which of the units to be enabled the target has.
func units(_ context.Context, env Env, doc config.Document, f *facts.Facts) error {
	u := &facts.Units{}
	missing := false
	for _, want := range doc.Config.Systemd.Units {
		if want.Enabled == nil || !*want.Enabled {
			continue
		}
		_, err := unit.Find(env.Root, want.Name)
		switch {
		case err == nil, errors.Is(err, unit.ErrMasked):
			u.Found = append(u.Found, want.Name)
		case errors.Is(err, unit.ErrNotFound):
			missing = true
		default:
			return err
		}
		f.Units = u
	}
	if missing {
		u.Names = unit.Names(env.Root)
		u.Extended = unit.Extended(env.Root)
	}
	return nil
}
