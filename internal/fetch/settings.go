// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// Settings are the fetch settings of a config.
type Settings struct {
	ResponseHeaders, Total *time.Duration // nil: the default; 0: unlimited
	Authorities            []Request      // PEM bundles trusted in addition to the system's
	HTTPProxy, HTTPSProxy  string
	NoProxy                []string
}

// SettingsOf returns the settings of a config.
func SettingsOf(c types.Config) Settings {
	s := Settings{
		ResponseHeaders: seconds(c.Ignition.Timeouts.HTTPResponseHeaders),
		Total:           seconds(c.Ignition.Timeouts.HTTPTotal),
		HTTPProxy:       types.Text(c.Ignition.Proxy.HTTPProxy),
		HTTPSProxy:      types.Text(c.Ignition.Proxy.HTTPSProxy),
		NoProxy:         c.Ignition.Proxy.NoProxy,
	}
	for _, ca := range c.Ignition.Security.TLS.CertificateAuthorities {
		r := FromResource(ca)
		r.Purpose = "certificate authority"
		s.Authorities = append(s.Authorities, r)
	}
	return s
}

func seconds(n *int) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// Limits of one attempt.
const (
	dialTimeout      = 30 * time.Second
	handshakeTimeout = 10 * time.Second
	headersTimeout   = 10 * time.Second
	maxHeaders       = 1 << 20  // bytes
	maxAuthorities   = 64 << 20 // bytes of one bundle
)

// Configure applies settings to all later fetches. It fetches their authorities under the new timeouts and proxies, but
// trusts the authorities of the previous settings.
func (c *Client) Configure(ctx context.Context, s Settings) error {
	s = s.over(c.o.Base)
	if err := s.checkProxies(); err != nil {
		return err
	}
	if len(s.Authorities) == 0 {
		c.use(s, nil)
		return nil
	}
	c.use(s, c.trusted)
	roots, err := c.roots(ctx, s.Authorities)
	if err == nil {
		c.use(s, roots)
	}
	return err
}

// use switches to a client with the settings and trusted authorities; nil: those of the system.
func (c *Client) use(s Settings, roots *x509.CertPool) {
	headers := headersTimeout
	if s.ResponseHeaders != nil {
		headers = *s.ResponseHeaders
	}
	transport := &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return s.proxyOf(r.URL) },
		OnProxyConnectResponse: httporigin.ProxyAnswer,
		DialContext:            httporigin.LimitWrites(c.o.Dial),
		TLSClientConfig:        &tls.Config{RootCAs: roots},
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  headers,
		MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost:        httporigin.MostPerHost,
		MaxIdleConnsPerHost:    httporigin.MostPerHost,
		DisableCompression:     true,
	}
	c.closeIdle()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings, c.trusted = s, roots
	c.http = &httporigin.Client{Transport: transport, Limits: &c.limits, Agent: "Ignition/" + c.o.Version, Log: c.o.Log}
}

// closeIdle closes unused connections.
func (c *Client) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http != nil {
		c.http.Transport.(*http.Transport).CloseIdleConnections()
	}
}

// An AuthorityError is an authority that could not be fetched or parsed.
type AuthorityError struct {
	URL string // of the authority; may contain secrets
	Err error
}

func (e *AuthorityError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *AuthorityError) Unwrap() error { return e.Err }

// Authority returns the bundle of an authority. It fetches each bundle once.
func (c *Client) Authority(ctx context.Context, r Request) ([]byte, error) {
	key := r.Key()
	c.mu.Lock()
	bundle, known := c.bundles[key]
	c.mu.Unlock()
	if known {
		return bundle, nil
	}
	bundle, err := c.Bytes(ctx, r, maxAuthorities)
	if err != nil {
		return nil, &AuthorityError{r.URL, err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bundles == nil {
		c.bundles = map[string][]byte{}
	}
	c.bundles[key] = bundle
	return bundle, nil
}

// roots returns the authorities to trust: the system's and additional ones.
func (c *Client) roots(ctx context.Context, authorities []Request) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	for _, r := range authorities {
		bundle, err := c.Authority(ctx, r)
		if err != nil {
			return nil, err
		}
		if err := addBundle(pool, bundle); err != nil {
			return nil, &AuthorityError{r.URL, fmt.Errorf("read certificate authority %s: %w", Redact(r.URL), err)}
		}
	}
	return pool, nil
}

// addBundle adds all certificates of a PEM text. White space may follow the last.
func addBundle(pool *x509.CertPool, bundle []byte) error {
	for len(strings.TrimSpace(string(bundle))) > 0 {
		block, rest := pem.Decode(bundle)
		if block == nil {
			return fmt.Errorf("it is not a bundle of PEM certificates")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(cert)
		bundle = rest
	}
	return nil
}
