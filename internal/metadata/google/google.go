// SPDX-License-Identifier: Apache-2.0

// Package google asks the metadata service of Compute Engine, by Google's own library.
package google

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"

	compute "cloud.google.com/go/compute/metadata"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// A Client asks the metadata service. Its errors are those of package metadata: ErrNotFound, a StatusError, or the cause of a failed attempt.
type Client struct {
	http    *http.Client
	compute *compute.Client
}

// New returns a client over a metadata.Transport for metadata.Google, or one that plays the service.
func New(t http.RoundTripper) *Client {
	c := &http.Client{Transport: t}
	return &Client{c, compute.NewClient(c)}
}

// Account returns a client for tokens of the machine's service account. It follows no redirect and makes one attempt for each item,
// because its callers retry.
func Account(c *metadata.Client) *Client {
	s := metadata.Google
	s.Stay = true
	return New(metadata.Transport{Client: c, Service: s, Single: true})
}

// UserData returns the attribute "user-data" of the instance.
func (c *Client) UserData(ctx context.Context) ([]byte, error) {
	text, err := c.compute.InstanceAttributeValueWithContext(ctx, "user-data")
	return []byte(text), plain(err)
}

// Scopes returns the scopes of the instance's default service account.
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	scopes, err := c.compute.ScopesWithContext(ctx, "default")
	return scopes, plain(err)
}

// Token returns the answer to a request for a token of the default service account with one scope (RFC 6749, section 5.1).
// It is secret.
func (c *Client) Token(ctx context.Context, scope string) ([]byte, error) {
	text, err := c.compute.GetWithContext(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(scope))
	return []byte(text), plain(err)
}

// Present reports whether the machine runs in Google's cloud: the library's variable GCE_METADATA_HOST says so, or the metadata
// service does. The library's own function races a name server against the metadata service and believes the faster one.
func (c *Client) Present(ctx context.Context) bool {
	if os.Getenv("GCE_METADATA_HOST") != "" {
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metadata.Google.Hosts[0]+"/", nil)
	if err != nil {
		return false
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.Header.Get("Metadata-Flavor") == "Google"
}

// plain returns an error of the library as one of package metadata, without the text that the service sent.
func plain(err error) error {
	var undefined compute.NotDefinedError
	var status *compute.Error
	var failure *metadata.Failure
	switch {
	case errors.As(err, &undefined):
		return metadata.ErrNotFound
	case errors.As(err, &status):
		return metadata.StatusError(status.Code)
	case errors.As(err, &failure):
		return failure.Cause
	}
	return err
}
