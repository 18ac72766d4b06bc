// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// volume is an open LUKS volume.
type volume struct {
	name   string
	below  string // node of the device below
	offset int64  // of the contents
	key    [32]byte
}

// crypt encrypts or decrypts p, which is at an offset of the contents. It uses a keystream instead of a cipher.
func (v *volume) crypt(p []byte, offset int64) {
	key := le.Uint64(v.key[:])
	stream := func(word uint64) uint64 { // splitmix64
		z := key + (word+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return z ^ z>>31
	}
	for i := 0; i < len(p); {
		at := offset + int64(i)
		word := stream(uint64(at / 8))
		if at%8 == 0 && len(p)-i >= 8 {
			le.PutUint64(p[i:], le.Uint64(p[i:])^word)
			i += 8
			continue
		}
		p[i] ^= byte(word >> (8 * (at % 8)))
		i++
	}
}

// Layout of a LUKS2 volume as cryptsetup(8) makes it (LUKS2 on-disk format specification 1.1).
const (
	luksHeader   = 16 << 10  // of each of the two copies
	luksBinary   = 4096      // of a copy, before its JSON area
	luksKeyslots = 32 << 10  // offset of the first keyslot's area
	luksArea     = 252 << 10 // of a keyslot
	luksPayload  = 16 << 20
)

// header is the header of a LUKS2 volume.
type header struct {
	sequence    uint64
	label, uuid string
	meta        luksMeta
}

type luksMeta struct {
	Keyslots map[string]luksKeyslot     `json:"keyslots"`
	Tokens   map[string]luksToken       `json:"tokens"`
	Segments map[string]json.RawMessage `json:"segments"`
	Digests  map[string]luksDigest      `json:"digests"`
	Config   luksConfig                 `json:"config"`
}

type luksConfig struct {
	JSONSize     string   `json:"json_size"`
	KeyslotsSize string   `json:"keyslots_size"`
	Flags        []string `json:"flags,omitempty"`
}

type luksKeyslot struct {
	Type    string          `json:"type"`
	KeySize int             `json:"key_size"`
	AF      json.RawMessage `json:"af"`
	Area    luksPlace       `json:"area"`
	KDF     luksKDF         `json:"kdf"`
}

type luksPlace struct {
	Type       string `json:"type"`
	Offset     int64  `json:"offset,string"`
	Size       int64  `json:"size,string"`
	Encryption string `json:"encryption"`
	KeySize    int    `json:"key_size"`
}

type luksKDF struct {
	Type       string `json:"type"`
	Hash       string `json:"hash"`
	Iterations int    `json:"iterations"`
	Salt       []byte `json:"salt"`
}

type luksDigest struct {
	luksKDF
	Keyslots []string `json:"keyslots"`
	Segments []string `json:"segments"`
	Digest   []byte   `json:"digest"`
}

// luksToken is a token of clevis. A real token has the passphrase encrypted for its pin; this one has it in the clear.
type luksToken struct {
	Type     string   `json:"type"`
	Keyslots []string `json:"keyslots"`
	JWE      luksPin  `json:"jwe"`
}

type luksPin struct {
	Pin        string `json:"pin"`
	Config     string `json:"config"`
	Passphrase []byte `json:"passphrase"`
}

const segment = `{"type":"crypt","offset":"16777216","size":"dynamic","iv_tweak":"0","encryption":"aes-xts-plain64","sector_size":512}`

// newHeader returns the header of a volume with a volume key, without a keyslot.
func newHeader(label, uuid string, key, salt [32]byte) header {
	h := header{label: label, uuid: uuid}
	h.meta = luksMeta{
		Keyslots: map[string]luksKeyslot{}, Tokens: map[string]luksToken{},
		Segments: map[string]json.RawMessage{"0": json.RawMessage(segment)},
		Digests: map[string]luksDigest{"0": {
			luksKDF: luksKDF{"pbkdf2", "sha256", 1000, salt[:]}, Keyslots: []string{}, Segments: []string{"0"}, Digest: digest(key[:], salt[:]),
		}},
		Config: luksConfig{JSONSize: fmt.Sprint(luksHeader - luksBinary), KeyslotsSize: fmt.Sprint(luksPayload - 2*luksHeader)},
	}
	return h
}

func digest(key, salt []byte) []byte {
	sum := sha256.Sum256(slices.Concat(key, salt))
	return sum[:]
}

// encode returns one of the two copies.
func (h header) encode(second bool, salt [32]byte) ([]byte, error) {
	raw := make([]byte, luksHeader)
	copy(raw, "LUKS\xba\xbe")
	if second {
		copy(raw, "SKUL\xba\xbe")
		be.PutUint64(raw[256:], luksHeader)
	}
	be.PutUint16(raw[6:], 2)
	be.PutUint64(raw[8:], luksHeader)
	be.PutUint64(raw[16:], h.sequence)
	copy(raw[24:72], h.label)
	copy(raw[72:], "sha256")
	copy(raw[104:], salt[:])
	copy(raw[168:208], h.uuid)
	text, err := json.Marshal(h.meta)
	if err != nil || len(text) >= luksHeader-luksBinary {
		return nil, fmt.Errorf("encode LUKS2 header of %d bytes: %w", len(text), err)
	}
	copy(raw[luksBinary:], text)
	sum := sha256.Sum256(raw)
	copy(raw[448:], sum[:])
	return raw, nil
}

// decodeHeader reads a copy and verifies it.
func decodeHeader(raw []byte, second bool) (header, bool) {
	magic := "LUKS\xba\xbe"
	if second {
		magic = "SKUL\xba\xbe"
	}
	if string(raw[:6]) != magic || be.Uint16(raw[6:]) != 2 {
		return header{}, false
	}
	sum := bytes.Clone(raw[448:480])
	checked := bytes.Clone(raw)
	clear(checked[448:512])
	if got := sha256.Sum256(checked); !bytes.Equal(got[:], sum) {
		return header{}, false
	}
	field := func(from, to int) string {
		text, _, _ := bytes.Cut(raw[from:to], []byte{0})
		return string(text)
	}
	h := header{sequence: be.Uint64(raw[16:]), label: field(24, 72), uuid: field(168, 208)}
	text, _, _ := bytes.Cut(raw[luksBinary:], []byte{0})
	return h, json.Unmarshal(text, &h.meta) == nil
}

// readHeader returns the newer of the valid copies of the header on a device. The lock must be held.
func (m *Machine) readHeader(d *device) (header, bool) {
	raw := make([]byte, 2*luksHeader)
	if n, _ := (view{m, d}).ReadAt(raw, 0); n < len(raw) {
		return header{}, false
	}
	first, ok := decodeHeader(raw[:luksHeader], false)
	second, alsoOK := decodeHeader(raw[luksHeader:], true)
	if alsoOK && (!ok || second.sequence > first.sequence) {
		return second, true
	}
	return first, ok
}

// keyArea returns the contents of a keyslot's area: the volume key under the passphrase, and a digest of the passphrase by
// which State identifies what unlocks the volume. Keys that look generated have no digest.
func keyArea(key [32]byte, passphrase, salt []byte) []byte {
	area := make([]byte, unit)
	for i, b := range digest(passphrase, salt) {
		area[i] = key[i] ^ b
	}
	sum := sha256.Sum256(passphrase)
	copy(area[32:], sum[:])
	if isGenerated(passphrase) {
		copy(area[32:], "generated\x00")
	}
	return area
}

// isGenerated reports whether a key looks like one of the engine's: 8192 hexadecimal digits.
func isGenerated(key []byte) bool {
	return len(key) == 8192 && len(bytes.Trim(key, "0123456789abcdef")) == 0
}

// unlock returns the volume key, and the keyslot that the passphrase opens. The lock must be held.
func (m *Machine) unlock(d *device, h header, passphrase []byte) (key [32]byte, slot string, ok bool) {
	for _, slot := range slices.Sorted(maps.Keys(h.meta.Keyslots)) {
		k := h.meta.Keyslots[slot]
		m.read(d, key[:], k.Area.Offset)
		for i, b := range digest(passphrase, k.KDF.Salt) {
			key[i] ^= b
		}
		if bytes.Equal(digest(key[:], h.meta.Digests["0"].Salt), h.meta.Digests["0"].Digest) {
			return key, slot, true
		}
	}
	return key, "", false
}

// Unlocks reports whether a passphrase opens the LUKS volume on a device.
func (m *Machine) Unlocks(name string, passphrase []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return false
	}
	h, ok := m.readHeader(d)
	if ok {
		_, _, ok = m.unlock(d, h, passphrase)
	}
	return ok
}

// unlockers returns what opens a volume: the pins of clevis, and digests of keys. The lock must be held.
func (m *Machine) unlockers(d *device, h header) []string {
	bound := map[string]bool{}
	var all []string
	for _, t := range h.meta.Tokens {
		who := "clevis " + t.JWE.Pin + " " + t.JWE.Config
		for _, slot := range t.Keyslots {
			bound[slot] = true
		}
		if _, _, ok := m.unlock(d, h, t.JWE.Passphrase); !ok {
			who += ", which does not open it"
		}
		all = append(all, who)
	}
	for slot, k := range h.meta.Keyslots {
		area := make([]byte, unit)
		m.read(d, area, k.Area.Offset)
		switch generated := bytes.HasPrefix(area[32:], []byte("generated\x00")); {
		case bound[slot]:
		case generated:
			all = append(all, "a generated key")
		default:
			all = append(all, "key "+base64.StdEncoding.EncodeToString(area[32:44]))
		}
	}
	slices.Sort(all)
	return all
}
