// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// How many random bytes a generated key has, before it is written in hex, and the size limit of a fetched one.
const (
	generatedKey = 4096
	largestKey   = 16 << 20
)

// volume is one LUKS volume being worked on.
type volume struct {
	m     *Machine
	name  string
	alias string // of the device
	key   []byte
	open  []string // arguments of luksOpen
}

// newVolume gets the key of a volume.
func newVolume(ctx context.Context, m *Machine, name, device string, source op.Key, open []string) (volume, error) {
	v := volume{m: m, name: name, alias: sys.Alias(device), open: open}
	var err error
	switch {
	case source.File != "":
		if v.key, err = m.Sys.ReadFile(source.File); err != nil {
			err = fmt.Errorf("read key for the crypto card: %w", err)
		}
	case source.Generated:
		raw := make([]byte, generatedKey)
		rand.Read(raw)
		v.key = []byte(hex.EncodeToString(raw))
	case source.Content != nil:
		if v.key, err = m.fetchKey(ctx, *source.Content); err != nil {
			err = fmt.Errorf("fetch key of %s: %w", name, err)
		}
	}
	return v, err
}

// fetchKey returns a key, which may have been fetched ahead.
func (m *Machine) fetchKey(ctx context.Context, c op.Content) ([]byte, error) {
	p, ok := m.Payloads[c.Handle]
	if !ok {
		return nil, errNoPayload
	}
	if key, err := m.ahead.bytes(ctx, p); key != nil || err != nil {
		return key, err
	}
	return m.Fetch.Bytes(ctx, request(p), largestKey)
}

// getKey makes sure that the key of a volume can be fetched, and keeps it.
func getKey(ctx context.Context, m *Machine, o op.FetchKey) error {
	_, err := m.fetchKey(ctx, o.Content)
	return err
}

// cryptsetup runs the program of that name; it reads the key from sys.SecretFile.
func (v volume) cryptsetup(ctx context.Context, args ...string) error {
	_, err := v.m.Sys.Run(ctx, sys.Command{Name: "cryptsetup", Args: args, Secret: v.key})
	return err
}

// luksOpen opens the volume.
func (v volume) luksOpen(ctx context.Context) error {
	return v.cryptsetup(ctx, append([]string{"luksOpen", v.alias, v.name, "--key-file", sys.SecretFile}, v.open...)...)
}

// luksClose closes the volume if an earlier attempt of this boot left it open.
func (v volume) luksClose(ctx context.Context) error {
	if _, err := v.m.Sys.Resolve("/dev/mapper/" + v.name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return v.cryptsetup(ctx, "luksClose", v.name)
}

// await waits until the open volume exists, and udev has looked at the device below it.
func (v volume) await(ctx context.Context) error {
	node := "/dev/mapper/" + v.name
	exists := func() bool { _, err := v.m.Sys.Resolve(node); return err == nil }
	if err := v.m.Sys.Await(ctx, udevPatience, node, exists); err != nil {
		return err
	}
	below, err := v.m.Sys.Resolve(v.alias)
	if err != nil {
		return err
	}
	s, err := contents(ctx, v.m, below)
	if err != nil {
		return err
	}
	return awaitContents(ctx, v.m, below, s)
}

// makeVolume formats, opens and binds a volume.
func makeVolume(ctx context.Context, m *Machine, o op.MakeVolume) error {
	v, err := newVolume(ctx, m, o.Name, o.Device, o.Key, o.Open)
	if err != nil {
		return err
	}
	_, node, err := planned(m, o.Device, o.Node)
	if err != nil {
		return err
	}
	if err := v.luksClose(ctx); err != nil {
		return err
	}
	if err := eraseAll(ctx, m, node); err != nil {
		return err
	}
	if err := v.format(ctx, o); err != nil {
		return err
	}
	if err := v.luksOpen(ctx); err != nil {
		return err
	}
	if o.Bind != nil {
		if err := v.bind(ctx, *o.Bind); err != nil {
			return err
		}
	}
	if o.DropKey {
		if err := v.cryptsetup(ctx, "luksRemoveKey", v.alias, sys.SecretFile); err != nil {
			return err
		}
	}
	if err := v.await(ctx); err != nil {
		return err
	}
	if o.DropKey {
		v.key = nil
	}
	m.Keep.KeepKey(o.Name, v.key)
	return nil
}

func (v volume) format(ctx context.Context, o op.MakeVolume) error {
	args := append([]string{"luksFormat", "--type", "luks2", "--key-file", sys.SecretFile}, o.Format...)
	if o.Secure {
		return v.formatSecure(ctx, append(args, v.alias))
	}
	return v.cryptsetup(ctx, append(args, v.alias)...)
}

// bind binds the volume with clevis(1), and proves that the binding unlocks it, if that can be proved now.
func (v volume) bind(ctx context.Context, b op.Binding) error {
	config := v.m.Payloads[b.Config]
	if config.Text == nil {
		return errNoPayload
	}
	for _, c := range b.Reach {
		if _, err := v.m.Fetch.Bytes(ctx, request(v.m.Payloads[c.Handle]), largestKey); err != nil {
			return fmt.Errorf("reach Tang server: %w", err)
		}
	}
	// clevis takes its config only as an argument, and so do its children (docs/decisions/0009-clevis-config.md).
	bind := sys.Command{
		Name: "clevis", Quiet: true, Secret: v.key,
		Args: []string{"luks", "bind", "-f", "-k", sys.SecretFile, "-d", v.alias, b.Pin, *config.Text},
	}
	if _, err := v.m.Sys.Run(ctx, bind); err != nil {
		return err
	}
	if !b.Prove {
		return nil
	}
	if err := v.cryptsetup(ctx, "luksClose", v.name); err != nil {
		return err
	}
	unlock := sys.Command{Name: "clevis", Hide: []string{*config.Text}, Args: []string{"luks", "unlock", "-d", v.alias, "-n", v.name}}
	if _, err := v.m.Sys.Run(ctx, unlock); err != nil {
		return fmt.Errorf("unlock the volume by what it was bound to: %w", err)
	}
	return nil
}

// wrongKey is the advice about a volume that a key does not open.
const wrongKey = "(is it the right key? set wipeVolume to have the volume destroyed)"

// checkVolume tries the key of a volume.
func checkVolume(ctx context.Context, m *Machine, o op.CheckVolume) error {
	v, err := newVolume(ctx, m, o.Name, o.Device, o.Key, nil)
	if err != nil {
		return err
	}
	if err := v.cryptsetup(ctx, "luksOpen", "--test-passphrase", "--key-file", sys.SecretFile, v.alias); err != nil {
		return fmt.Errorf("%w %s", err, wrongKey)
	}
	return nil
}

// openVolume opens an existing volume.
func openVolume(ctx context.Context, m *Machine, o op.OpenVolume) error {
	v, err := newVolume(ctx, m, o.Name, o.Device, o.Key, o.Open)
	if err != nil {
		return err
	}
	if err := v.luksClose(ctx); err != nil {
		return err
	}
	if err := v.luksOpen(ctx); err != nil {
		return fmt.Errorf("%w %s", err, wrongKey)
	}
	if err := v.await(ctx); err != nil {
		return err
	}
	m.Keep.KeepKey(o.Name, v.key)
	return nil
}
