// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
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

const packedBuffer = 64 << 10 // bytes

// decompress returns the decompressed stream.
func decompress(r io.Reader, compression string) (io.Reader, error) {
	switch compression {
	case "":
		return r, nil
	case "gzip":
		packed := bufio.NewReaderSize(r, packedBuffer)
		if magic, err := packed.Peek(2); err != nil && err != io.EOF {
			return nil, err
		} else if string(magic) != "\x1f\x8b" {
			return nil, fmt.Errorf("%w: it does not begin like it", ErrGzip)
		}
		z, err := gzip.NewReader(packed)
		return unpacker{z}, unpacked(err)
	}
	return nil, fmt.Errorf("%w: %q", ErrCompression, compression)
}

// An unpacker tells errors of the compressed data from those of the way it came.
type unpacker struct{ z *gzip.Reader }

func (u unpacker) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	return n, unpacked(err)
}

func unpacked(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == io.ErrUnexpectedEOF: // a feed has other words for bodies that break off
		return fmt.Errorf("%w: it ends early", ErrGzip)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%w: %s", ErrGzip, strings.TrimPrefix(err.Error(), "gzip: "))
	}
	return err
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
	plain, err := decompress(bytes.NewReader(data), "gzip")
	if err != nil {
		return nil, err
	}
	out := &memory{limit: limit}
	_, err = io.Copy(out, plain)
	return out.Bytes(), err
}
