// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// NeedsNetwork returns the first thing in a config that needs the network: a resource that is neither inline nor empty, a Tang
// server without an advertisement, or a custom pin that says so.
func NeedsNetwork(c types.Config) (path, what string, needed bool) {
	for path, r := range resources(c) {
		if r.Source != nil && fetch.NeedsNetwork(*r.Source) {
			return path, fetch.Redact(*r.Source), true
		}
	}
	for i, l := range c.Storage.Luks {
		clevis := fmt.Sprintf("$.storage.luks.%d.clevis", i)
		for n, t := range l.Clevis.Tang {
			if t.Advertisement == nil || *t.Advertisement == "" {
				return fmt.Sprintf("%s.tang.%d", clevis, n), fetch.Redact(t.URL), true
			}
		}
		if need := l.Clevis.Custom.NeedsNetwork; need != nil && *need {
			return clevis + ".custom", "a custom clevis pin", true
		}
	}
	return "", "", false
}

// resources yields every resource of a config with its path.
func resources(c types.Config) func(yield func(string, types.Resource) bool) {
	return func(yield func(string, types.Resource) bool) {
		if !yield("$.ignition.config.replace", c.Ignition.Config.Replace) ||
			!each("$.ignition.config.merge", c.Ignition.Config.Merge, yield) ||
			!each("$.ignition.security.tls.certificateAuthorities", c.Ignition.Security.TLS.CertificateAuthorities, yield) {
			return
		}
		for i, f := range c.Storage.Files {
			path := fmt.Sprintf("$.storage.files.%d", i)
			if !yield(path+".contents", f.Contents) || !each(path+".append", f.Append, yield) {
				return
			}
		}
		for i, l := range c.Storage.Luks {
			if !yield(fmt.Sprintf("$.storage.luks.%d.keyFile", i), l.KeyFile) {
				return
			}
		}
	}
}

func each(path string, list []types.Resource, yield func(string, types.Resource) bool) bool {
	for i, r := range list {
		if !yield(fmt.Sprintf("%s.%d", path, i), r) {
			return false
		}
	}
	return true
}
