// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/handover"
)

// userConfig returns the user's config. Stages that acquire it read its sources and write the cache; all others read the cache.
func (r *run) userConfig(ctx context.Context, base config.Document) (config.Document, error) {
	if !r.stage.acquires {
		doc, err := r.readCache()
		if err == nil {
			err = r.http.Configure(ctx, fetch.SettingsOf(doc.Config))
		}
		return doc, err
	}
	user, err := acquire.FetchUser(ctx, r.acquireEnv())
	if err != nil {
		return config.Document{}, err
	}
	r.progress.Source = user.Source
	r.state.Update(func(s *handover.State) { s.ProviderFiles = providerFiles(user.Files) })
	if err := r.writeCache(user.Document); err != nil {
		return config.Document{}, err
	}
	if r.stage.offline {
		if path, url, needed := acquire.NeedsNetwork(config.Merge(base, user.Document).Config); needed {
			r.log.Info("the network will be needed for " + url + " at " + path)
			return user.Document, r.signalNeedNet()
		}
	}
	return user.Document, nil
}

// signalNeedNet creates the file that asks the distribution to bring up the network.
func (r *run) signalNeedNet() error { return handover.WriteFile(r.o.NeedNet, nil, 0o644, 0o755) }

// originsFile lies next to the cache. It says where each value of the cached config came from, and holds only names and numbers.
func (r *run) originsFile() string { return r.o.ConfigCache + ".origins" }

// writeCache writes the rendered config for later stages. It writes the origins first, because the existence of the cache means
// that there is a config.
func (r *run) writeCache(doc config.Document) error {
	var origins []byte
	var err error
	var encoding sync.WaitGroup
	encoding.Go(func() { origins, err = doc.Origins.MarshalJSON() }) // not by json.Marshal, which would check and copy it
	text := config.Marshal(doc.Config)
	encoding.Wait()
	if err != nil {
		return fmt.Errorf("encode origins: %w", err)
	}
	if err := handover.WriteFile(r.originsFile(), origins, 0o600, 0o755); err != nil {
		return err
	}
	return handover.WriteFile(r.o.ConfigCache, text, 0o640, 0o755)
}

// readCache reads the rendered config. A cache that another program wrote has no origins; places then refer to the cache itself.
func (r *run) readCache() (config.Document, error) {
	text, err := os.ReadFile(r.o.ConfigCache)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Document{}, fmt.Errorf("read the cached config: %w (did a fetch stage run?)", err)
	} else if err != nil {
		return config.Document{}, fmt.Errorf("read the cached config: %w", err)
	}
	r.cached = text
	doc, report := config.Parse(diag.NewSource(r.o.ConfigCache, text))
	if report.HasErrors() {
		return config.Document{}, &acquire.InvalidError{Source: r.o.ConfigCache, Report: report}
	}
	origins, err := os.ReadFile(r.originsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	} else if err != nil {
		return config.Document{}, fmt.Errorf("read origins: %w", err)
	}
	if err := doc.Origins.UnmarshalJSON(origins); err != nil {
		return config.Document{}, fmt.Errorf("read origins: %w", err)
	}
	return doc, nil
}
