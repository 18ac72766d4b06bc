// SPDX-License-Identifier: Apache-2.0

// Package tftp reads files of TFTP servers in octet mode (RFC 1350).
package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/pin/tftp/v3"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// blockSize is the requested block size (RFC 2348), in bytes: the largest that fits a datagram on links with tunnels.
// Servers without options send blocks of 512.
const blockSize = 1428

// A File is the origin of a tftp: URL. The protocol cannot resume.
type File struct{ host, port, path string }

// New returns the origin of a tftp: URL.
func New(u *url.URL) (*File, error) {
	f := &File{u.Hostname(), u.Port(), u.Path}
	if f.port == "" {
		f.port = "69"
	}
	if n, err := strconv.ParseUint(f.port, 10, 16); f.host == "" || f.path == "" || err != nil || n == 0 {
		return nil, fmt.Errorf("%w: a tftp: URL needs a host and a path, and a port between 1 and 65535 if it has one", origin.ErrURL)
	}
	return f, nil
}

// Open requests the file from its beginning.
func (f *File) Open(ctx context.Context, _ origin.Mark) (*origin.Stream, error) {
	s, err := f.ask(ctx, true)
	if err != nil && strings.HasPrefix(err.Error(), "code: 8,") { // RFC 2347: the server rejects the options
		s, err = f.ask(ctx, false)
	}
	if err != nil {
		return nil, failure(err)
	}
	return &origin.Stream{ReadCloser: s}, nil
}

// ask requests the file and returns its stream. The library has no contexts: after the context ends, its own wait ends in
// the background, within half a minute.
func (f *File) ask(ctx context.Context, options bool) (io.ReadCloser, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", f.host)
	if err != nil {
		return nil, err
	}
	client, err := tftp.NewClient(net.JoinHostPort(addrs[0].Unmap().String(), f.port))
	if err != nil {
		return nil, err
	}
	if options {
		client.SetBlockSize(blockSize)
		client.RequestTSize(true)
	}
	r, w := io.Pipe()
	begun := make(chan error, 1)
	go func() {
		in, err := client.Receive(f.path, "octet")
		begun <- err
		if err == nil {
			w.CloseWithError(receive(in, w))
		}
	}()
	select {
	case err := <-begun:
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { r.Close() })
		return r, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), r.Close())
	}
}

// receive transfers a file and checks its size, if the server announced it (RFC 2349). The library forgets the size when the
// transfer begins; without an announcement it has 0, the value in the request.
func receive(in io.WriterTo, w io.Writer) error {
	var size int64
	if t, ok := in.(tftp.IncomingTransfer); ok {
		size, _ = t.Size()
	}
	n, err := in.WriteTo(w)
	if err != nil {
		return failure(err)
	}
	if size != 0 && size != n {
		return &origin.Failure{Class: origin.ClassTruncated, Err: fmt.Errorf("the server announced %d bytes and sent %d", size, n)}
	}
	return nil
}

// failure classifies errors. The library returns the server's errors only as text.
func failure(err error) error {
	var dns *net.DNSError
	var network net.Error
	told := origin.Printable(strings.NewReplacer("code: ", "error ", ", message:", "").Replace(err.Error()))
	switch {
	case strings.HasPrefix(told, "error 1 "):
		return &origin.Failure{Err: fmt.Errorf("%w: %s", origin.ErrNotFound, told)}
	case strings.HasPrefix(told, "error "):
		return &origin.Failure{Err: fmt.Errorf("%w: %s", origin.ErrFailed, told)}
	case errors.As(err, &dns):
		return &origin.Failure{Class: origin.ClassResolve, Err: origin.Words(err, true)}
	case errors.As(err, &network) && network.Timeout():
		return &origin.Failure{Class: origin.ClassSilent, Err: errors.New("the server does not answer")}
	}
	return &origin.Failure{Class: origin.TransportClass(err), Err: origin.Words(err, true)}
}
