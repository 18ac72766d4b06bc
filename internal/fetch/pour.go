// SPDX-License-Identifier: Apache-2.0

package fetch

import "io"

// chunk is how much of a payload is handed on at a time, in bytes. Two of them are on their way at once.
const chunk = 128 << 10

// pour moves a payload, decompressed. What comes in is read and decompressed while what came before it is hashed and
// written. When it returns, nothing is being written any more.
func pour(w io.Writer, r io.Reader, compression string) error {
	plain, err := decompress(r, compression)
	if err != nil {
		return err
	}
	if at, ok := plain.(io.WriterTo); ok { // in memory already
		_, err := at.WriteTo(w)
		return err
	}
	first := make([]byte, chunk)
	n, err := fill(plain, first)
	if err == io.EOF {
		_, err := w.Write(first[:n])
		return err
	} else if err != nil {
		return err
	}
	return relay(w, plain, first)
}

// relay moves the rest of a payload, after a full first chunk.
func relay(w io.Writer, r io.Reader, first []byte) error {
	full, empty := make(chan []byte, 1), make(chan []byte, 2)
	written := make(chan error, 1)
	go func() {
		var failed error
		for p := range full {
			if failed == nil {
				_, failed = w.Write(p)
			}
			empty <- p[:cap(p)]
			if failed != nil {
				written <- failed
				return
			}
		}
		written <- nil
	}()
	full <- first
	empty <- make([]byte, chunk)
	for {
		var p []byte
		select {
		case p = <-empty:
		case err := <-written:
			return err
		}
		n, err := fill(r, p)
		if err != nil && err != io.EOF {
			close(full)
			if failed := <-written; failed != nil {
				return failed
			}
			return err
		}
		select {
		case full <- p[:n]:
		case err := <-written:
			return err
		}
		if err == io.EOF {
			close(full)
			return <-written
		}
	}
}

// fill reads until a buffer is full; io.EOF says that the payload is complete, with what was read.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
