// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// dialLimit bounds a connection to the host; the kernel's own bound is 2 s.
const dialLimit = 10 * time.Second

// VSock connects to a port of another context, such as the host (vsock(7)).
func VSock(ctx context.Context, cid, port uint32) (net.Conn, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a vsock: %w", err)
	}
	wait := unix.NsecToTimeval(dialLimit.Nanoseconds())
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait),
		unix.Connect(fd, &unix.SockaddrVM{CID: cid, Port: port}),
		unix.SetNonblock(fd, true),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to vsock %d:%d: %w", cid, port, err), unix.Close(fd))
	}
	return &vsock{os.NewFile(uintptr(fd), "vsock")}, nil
}

// vsock is a connection without addresses, because package net does not know the family. No caller uses them.
type vsock struct{ *os.File }

func (vsock) LocalAddr() net.Addr  { return nil }
func (vsock) RemoteAddr() net.Addr { return nil }

// kvpDevice is the device of the driver hv_utils for Hyper-V's key-value pairs.
const kvpDevice = "/dev/vmbus/hv_kvp"

// KVP is the device of Hyper-V's data exchange.
type KVP struct{ fd int }

// OpenKVP opens it.
func OpenKVP() (*KVP, error) {
	fd, err := unix.Open(kvpDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: kvpDevice, Err: err}
	}
	return &KVP{fd}, nil
}

// Receive reads a message; n is 0 if none has come within limit. The driver returns each message whole; other devices may
// need several reads.
func (k *KVP) Receive(message []byte, limit time.Duration) (n int, err error) {
	poll := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
	for n < len(message) {
		ready, err := unix.Poll(poll, int(limit.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || ready == 0 {
			return n, err
		}
		m, err := unix.Read(k.fd, message[n:])
		if err != nil || m == 0 {
			return n, err
		}
		n += m
	}
	return n, nil
}

// Send writes a message.
func (k *KVP) Send(message []byte) error {
	for len(message) > 0 {
		n, err := unix.Write(k.fd, message)
		if err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

// Close closes the device.
func (k *KVP) Close() error { return unix.Close(k.fd) }
