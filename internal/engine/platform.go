// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	"github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/platform"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/sys/guest"
)

// findPlatform returns the platform of an id, or for "auto" the one that the firmware points to.
func findPlatform(id string, log *slog.Logger) (platform.Platform, error) {
	if id == platform.Auto {
		detected, facts, err := platform.Detect(os.DirFS("/"))
		if err != nil {
			return platform.Platform{}, err
		}
		log.Info("the platform is " + detected + ": " + strings.Join(facts, ", "))
		id = detected
	}
	p, known := platform.Find(id)
	if !known {
		return p, fmt.Errorf("no platform is named %q", id)
	}
	return p, nil
}

// platformEnv is what a platform may see.
func (r *run) platformEnv() platform.Env {
	env := machineEnv(r.host, r.log)
	env.Getenv, env.Offline, env.Timeout = r.o.Getenv, r.stage.offline, r.fetchTimeout()
	env.Say, env.Metadata = r.say, r.metadata
	return env
}

// machineEnv is what a platform may see of the machine, in a stage or not.
func machineEnv(host *sys.Host, log *slog.Logger) platform.Env {
	helper := func(ctx context.Context, name string, args ...string) ([]byte, error) {
		return host.Run(ctx, sys.Command{Name: name, Args: args})
	}
	return platform.Env{
		FS: os.DirFS("/"), Log: log, Run: helper, Drives: guest.Drives{Run: helper}, Interfaces: net.Interfaces,
		Read: func(_ context.Context, p string) ([]byte, error) { return os.ReadFile(p) },
		Channels: platform.Channels{
			VSock: guest.VSock,
			KVP:   func() (platform.Exchange, error) { return opened[platform.Exchange](guest.OpenKVP()) },
			VBox:  func() (platform.Properties, error) { return opened[platform.Properties](guest.OpenVBox()) },
			VMware: func() (platform.Guestinfo, error) {
				v, err := guest.OpenVMware()
				if err != nil {
					return nil, fmt.Errorf("%w: %w", platform.ErrNoProvider, err)
				}
				return v, nil
			},
		},
	}
}

// ec2Item reads an item of EC2's metadata service through the platform's client, and so with its token.
func (r *run) ec2Item(ctx context.Context, item string) ([]byte, error) {
	data, err := r.metadata.Once(ctx, metadata.EC2, "/"+item)
	if status := metadata.StatusError(0); errors.As(err, &status) {
		return nil, ec2.Status(status)
	} else if errors.Is(err, metadata.ErrNotFound) {
		return nil, ec2.Status(http.StatusNotFound)
	}
	return data, err
}

// opened returns a channel as the interface that a platform expects. If opening failed, it returns nil.
func opened[I any](channel any, err error) (I, error) {
	if err != nil {
		var none I
		return none, err
	}
	return channel.(I), nil
}

// postStatus reports to the cloud how the stage ended, if the platform asks for it. A failed report does not stop the boot.
func (r *run) postStatus(ctx context.Context, failed error) {
	if r.platform.Status == nil {
		return
	}
	env := r.platformEnv()
	if err := r.platform.Status(ctx, &env, r.stage.name, failed); err != nil {
		r.log.Error("tell the cloud how the stage ended: " + err.Error())
	}
}

// providerFiles returns a platform's files in the form of the state file.
func providerFiles(files []platform.File) []types.File {
	var list []types.File
	for _, f := range files {
		mode, overwrite, url := int(fs.FileMode(0o600)), true, fetch.DataURL(f.Data)
		var file types.File
		file.Path, file.Overwrite, file.Mode, file.Contents.Source = f.Path, &overwrite, &mode, &url
		list = append(list, file)
	}
	return list
}
