// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

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
			return nil, fmt.Errorf("%w: it does not begin with the bytes of a gzip file", ErrGzip)
		}
		z, err := gzip.NewReader(packed)
		return gunzip{z}, gzipError(err)
	}
	return nil, fmt.Errorf("%w: it is not gzip", ErrCompression)
}

// A gunzip distinguishes errors in the compressed data from errors of its transport.
type gunzip struct{ z *gzip.Reader }

func (u gunzip) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	return n, gzipError(err)
}

func gzipError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == io.ErrUnexpectedEOF: // the resuming reader reports a truncated body with another error
		return fmt.Errorf("%w: it ends early", ErrGzip)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%w: %s", ErrGzip, strings.TrimPrefix(err.Error(), "gzip: "))
	}
	return err
}
