// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"syscall"
)

// lowPorts is how many ports below 1024 one attempt tries. A port cannot be used again for a minute, so every connection
// draws a new one.
const lowPorts = 32

// dialLow connects from a port between 1 and 1022.
func (c *Client) dialLow(ctx context.Context, network, address string) (net.Conn, error) {
	var last error
	for range lowPorts {
		conn, err := c.o.Dial(ctx, network, address, 1+rand.IntN(1022))
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, fs.ErrPermission):
			return nil, fmt.Errorf("%w: the service answers only to ports below 1024, which need CAP_NET_BIND_SERVICE: %w", errFinal, err)
		case !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL):
			return nil, err
		}
		last = err
	}
	return nil, fmt.Errorf("none of %d ports below 1024 is free: %w", lowPorts, last)
}
