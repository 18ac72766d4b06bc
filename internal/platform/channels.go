// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"net"
	"time"
)

// Channels opens the guest's ends of hypervisors' channels. Each function returns an error that wraps fs.ErrNotExist if the
// machine does not have the channel.
type Channels struct {
	VSock  func(ctx context.Context, cid, port uint32) (net.Conn, error)
	KVP    func() (Exchange, error)   // Hyper-V's data exchange
	VBox   func() (Properties, error) // VirtualBox's guest properties
	VMware func() (Guestinfo, error)  // VMware's guestinfo; ErrNoProvider outside of VMware
}

// Exchange is a device that reads and writes one message at a time.
type Exchange interface {
	// Receive reads a message; n is 0 if none has come within limit.
	Receive(message []byte, limit time.Duration) (n int, err error)
	Send(message []byte) error
	Close() error
}

// Properties is the set of guest properties of a VirtualBox machine.
type Properties interface {
	// Get returns a value as the hypervisor sends it: the text, NUL, its flags, NUL.
	Get(name string) ([]byte, error)
	Delete(name string) error
	Close() error
}

// Guestinfo is the set of guestinfo variables of a VMware machine. An unset variable reads as empty.
type Guestinfo interface {
	Get(key string) (string, error)
	Set(key, value string) error
}
