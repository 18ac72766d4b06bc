// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Limits of one request to a metadata service. They answer at once or, on machines elsewhere, never.
const (
	localDial = 2 * time.Second
	localAll  = 5 * time.Second
)

// clouds is what a client found out about the cloud around the machine.
type clouds struct {
	google google
	azure  azure
	amazon amazon
}

// local returns a client for the metadata services of clouds, which are on the machine's own link: a proxy cannot
// reach them, and what they say is for this machine alone, so that no redirect is followed.
func (c *Client) local() *http.Client {
	return &http.Client{
		Timeout:       localAll,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, localDial)
			defer cancel()
			return c.o.Dial(ctx, network, address)
		}},
	}
}
