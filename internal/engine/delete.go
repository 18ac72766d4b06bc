// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/platform"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// DeleteConfig asks the platform to delete the config, which may hold secrets, and returns the exit code of the process.
func DeleteConfig(ctx context.Context, o Options) int {
	log, flush := openLog(o)
	defer flush()
	p, err := findPlatform(o.Platform, log)
	if err != nil {
		log.Log(ctx, logx.Critical, err.Error())
		return ExitFailed
	}
	if p.Deleter == nil && o.Platform == platform.Auto {
		log.Info("platform " + p.ID + " has no way to delete the config; nothing to do")
		return ExitOK
	}
	if p.Deleter == nil {
		log.Log(ctx, logx.Critical, "cannot delete the config on platform "+p.ID+": it has no way to do that")
		return ExitFailed
	}
	env := machineEnv(&sys.Host{Log: log}, log)
	if err := p.Deleter(ctx, &env); err != nil {
		log.Log(ctx, logx.Critical, "delete the config on platform "+o.Platform+": "+err.Error())
		return ExitFailed
	}
	log.Info("deleted the config on platform " + o.Platform)
	return ExitOK
}
