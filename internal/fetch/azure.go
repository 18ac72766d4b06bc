// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// azureSuffix is what the hosts of Azure Blob storage end in.
const azureSuffix = ".blob.core.windows.net"

// azureVersion is the version of the storage protocol, whose errors and headers are those of this date.
const azureVersion = "2021-12-02"

// azureTokens is where a machine asks for a token of its managed identity.
// https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
const azureTokens = "http://169.254.169.254/metadata/identity/oauth2/token"

// azure is what the metadata service of Azure told.
type azure struct {
	mu    sync.Mutex
	token bearer
}

// A blob is the origin of a URL of Azure Blob storage, on a machine in Azure: the machine asks with its managed identity
// and, if that leads to nothing, as a client without any.
type blob struct {
	c             *Client
	signed, plain *site
}

// isBlob tells whether a URL is one that the machine's identity may open. A URL that carries a signature of its own needs
// none, and the two must not be sent together.
func (c *Client) isBlob(u *url.URL) bool {
	return c.o.Platform == "azure" && strings.HasSuffix(strings.ToLower(u.Hostname()), azureSuffix) && !u.Query().Has("sig")
}

// blob returns the origin of a URL whose anonymous origin is plain.
func (c *Client) blob(u *url.URL, plain *site) *blob {
	secure := *u
	secure.Scheme = "https" // a token is not sent in the clear
	b := &blob{c: c, plain: plain, signed: c.site(&secure, http.Header{"Accept": {accept}, "X-Ms-Version": {azureVersion}})}
	anonymous := b.signed.request
	b.signed.request = func(ctx context.Context) (*http.Request, error) {
		token, err := c.azure.get(ctx, c)
		if err != nil {
			return nil, err
		}
		req, err := anonymous(ctx)
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return req, err
	}
	return b
}

// open reports the failure that another attempt can heal, if one of the two is of that kind.
func (b *blob) open(ctx context.Context, from mark) (*stream, error) {
	s, err := b.signed.open(ctx, from)
	if err == nil {
		return s, nil
	}
	b.c.o.Log.Info("GET error: as the machine's identity: " + err.Error() + "; asking without credentials")
	s, plainErr := b.plain.open(ctx, from)
	if plainErr == nil {
		return s, nil
	}
	var f, p *failure
	if errors.As(err, &f) && traits[f.class].again && (!errors.As(plainErr, &p) || !traits[p.class].again) {
		return nil, err
	}
	if errors.As(plainErr, &p) {
		p.err = fmt.Errorf("%w; as the machine's identity: %w", p.err, err)
	}
	return nil, plainErr
}

// get returns a token for storage.
func (a *azure) get(ctx context.Context, c *Client) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token.fresh() {
		return a.token.token, nil
	}
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {"https://storage.azure.com/"}}
	if c.o.AzureClientID != "" {
		query.Set("client_id", c.o.AzureClientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, azureTokens+"?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Metadata": {"true"}}
	resp, err := c.local().Do(req)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err
		}
		return "", &failure{class: classGone, near: true, err: fmt.Errorf("ask for a token of the managed identity: %w", err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", azureRefusal(resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err == nil {
		a.token, err = parseToken(text)
	}
	if err != nil {
		return "", &failure{class: classGone, near: true, err: fmt.Errorf("read a token of the managed identity: %w", err)}
	}
	return a.token.token, nil
}

// azureRefusal sorts the answers of the metadata service: while a machine starts, it may not know the identity yet.
func azureRefusal(code int) error {
	f := &failure{near: true, err: fmt.Errorf("%w: no token of a managed identity: status %d %s", ErrFailed, code, http.StatusText(code))}
	if code == http.StatusNotFound || code == http.StatusGone || code == http.StatusTooManyRequests || code >= 500 {
		f.class = classGone
	}
	return f
}
