// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// volumes reads the UUIDs of the encrypted volumes.
func volumes(_ context.Context, env Env, doc config.Document, f *facts.Facts) error {
	for _, l := range doc.Config.Storage.Luks {
		uuid, err := env.Sys.LuksUUID(l.Device)
		if err != nil {
			return err
		}
		if f.Volumes == nil {
			f.Volumes = facts.Volumes{}
		}
		f.Volumes[l.Name] = uuid
	}
	return nil
}
