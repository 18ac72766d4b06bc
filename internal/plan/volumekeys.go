// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// cexKey is where the boot environment keeps the key of volumes that a crypto card protects.
const cexKey = "/etc/luks/cex.key"

// volumeKeySource says where the key of a volume comes from.
func (b *builder) volumeKeySource(l types.Luks) op.Key {
	if types.True(l.Cex.Enabled) {
		return op.Key{File: cexKey}
	}
	if c, ok := b.content(l.KeyFile); ok {
		return op.Key{Content: &c}
	}
	return op.Key{Generated: true}
}

// formatArgs returns the arguments of cryptsetup(8) luksFormat.
func formatArgs(l types.Luks) []string {
	var args []string
	if label := types.Text(l.Label); label != "" {
		args = append(args, "--label", label)
	}
	if uuid := types.Text(l.UUID); uuid != "" {
		args = append(args, "--uuid", uuid)
	}
	for _, o := range l.Options {
		args = append(args, string(o))
	}
	return args
}

// openArgs returns the arguments of cryptsetup(8) luksOpen. It stores the flags in the header, so that every later opening uses
// them.
func openArgs(l types.Luks) []string {
	args := []string{"--persistent"}
	if types.True(l.Discard) {
		args = append(args, "--allow-discards")
	}
	for _, o := range l.OpenOptions {
		args = append(args, string(o))
	}
	return args
}

// binding returns what unlocks a volume later; p is the path of c in the config.
func (b *builder) binding(p string, c types.Clevis) *op.Binding {
	if pin := types.Text(c.Custom.Pin); pin != "" {
		return &op.Binding{Pin: pin, Config: b.secret(types.Text(c.Custom.Config))}
	}
	bind := &op.Binding{Pin: "sss", Config: b.secret(sharing(c))}
	for i, t := range c.Tang {
		if types.Text(t.Advertisement) == "" {
			source := strings.TrimSuffix(t.URL, "/") + "/adv"
			if adv, ok := content(b.payloads, b.in.Seed, types.Resource{Source: &source}, b.located(fmt.Sprintf("%s.tang.%d.url", p, i))); ok {
				bind.Reach = append(bind.Reach, adv)
			}
		}
	}
	// Servers that are known only by their advertisement may be out of reach now.
	pieces := len(bind.Reach)
	if types.True(c.TPM2) {
		pieces++
	}
	bind.Prove = pieces >= threshold(c)
	return bind
}

func threshold(c types.Clevis) int {
	if c.Threshold == nil || *c.Threshold == 0 {
		return 1
	}
	return *c.Threshold
}

// tangPin is one Tang server in the form of clevis-encrypt-tang(1).
type tangPin struct {
	URL        string          `json:"url"`
	Thumbprint string          `json:"thp"`
	Adv        json.RawMessage `json:"adv,omitempty"`
}

// sharing returns the configuration of Shamir's secret sharing over the pieces (clevis-encrypt-sss(1)).
func sharing(c types.Clevis) string {
	pins := map[string]any{}
	var servers []tangPin
	for _, t := range c.Tang {
		servers = append(servers, tangPin{t.URL, types.Text(t.Thumbprint), json.RawMessage(types.Text(t.Advertisement))})
	}
	if len(servers) > 0 {
		pins["tang"] = servers
	}
	if types.True(c.TPM2) {
		pins["tpm2"] = struct{}{}
	}
	config, err := json.Marshal(map[string]any{"pins": pins, "t": threshold(c)})
	if err != nil {
		return "" // validation refuses an advertisement that is not JSON
	}
	return string(config)
}
