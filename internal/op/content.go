// SPDX-License-Identifier: Apache-2.0

package op

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// A Handle stands for something of the config that a plan does not hold: contents, keys, hashes, and their sources. It is a
// digest keyed with the seed of the run, so that a short secret cannot be guessed from it without the seed.
type Handle string

// Content is what a file, fragment, unit or key is made of, by reference.
type Content struct {
	Handle Handle `json:"handle"`
	// Source says where the payload comes from, for people: a URL without credentials and query, or "inline".
	Source string `json:"source"`
	// Remote says that getting the payload needs the network.
	Remote bool `json:"remote,omitempty"`
}

// Inline is the Source of a payload that is in the config itself.
const Inline = "inline"

// A Payload is what a handle stands for: a text, or a resource to be fetched. It is a secret.
type Payload struct {
	Text *string // if it is not nil there is no resource

	Source      string   // URL; empty: an empty payload
	Headers     []Header // of the request
	Compression string   // "gzip", or empty for none
	Place       string   // of the source in its config, for people; not part of the handle
	Hash        string   // "sha512-" or "sha256-" and hex digits; empty: unchecked
}

// A Header is one header of a request; a nil value means that the header was to be removed.
type Header struct {
	Name  string
	Value *string
}

// String implements fmt.Stringer: a payload never shows in a message.
func (Payload) String() string { return "redacted" }

// LogValue implements slog.LogValuer.
func (Payload) LogValue() slog.Value { return slog.StringValue("redacted") }

// Payloads maps the handles of a plan to what they stand for.
type Payloads map[Handle]Payload

// Add adds a payload and returns its handle. Of payloads that differ only in their places, the first is kept.
func (p Payloads) Add(seed string, load Payload) Handle {
	k := digests.Get().(*keyed)
	defer digests.Put(k)
	k.Reset()
	k.add(seed, load.Source, load.Compression, load.Hash, strconv.Itoa(len(load.Headers)))
	for _, header := range load.Headers {
		if k.add(header.Name); header.Value == nil {
			k.add("removed")
		} else {
			k.add("set", *header.Value)
		}
	}
	if load.Text != nil {
		k.add("text", *load.Text)
	}
	const length = 16 // bytes
	handle := Handle(hex.EncodeToString(k.Sum(k.sum[:0])[:length]))
	if _, known := p[handle]; !known {
		p[handle] = load
	}
	return handle
}

// keyed digests texts, each after its length, so that different lists of texts have different digests.
type keyed struct {
	hash.Hash
	length [8]byte
	sum    [sha256.Size]byte
}

// digests are reused: a config may have very many payloads.
var digests = sync.Pool{New: func() any { return &keyed{Hash: sha256.New()} }}

func (k *keyed) add(texts ...string) {
	for _, t := range texts {
		binary.LittleEndian.PutUint64(k.length[:], uint64(len(t)))
		k.Write(k.length[:])
		k.Write(unsafe.Slice(unsafe.StringData(t), len(t))) // no copy of what may be long; a hash only reads
	}
}

// VolumeKey returns the handle of the key that the disks stage left for an encrypted volume.
func VolumeKey(name string) Handle { return volumeKey + Handle(name) }

// LeftFile returns the handle of the content of a file that an earlier stage left for the target root, by its path there.
func LeftFile(name string) Handle { return leftFile + Handle(name) }

const (
	volumeKey Handle = "volume-key:"
	leftFile  Handle = "left-file:"
)

// FromStage reports whether the handle stands for something that an earlier stage of the same boot left.
func (h Handle) FromStage() bool {
	return strings.HasPrefix(string(h), string(volumeKey)) || strings.HasPrefix(string(h), string(leftFile))
}

// A Want is a payload that a stage will need, and its purpose.
type Want struct {
	Content
	// Place is the path of the file that it is for, as the config has it; empty: a key, which is kept in memory.
	Place string `json:"place,omitempty"`
}
