// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"net"
	nethttp "net/http"
	"net/netip"
	"net/url"
	"time"
)

// Limits of one request to a metadata service. A service answers at once or, on other platforms, never.
const (
	linkLocalDial  = 2 * time.Second
	linkLocalWhole = 5 * time.Second
)

// A Dial connects to a server.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// LinkLocal returns a client for the metadata services of clouds, which are on the machine's own link. It uses no proxy,
// because a proxy cannot reach them, and follows no redirect, because the answers are for this machine only.
func LinkLocal(dial Dial) *nethttp.Client {
	return &nethttp.Client{
		Timeout:       linkLocalWhole,
		CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
		Transport: &nethttp.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, linkLocalDial)
			defer cancel()
			return dial(ctx, network, address)
		}},
	}
}

// isLinkLocal reports whether a server's address is of this machine or its link (RFC 3927, RFC 4291).
func isLinkLocal(u *url.URL) bool {
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast())
}
