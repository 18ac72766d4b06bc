// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// proxyOf returns the proxy for a URL under the settings, or nil for none. NoProxy has the usual meaning of the NO_PROXY
// variable. golang.org/x/net/http/httpproxy implements it, too, but adds a quarter of a megabyte of Unicode tables.
func (s Settings) proxyOf(u *url.URL) (*url.URL, error) {
	proxy := s.HTTPProxy
	if u.Scheme == "https" {
		proxy = s.HTTPSProxy
	}
	if proxy == "" || s.direct(u) {
		return nil, nil
	}
	return url.Parse(proxy)
}

// checkProxies rejects unusable proxies. Their URLs may have passwords, which stay out of the error.
func (s Settings) checkProxies() error {
	for _, raw := range []string{s.HTTPProxy, s.HTTPSProxy} {
		u, err := url.Parse(raw)
		if raw != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || httporigin.CheckURL(u) != nil) {
			return fmt.Errorf("use the proxy: %w: write it as http://HOST:PORT", ErrURL)
		}
	}
	return nil
}

// direct reports whether a host is reached without a proxy, as this machine always is.
func (s Settings) direct(u *url.URL) bool {
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	addr, err := netip.ParseAddr(host)
	isAddr := err == nil
	addr = addr.Unmap()
	if host == "localhost" || isAddr && addr.IsLoopback() {
		return true
	}
	// NO_PROXY is one list, so an entry that contains a list stands for its entries.
	for entry := range strings.SplitSeq(strings.Join(s.NoProxy, ","), ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		switch {
		case entry == "":
		case entry == "*":
			return true
		case isAddr && matchAddr(entry, addr, port), !isAddr && matchDomain(entry, host, port):
			return true
		}
	}
	return false
}

// matchAddr reports whether an entry is an address, with or without its port, or a network that contains it.
func matchAddr(entry string, addr netip.Addr, port string) bool {
	if network, err := netip.ParsePrefix(entry); err == nil {
		return network.Masked().Contains(addr)
	}
	if host, p, err := net.SplitHostPort(entry); err == nil {
		if p != port {
			return false
		}
		entry = host
	}
	other, err := netip.ParseAddr(strings.Trim(entry, "[]"))
	return err == nil && other.Unmap() == addr
}

// matchDomain reports whether an entry is a host's name or one of its domains. An entry that begins with a dot matches only
// the names below it.
func matchDomain(entry, host, port string) bool {
	if name, p, found := strings.Cut(entry, ":"); found {
		if p != port {
			return false
		}
		entry = name
	}
	entry = strings.TrimPrefix(entry, "*")
	if strings.HasPrefix(entry, ".") {
		return strings.HasSuffix(host, entry)
	}
	return host == entry || strings.HasSuffix(host, "."+entry)
}
