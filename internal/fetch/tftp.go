// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/pin/tftp/v3"
)

// tftpBlock is the size of blocks asked for (RFC 2348), in bytes: the most that fits a datagram on links with tunnels.
// Servers that know no options send blocks of 512.
const tftpBlock = 1428

// tftpFile is the origin of a tftp: URL, octet mode (RFC 1350). The protocol has no way to begin in the middle.
type tftpFile struct{ host, port, path string }

func tftpURL(_ *Client, u *url.URL, _ Request) (origin, error) {
	f := &tftpFile{u.Hostname(), u.Port(), u.Path}
	if f.port == "" {
		f.port = "69"
	}
	if f.host == "" || f.path == "" {
		return nil, fmt.Errorf("%w: a tftp: URL needs a host and a path", ErrScheme)
	}
	return f, nil
}

func (f *tftpFile) open(ctx context.Context, _ mark) (*stream, error) {
	s, err := f.ask(ctx, true)
	if err != nil && strings.HasPrefix(err.Error(), "code: 8,") { // RFC 2347: the server does not want the options
		s, err = f.ask(ctx, false)
	}
	if err != nil {
		return nil, tftpFailure(err)
	}
	return &stream{ReadCloser: s}, nil
}

// ask requests the file and returns what the server sends. The library knows no contexts; what it waits for when
// the context ends is given up in the background, within half a minute.
func (f *tftpFile) ask(ctx context.Context, options bool) (io.ReadCloser, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", f.host)
	if err != nil {
		return nil, err
	}
	client, err := tftp.NewClient(net.JoinHostPort(addrs[0].Unmap().String(), f.port))
	if err != nil {
		return nil, err
	}
	if options {
		client.SetBlockSize(tftpBlock)
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

// receive moves a file and checks its size, if the server told it (RFC 2349). The library forgets the size as it begins,
// and has 0, what the request says, if the server did not tell it.
func receive(in io.WriterTo, w io.Writer) error {
	var size int64
	if t, ok := in.(tftp.IncomingTransfer); ok {
		size, _ = t.Size()
	}
	n, err := in.WriteTo(w)
	if err != nil {
		return tftpFailure(err)
	}
	if size != 0 && size != n {
		return &failure{class: classTruncated, err: fmt.Errorf("the server announced %d bytes and sent %d", size, n)}
	}
	return nil
}

// tftpFailure sorts errors. Those that the server sends are known by their text alone.
func tftpFailure(err error) error {
	var dns *net.DNSError
	var network net.Error
	told := strings.NewReplacer("code: ", "error ", ", message:", "").Replace(err.Error())
	switch {
	case strings.HasPrefix(told, "error 1 "):
		return &failure{err: fmt.Errorf("%w: %s", ErrNotFound, told)}
	case strings.HasPrefix(told, "error "):
		return &failure{err: fmt.Errorf("%w: %s", ErrFailed, told)}
	case errors.As(err, &dns):
		return &failure{class: classResolve, err: err}
	case errors.As(err, &network) && network.Timeout():
		return &failure{class: classSilent, err: errors.New("the server does not answer")}
	}
	return &failure{class: transportClass(err), err: err}
}
