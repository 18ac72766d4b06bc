// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/state"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// Keys: how many random bytes a generated one has, before it is written in hex, and how large a fetched one may be.
const (
	generatedKey = 4096
	largestKey   = 16 << 20
)

// cexKey is where the boot environment keeps the key of volumes that a crypto card protects.
const cexKey = "/etc/luks/cex.key"

// volume is one LUKS volume being worked on.
type volume struct {
	m     *Machine
	entry types.Luks
	alias string // of the device
	key   string // file with the key, in memory
}

// withVolume fetches or makes the key, keeps it in a file while f works, and removes it.
func withVolume(ctx context.Context, m *Machine, index int, f func(volume) error) (err error) {
	v := volume{m: m, entry: m.Config.Storage.Luks[index]}
	v.alias = sys.Alias(v.entry.Device)
	key, err := v.obtainKey(ctx)
	if err != nil {
		return err
	}
	var forget func() error
	if v.key, forget, err = sys.KeepSecret(key); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget()) }()
	if err := f(v); err != nil {
		return err
	}
	m.State.Update(func(s *state.State) {
		if s.LuksKeys == nil {
			s.LuksKeys = map[string]string{}
		}
		if v.keyless() {
			delete(s.LuksKeys, v.entry.Name)
			return
		}
		s.LuksKeys[v.entry.Name] = "data:;base64," + base64.StdEncoding.EncodeToString(key)
	})
	return nil
}

// keyless tells whether the key was only there to bind the volume to something else.
func (v volume) keyless() bool { return v.generated() && v.bound() }

func (v volume) generated() bool {
	return deref(v.entry.KeyFile.Source) == "" && !truth(v.entry.Cex.Enabled)
}

// bound tells whether something else than a key file unlocks the volume later.
func (v volume) bound() bool {
	c := v.entry.Clevis
	return deref(c.Custom.Pin) != "" || len(c.Tang) > 0 || truth(c.TPM2)
}

func (v volume) obtainKey(ctx context.Context) ([]byte, error) {
	switch {
	case truth(v.entry.Cex.Enabled):
		key, err := os.ReadFile(cexKey)
		if err != nil {
			return nil, fmt.Errorf("read key for the crypto card: %w", err)
		}
		return key, nil
	case v.generated():
		raw := make([]byte, generatedKey)
		rand.Read(raw)
		return []byte(hex.EncodeToString(raw)), nil
	}
	key, err := v.m.fetchKey(ctx, v.entry.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("fetch key of %s: %w", v.entry.Name, err)
	}
	return key, nil
}

// fetchKey returns a key, which may have been fetched ahead.
func (m *Machine) fetchKey(ctx context.Context, r types.Resource) ([]byte, error) {
	if key, err := m.ahead.bytes(ctx, r); key != nil || err != nil {
		return key, err
	}
	return m.Fetch.Bytes(ctx, fetch.FromResource(r), largestKey)
}

// getKey makes sure that the key of a volume can be had, and keeps it.
func getKey(ctx context.Context, m *Machine, o op.FetchKey) error {
	_, err := m.fetchKey(ctx, m.Config.Storage.Luks[o.Index].KeyFile)
	return err
}

// cryptsetup runs the program of that name.
func (v volume) cryptsetup(ctx context.Context, args ...string) ([]byte, error) {
	return v.m.Sys.Run(ctx, sys.Command{Name: "cryptsetup", Args: args})
}

// open opens the volume. Its flags are stored in its header, so that they hold at every later opening.
func (v volume) open(ctx context.Context) error {
	args := []string{"luksOpen", v.alias, v.entry.Name, "--key-file", v.key, "--persistent"}
	if truth(v.entry.Discard) {
		args = append(args, "--allow-discards")
	}
	_, err := v.cryptsetup(ctx, append(args, v.entry.OpenOptions...)...)
	return err
}

// await waits until the open volume is there, and udev has looked at the device below it.
func (v volume) await(ctx context.Context) error {
	node := "/dev/mapper/" + v.entry.Name
	there := func() bool { _, err := sys.Resolve(node); return err == nil }
	if err := v.m.Sys.Await(ctx, udevPatience, node, there); err != nil {
		return err
	}
	below, err := sys.Resolve(v.alias)
	if err != nil {
		return err
	}
	s, err := contents(ctx, below)
	if err != nil {
		return err
	}
	return awaitContents(ctx, v.m, below, s)
}

// makeVolume formats, opens and binds a volume.
func makeVolume(ctx context.Context, m *Machine, o op.MakeVolume) error {
	return withVolume(ctx, m, o.Index, func(v volume) error {
		node, err := sys.Resolve(v.alias)
		if err != nil {
			return err
		}
		if err := v.close(ctx); err != nil {
			return err
		}
		if err := eraseAll(ctx, node); err != nil {
			return err
		}
		if err := v.format(ctx); err != nil {
			return err
		}
		if err := v.open(ctx); err != nil {
			return err
		}
		if v.bound() {
			if err := v.bind(ctx); err != nil {
				return err
			}
		}
		if v.keyless() {
			if _, err := v.cryptsetup(ctx, "luksRemoveKey", v.alias, v.key); err != nil {
				return err
			}
		}
		return v.await(ctx)
	})
}

// close closes the volume if an earlier attempt of this boot left it open.
func (v volume) close(ctx context.Context) error {
	if _, err := sys.Resolve("/dev/mapper/" + v.entry.Name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, err := v.cryptsetup(ctx, "luksClose", v.entry.Name)
	return err
}

func (v volume) format(ctx context.Context) error {
	args := []string{"luksFormat", "--type", "luks2", "--key-file", v.key}
	if label := deref(v.entry.Label); label != "" {
		args = append(args, "--label", label)
	}
	if uuid := deref(v.entry.UUID); uuid != "" {
		args = append(args, "--uuid", uuid)
	}
	args = append(append(args, v.entry.Options...), v.alias)
	if !truth(v.entry.Cex.Enabled) {
		_, err := v.cryptsetup(ctx, args...)
		return err
	}
	return v.formatSecure(ctx, args)
}

// bind binds the volume with clevis, and proves that what is bound to unlocks it, if that can be proved now.
func (v volume) bind(ctx context.Context) error {
	pin, config, err := clevisPin(v.entry.Clevis)
	if err != nil {
		return err
	}
	unadvertised := 0
	for _, t := range v.entry.Clevis.Tang {
		if deref(t.Advertisement) != "" {
			continue
		}
		unadvertised++
		source := strings.TrimSuffix(t.URL, "/") + "/adv"
		if _, err := v.m.Fetch.Bytes(ctx, fetch.FromResource(types.Resource{Source: &source}), largestKey); err != nil {
			return fmt.Errorf("reach Tang server: %w", err)
		}
	}
	bind := sys.Command{Name: "clevis", Quiet: true, Args: []string{"luks", "bind", "-f", "-k", v.key, "-d", v.alias, pin, config}}
	if _, err := v.m.Sys.Run(ctx, bind); err != nil {
		return err
	}
	if !provable(v.entry.Clevis, unadvertised) {
		return nil
	}
	if _, err := v.cryptsetup(ctx, "luksClose", v.entry.Name); err != nil {
		return err
	}
	unlock := sys.Command{Name: "clevis", Args: []string{"luks", "unlock", "-d", v.alias, "-n", v.entry.Name}}
	if _, err := v.m.Sys.Run(ctx, unlock); err != nil {
		return fmt.Errorf("unlock what was bound just now: %w", err)
	}
	return nil
}

// provable tells whether as many pieces as are needed can be had now: servers that are known by their advertisement alone
// may be out of reach.
func provable(c types.Clevis, unadvertised int) bool {
	if deref(c.Custom.Pin) != "" {
		return false
	}
	pieces := unadvertised
	if truth(c.TPM2) {
		pieces++
	}
	return pieces >= threshold(c)
}

func threshold(c types.Clevis) int {
	if c.Threshold == nil || *c.Threshold == 0 {
		return 1
	}
	return *c.Threshold
}

// tangPin is one Tang server, as clevis-encrypt-tang(1) takes it.
type tangPin struct {
	URL        string          `json:"url"`
	Thumbprint string          `json:"thp"`
	Adv        json.RawMessage `json:"adv,omitempty"`
}

// clevisPin returns the pin and its configuration: the custom one, or Shamir's secret sharing over the pieces
// (clevis-encrypt-sss(1)).
func clevisPin(c types.Clevis) (pin, config string, err error) {
	if pin := deref(c.Custom.Pin); pin != "" {
		return pin, deref(c.Custom.Config), nil
	}
	pins := map[string]any{}
	var servers []tangPin
	for _, t := range c.Tang {
		servers = append(servers, tangPin{t.URL, deref(t.Thumbprint), json.RawMessage(deref(t.Advertisement))})
	}
	if len(servers) > 0 {
		pins["tang"] = servers
	}
	if truth(c.TPM2) {
		pins["tpm2"] = struct{}{}
	}
	text, err := json.Marshal(map[string]any{"pins": pins, "t": threshold(c)})
	if err != nil {
		return "", "", fmt.Errorf("encode clevis configuration: %w", err)
	}
	return "sss", string(text), nil
}

// wrongKey is what to do about a volume that a key does not open.
const wrongKey = "(is it the right key? set wipeVolume to have the volume destroyed)"

// checkVolume tries the key of a volume.
func checkVolume(ctx context.Context, m *Machine, o op.CheckVolume) error {
	return withVolume(ctx, m, o.Index, func(v volume) error {
		if _, err := v.cryptsetup(ctx, "luksOpen", "--test-passphrase", "--key-file", v.key, v.alias); err != nil {
			return fmt.Errorf("%w %s", err, wrongKey)
		}
		return nil
	})
}

// openVolume opens a volume that is there.
func openVolume(ctx context.Context, m *Machine, o op.OpenVolume) error {
	return withVolume(ctx, m, o.Index, func(v volume) error {
		if err := v.close(ctx); err != nil {
			return err
		}
		if err := v.open(ctx); err != nil {
			return fmt.Errorf("%w %s", err, wrongKey)
		}
		return v.await(ctx)
	})
}

// formatSecure formats with a volume key that only the crypto card knows (zkey(1)).
func (v volume) formatSecure(ctx context.Context, args []string) error {
	name := "ignition-luks-" + v.entry.Name
	cards, err := cryptoCards()
	if err != nil {
		return err
	}
	generate := []string{"generate", "--name", name, "--key-type", "CCA-AESCIPHER", "--xts",
		"--description", "Secure Key for " + v.entry.Name + " Volume", "--apqns", strings.Join(cards, ",")}
	if _, err := v.m.Sys.Run(ctx, sys.Command{Name: "zkey", Args: generate}); err != nil {
		return err
	}
	repository := "/etc/zkey/repository/" + name
	key, err := os.ReadFile(repository + ".skey")
	if err != nil {
		return fmt.Errorf("read secure key: %w", err)
	}
	args = append(args, "--volume-key-file", repository+".skey", "--cipher", "paes-xts-plain64",
		"--key-size", fmt.Sprint(8*len(key)))
	if _, err := v.cryptsetup(ctx, args...); err != nil {
		return err
	}
	setvp := []string{"setvp", v.alias, "--key-file", v.key}
	if _, err := v.m.Sys.Run(ctx, sys.Command{Name: "zkey-cryptsetup", Args: setvp}); err != nil {
		return err
	}
	info, err := os.ReadFile(repository + ".info")
	if err != nil {
		return fmt.Errorf("read secure key: %w", err)
	}
	v.m.State.Update(func(s *state.State) {
		if s.LuksVolumeKeys == nil {
			s.LuksVolumeKeys = map[string]string{}
		}
		for file, data := range map[string][]byte{repository + ".skey": key, repository + ".info": info} {
			s.LuksVolumeKeys[file] = "data:;base64," + base64.StdEncoding.EncodeToString(data)
		}
	})
	return nil
}

// cryptoCards returns the queues of crypto cards in CCA mode, such as 03.0039.
func cryptoCards() ([]string, error) {
	queues, err := filepath.Glob("/sys/bus/ap/devices/[0-9a-f][0-9a-f].[0-9a-f][0-9a-f][0-9a-f][0-9a-f]")
	if err != nil {
		return nil, err
	}
	var cards []string
	for _, q := range queues {
		text, err := os.ReadFile(filepath.Join(q, "uevent"))
		if err != nil {
			return nil, fmt.Errorf("look at crypto card: %w", err)
		}
		for line := range bytes.Lines(text) {
			if _, value, _ := strings.Cut(strings.TrimSpace(string(line)), "="); value == "cca" {
				cards = append(cards, filepath.Base(q))
			}
		}
	}
	if len(cards) == 0 {
		return nil, errors.New("find a crypto card in CCA mode: there is none")
	}
	return cards, nil
}

func truth(b *bool) bool { return b != nil && *b }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
