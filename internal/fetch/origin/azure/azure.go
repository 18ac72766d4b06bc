// SPDX-License-Identifier: Apache-2.0

// Package azure reads blobs of Azure Blob storage with the managed identity of a machine in Azure.
package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// suffix is the common suffix of the hosts of Azure Blob storage.
const suffix = ".blob.core.windows.net"

// version is the version of the storage protocol, which fixes its errors and headers.
const version = "2021-12-02"

// tokens is the URL at which a machine gets a token of its managed identity.
// https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
const tokens = "http://169.254.169.254/metadata/identity/oauth2/token"

const largestToken = 1 << 16 // bytes

// An Identity is the managed identity of a machine, according to its metadata service. It is safe for concurrent use.
type Identity struct {
	local    *http.Client
	clientID string

	mu    sync.Mutex
	token origin.Token
}

// NewIdentity returns the identity of a machine; clientID selects one of several identities, and is empty if the machine has
// one. The HTTP client must use no proxy and follow no redirects.
func NewIdentity(local *http.Client, clientID string) *Identity {
	return &Identity{local: local, clientID: clientID}
}

// IsBlob reports whether the machine's identity may be of use for a URL. A URL with a signature needs no identity, and the
// two must not be sent together.
func IsBlob(u *url.URL) bool {
	return strings.HasSuffix(strings.ToLower(u.Hostname()), suffix) && !u.Query().Has("sig")
}

// A Blob is the origin of a URL of Azure Blob storage on a machine in Azure.
type Blob struct {
	signed, plain *httporigin.Origin
}

// New returns the blob whose origin without the machine's identity is plain.
func New(id *Identity, plain *httporigin.Origin) *Blob {
	secure := *plain.URL
	secure.Scheme = "https" // a token is not sent in the clear
	return &Blob{plain: plain, signed: &httporigin.Origin{
		Client: plain.Client, URL: &secure, Header: http.Header{"Accept": {httporigin.Accept}, "X-Ms-Version": {version}}, Authorize: id.authorize,
	}}
}

// Open asks with the machine's identity and, if that fails, without one. If one of the two failures is temporary, Open
// returns that one.
func (b *Blob) Open(ctx context.Context, from origin.Mark) (*origin.Stream, error) {
	s, err := b.signed.Open(ctx, from)
	if err == nil {
		return s, nil
	}
	b.plain.Client.Log.Info("GET error: as the machine's identity: " + err.Error() + "; asking without credentials")
	s, plain := b.plain.Open(ctx, from)
	if plain == nil {
		return s, nil
	}
	if origin.Temporary(err) && !origin.Temporary(plain) {
		return nil, err
	}
	var f *origin.Failure
	if errors.As(plain, &f) {
		f.Err = fmt.Errorf("%w; as the machine's identity: %w", f.Err, err)
	}
	return nil, plain
}

// authorize adds a token.
func (id *Identity) authorize(ctx context.Context, req *http.Request) error {
	token, err := id.get(ctx)
	if err == nil {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return err
}

// get returns a token for storage.
func (id *Identity) get(ctx context.Context) (string, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.token.Fresh() {
		return id.token.Text, nil
	}
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {"https://storage.azure.com/"}}
	if id.clientID != "" {
		query.Set("client_id", id.clientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, tokens+"?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	req.Header = http.Header{"Metadata": {"true"}}
	resp, err := id.local.Do(req)
	if err != nil {
		return "", unavailable("ask for", origin.Transport(err, true))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", refusal(resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, largestToken))
	if err != nil {
		return "", unavailable("read", origin.Words(err, true))
	}
	if id.token, err = origin.ParseToken(text); err != nil {
		return "", unavailable("read", err)
	}
	return id.token.Text, nil
}

func unavailable(verb string, err error) error {
	return &origin.Failure{Class: origin.ClassGone, LinkLocal: true, Err: fmt.Errorf("%s a token of the managed identity: %w", verb, err)}
}

// refusal classifies the answers of the metadata service. While a machine starts, the service may not know the identity yet.
func refusal(code int) error {
	f := &origin.Failure{LinkLocal: true, Err: fmt.Errorf("%w: no token of a managed identity: status %d %s", origin.ErrFailed, code, http.StatusText(code))}
	if code == http.StatusNotFound || code == http.StatusGone || code == http.StatusTooManyRequests || code >= 500 {
		f.Class = origin.ClassGone
	}
	return f
}
