// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// cryptOptions are the options of cryptsetup(8) and clevis-luks(1) that take a value.
func cryptOptions() []string {
	return []string{"--type", "--key-file", "--label", "--uuid", "--cipher", "--key-size", "--hash", "--iter-time", "--pbkdf", "--pbkdf-memory",
		"--pbkdf-parallel", "--pbkdf-force-iterations", "--sector-size", "--volume-key-file", "--integrity", "--key-slot", "-c", "-s", "-h",
		"-d", "-n", "-k"}
}

// cryptsetup formats, opens and closes LUKS2 volumes.
func cryptsetup(p *Process) error {
	names := p.operands(cryptOptions()...)
	if len(names) == 0 {
		return p.fail("unknown action")
	}
	verb, names := names[0], names[1:]
	if len(names) == 0 {
		return p.fail("%s: requires <device>", verb)
	}
	switch {
	case verb == "luksFormat":
		return p.formatVolume(names[0])
	case slices.Contains(p.Args, "--test-passphrase"):
		_, _, err := p.openHeader(names[0])
		return err
	case (verb == "luksOpen" || verb == "open") && len(names) == 2:
		return p.openVolume(names[0], names[1])
	case verb == "luksClose" || verb == "close":
		return p.closeVolume(names[0])
	case verb == "luksRemoveKey":
		return p.removeKey(names[0])
	case verb == "luksUUID":
		h, _, err := p.header(names[0])
		p.stdout.WriteString(h.uuid + "\n")
		return err
	}
	return p.fail("unknown action: %s", verb)
}

// key returns the contents of the key file.
func (p *Process) key() ([]byte, error) {
	name, given := p.option("--key-file", "-k")
	if !given && len(p.operands(cryptOptions()...)) > 2 {
		name = p.operands(cryptOptions()...)[2] // cryptsetup luksRemoveKey DEVICE FILE
	}
	switch {
	case name == sys.SecretFile && p.Secret != nil:
		return p.Secret, nil
	case name == "-" || name == "":
		return p.Stdin, nil
	}
	data, err := p.m.ReadFile(name)
	if err != nil {
		return nil, p.fail("failed to open key file")
	}
	return data, nil
}

// header reads the header of the volume on a device.
func (p *Process) header(name string) (header, *device, error) {
	d, err := p.find(name)
	if err != nil {
		return header{}, nil, err
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	h, ok := p.m.readHeader(d)
	if !ok {
		return header{}, nil, p.fail("device %s is not a valid LUKS device", name)
	}
	return h, d, nil
}

// writeHeader writes both copies, with the next sequence number.
func (p *Process) writeHeader(d *device, h *header) error {
	h.sequence++
	for i, what := range []string{"the primary header", "the secondary header"} {
		p.m.mu.Lock()
		salt := p.m.invent("salt " + d.node)
		p.m.mu.Unlock()
		raw, err := h.encode(i == 1, salt)
		if err != nil {
			return p.fail("%v", err)
		}
		if err := p.write(d.node, what, int64(i)*luksHeader, raw); err != nil {
			return err
		}
		if err := p.sync(d.node); err != nil {
			return err
		}
	}
	return nil
}

// formatVolume writes a header without a key, then a keyslot, then the header with the keyslot.
func (p *Process) formatVolume(name string) error {
	d, err := p.exclusive(name)
	if err != nil {
		return err
	}
	passphrase, err := p.key()
	if err != nil {
		return err
	}
	if len(passphrase) == 0 {
		return p.fail("nothing to read on input")
	}
	if d.size <= luksPayload {
		return p.fail("device %s is too small", name)
	}
	label, _ := p.option("--label")
	uuid, _ := p.option("--uuid")
	p.m.mu.Lock()
	if uuid == "" {
		uuid = uuidText(p.m.inventUUID("volume " + d.node))
	}
	key, salt := p.m.invent("volume key "+d.node), p.m.invent("digest "+d.node)
	p.m.mu.Unlock()
	if err := p.write(d.node, "zeros to the header", 0, make([]byte, 2*luksHeader+pageSize)); err != nil {
		return err
	}
	h := newHeader(label, strings.ToLower(uuid), key, salt)
	if err := p.writeHeader(d, &h); err != nil {
		return err
	}
	_, err = p.addKey(d, &h, key, passphrase)
	return err
}

// addKey writes the area of a keyslot, and then the header.
func (p *Process) addKey(d *device, h *header, key [32]byte, passphrase []byte) (slot string, err error) {
	n := 0
	for h.meta.Keyslots[fmt.Sprint(n)].Type != "" {
		n++
	}
	slot = fmt.Sprint(n)
	p.m.mu.Lock()
	salt := p.m.invent("keyslot " + d.node)
	p.m.mu.Unlock()
	k := luksKeyslot{
		Type: "luks2", KeySize: 64, AF: json.RawMessage(`{"type":"luks1","stripes":4000,"hash":"sha256"}`),
		Area: luksPlace{"raw", luksKeyslots + int64(n)*luksArea, luksArea, "aes-xts-plain64", 64},
		KDF:  luksKDF{"pbkdf2", "sha256", 1000, salt[:]},
	}
	if err := p.write(d.node, "keyslot "+slot, k.Area.Offset, keyArea(key, passphrase, salt[:])); err != nil {
		return "", err
	}
	if err := p.sync(d.node); err != nil {
		return "", err
	}
	h.meta.Keyslots[slot] = k
	g := h.meta.Digests["0"]
	g.Keyslots = append(g.Keyslots, slot)
	h.meta.Digests["0"] = g
	return slot, p.writeHeader(d, h)
}

// openHeader reads the header of a volume and unlocks it with the key of the command.
func (p *Process) openHeader(name string) (header, [32]byte, error) {
	h, d, err := p.header(name)
	if err != nil {
		return h, [32]byte{}, err
	}
	passphrase, err := p.key()
	if err != nil {
		return h, [32]byte{}, err
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	key, _, ok := p.m.unlock(d, h, passphrase)
	if !ok {
		return h, key, p.fail("no key available with this passphrase")
	}
	return h, key, nil
}

// openVolume opens a volume, and then writes its persistent flags.
func (p *Process) openVolume(name, target string) error {
	h, key, err := p.openHeader(name)
	if err != nil {
		return err
	}
	d, err := p.activate(name, target, key)
	if err != nil || !slices.Contains(p.Args, "--persistent") {
		return err
	}
	h.meta.Config.Flags = nil
	for _, flag := range []string{"allow-discards", "no-read-workqueue", "no-write-workqueue", "same-cpu-crypt", "submit-from-crypt-cpus"} {
		if slices.Contains(p.Args, "--"+flag) || slices.Contains(p.Args, "--perf-"+strings.ReplaceAll(flag, "-", "_")) {
			h.meta.Config.Flags = append(h.meta.Config.Flags, flag)
		}
	}
	return p.writeHeader(d, &h)
}

// activate makes the mapping of a volume. Like libdevmapper, it waits until udev has made the links.
func (p *Process) activate(name, target string, key [32]byte) (*device, error) {
	d, err := p.exclusive(name)
	if err != nil {
		return nil, err
	}
	if err := p.m.effect("%s: open %s as %s", p.Name, d.node, target); err != nil {
		return nil, err
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	n := 0
	for node, other := range p.m.devices {
		if other.volume != nil && other.volume.name == target {
			return nil, p.fail("device %s already exists as %s", target, node)
		}
	}
	for p.m.devices[fmt.Sprint("/dev/dm-", n)] != nil {
		n++
	}
	node := fmt.Sprint("/dev/dm-", n)
	made := &device{node: node, size: d.size - luksPayload, sector: d.sector, volume: &volume{target, d.node, luksPayload, key}}
	p.m.devices[node] = made
	if !p.m.NoUdev {
		p.m.handle(event{"add", node}, made)
	}
	return d, nil
}

func (p *Process) closeVolume(name string) error {
	d, err := p.find("/dev/mapper/" + name)
	if err != nil || d.volume == nil {
		return p.fail("device %s is not active", name)
	}
	if _, err := p.exclusive(d.node); err != nil {
		return p.fail("device %s is still in use", name)
	}
	if err := p.m.effect("cryptsetup: close %s", name); err != nil {
		return err
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.m.closed(d.node)
	delete(p.m.devices, d.node)
	p.m.handle(event{"remove", d.node}, nil)
	return nil
}

// removeKey wipes the area of a keyslot, and then removes the keyslot from the header.
func (p *Process) removeKey(name string) error {
	h, d, err := p.header(name)
	if err != nil {
		return err
	}
	passphrase, err := p.key()
	if err != nil {
		return err
	}
	p.m.mu.Lock()
	_, slot, ok := p.m.unlock(d, h, passphrase)
	p.m.mu.Unlock()
	if !ok {
		return p.fail("no key available with this passphrase")
	}
	if err := p.write(d.node, "zeros to keyslot "+slot, h.meta.Keyslots[slot].Area.Offset, make([]byte, pageSize)); err != nil {
		return err
	}
	if err := p.sync(d.node); err != nil {
		return err
	}
	delete(h.meta.Keyslots, slot)
	g := h.meta.Digests["0"]
	g.Keyslots = slices.DeleteFunc(slices.Clone(g.Keyslots), func(s string) bool { return s == slot })
	h.meta.Digests["0"] = g
	return p.writeHeader(d, &h)
}

// clevis binds volumes to pins, and unlocks them. Every pin is available.
func clevis(p *Process) error {
	names := p.operands(cryptOptions()...)
	name, _ := p.option("-d")
	switch {
	case len(names) == 4 && names[1] == "bind":
		return p.bind(name, names[2], names[3])
	case len(names) == 2 && names[1] == "unlock":
		target, _ := p.option("-n")
		return p.unlockBound(name, target)
	}
	return p.fail("unknown command")
}

// bind adds a key that only the pin knows, and then its token.
func (p *Process) bind(name, pin, config string) error {
	h, key, err := p.openHeader(name)
	if err != nil {
		return err
	}
	if !json.Valid([]byte(config)) {
		return p.fail("the configuration is not JSON")
	}
	d, err := p.find(name)
	if err != nil {
		return err
	}
	p.m.mu.Lock()
	secret := p.m.invent("clevis " + d.node)
	p.m.mu.Unlock()
	slot, err := p.addKey(d, &h, key, secret[:])
	if err != nil {
		return err
	}
	h.meta.Tokens[fmt.Sprint(len(h.meta.Tokens))] = luksToken{"clevis", []string{slot}, luksPin{pin, config, secret[:]}}
	return p.writeHeader(d, &h)
}

func (p *Process) unlockBound(name, target string) error {
	h, d, err := p.header(name)
	if err != nil {
		return err
	}
	for _, t := range h.meta.Tokens {
		p.m.mu.Lock()
		key, _, ok := p.m.unlock(d, h, t.JWE.Passphrase)
		p.m.mu.Unlock()
		if ok {
			_, err := p.activate(name, target, key)
			return err
		}
	}
	return p.fail("%s could not be opened", name)
}

func uuidText(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
