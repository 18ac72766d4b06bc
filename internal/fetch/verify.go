// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// A check compares the digest of the data written to its hash with the expected one. The hash is nil if everything is
// accepted.
type check struct {
	hash.Hash
	name string
	want []byte
}

// newCheck reads "FUNCTION-HEX"; an empty one accepts everything.
func newCheck(spec string) (*check, error) {
	if spec == "" {
		return &check{}, nil
	}
	name, digits, _ := strings.Cut(spec, "-")
	functions := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}
	f, ok := functions[name]
	switch {
	case ok:
	case name == "md5" || strings.HasPrefix(name, "sha") && len(name) <= len("sha512_256"):
		return nil, fmt.Errorf("%w: function %q; use sha256 or sha512", ErrBadHash, name)
	default: // not a function's name, and possibly secret
		return nil, fmt.Errorf("%w: write it as sha512- or sha256- and hex digits", ErrBadHash)
	}
	want, err := hex.DecodeString(digits)
	if h := f(); err == nil && len(want) == h.Size() {
		return &check{h, name, want}, nil
	}
	return nil, fmt.Errorf("%w: it needs %d hex digits after %q", ErrBadHash, 2*f().Size(), name+"-")
}

func (c *check) verify() error {
	if c.Hash == nil {
		return nil
	}
	if got := c.Sum(nil); !bytes.Equal(got, c.want) {
		return fmt.Errorf("%w: it is %s-%x, expected was %s-%x", ErrHashMismatch, c.name, got, c.name, c.want)
	}
	return nil
}
