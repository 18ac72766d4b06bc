// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
)

// A check computes the digest of what is written to it.
type check struct {
	hash.Hash
	name string
	want []byte
}

// newCheck reads "FUNCTION-HEX"; an empty one accepts everything.
func newCheck(spec string) (*check, error) {
	if spec == "" {
		return &check{Hash: sha256.New()}, nil
	}
	name, digits, _ := strings.Cut(spec, "-")
	functions := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("%w: function %q; use sha256 or sha512", ErrBadHash, name)
	}
	want, err := hex.DecodeString(digits)
	if h := f(); err == nil && len(want) == h.Size() {
		return &check{h, name, want}, nil
	}
	return nil, fmt.Errorf("%w: it needs %d hex digits after %q", ErrBadHash, 2*f().Size(), name+"-")
}

func (c *check) verify() error {
	if got := c.Sum(nil); c.want != nil && !bytes.Equal(got, c.want) {
		return fmt.Errorf("%w: it is %s-%x, expected was %s-%x", ErrHashMismatch, c.name, got, c.name, c.want)
	}
	return nil
}

// decompress returns the decompressed stream.
func decompress(r io.Reader, compression string) (io.Reader, error) {
	switch compression {
	case "":
		return r, nil
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
		return z, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrCompression, compression)
}

// MaybeGunzip decompresses data that begins like a gzip file (RFC 1952), and returns other data as it is. The result
// has at most limit bytes.
func MaybeGunzip(data []byte, limit int64) ([]byte, error) {
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b, 8}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := &memory{limit: limit}
	_, err = io.Copy(out, z)
	return out.Bytes(), err
}
