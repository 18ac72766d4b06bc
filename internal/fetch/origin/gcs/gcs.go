// SPDX-License-Identifier: Apache-2.0

// Package gcs reads objects of Google Cloud Storage, over its JSON API.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"cloud.google.com/go/compute/metadata"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// scope is the smallest scope for reading objects.
const scope = "https://www.googleapis.com/auth/devstorage.read_only"

// An Account is the service account of a machine, if it has one, according to its metadata service. It is safe for
// concurrent use.
type Account struct {
	local   *http.Client
	certain bool // the platform says that the machine is in Google's cloud
	log     *slog.Logger

	mu     sync.Mutex
	asked  bool // it is known whether the machine has a service account
	client *metadata.Client
	token  origin.Token
}

// NewAccount returns the account of a machine on a platform. The HTTP client must use no proxy and follow no redirects.
func NewAccount(local *http.Client, platform string, log *slog.Logger) *Account {
	return &Account{local: local, certain: platform == "gcp", log: log}
}

// New returns the origin of a gs: URL. Machines with a service account that has scopes use it; all others ask without
// credentials.
func New(a *Account, c *httporigin.Client, u *url.URL) (*httporigin.Origin, error) {
	object := strings.TrimLeft(u.Path, "/")
	if u.Host == "" || object == "" {
		return nil, fmt.Errorf("%w: a gs: URL needs a bucket and an object", origin.ErrURL)
	}
	target, err := url.Parse("https://storage.googleapis.com/storage/v1/b/" + url.PathEscape(u.Host) + "/o/" +
		url.PathEscape(object) + "?alt=media")
	if err != nil {
		return nil, origin.ErrURL
	}
	return &httporigin.Origin{Client: c, URL: target, Header: http.Header{"Accept": {httporigin.Accept}}, Authorize: a.authorize}, nil
}

// authorize adds the token of the account, if there is one.
func (a *Account) authorize(ctx context.Context, req *http.Request) error {
	token, err := a.get(ctx)
	if err != nil {
		return &origin.Failure{Class: origin.ClassGone, LinkLocal: true, Err: fmt.Errorf("get a token of the machine's service account: %w", err)}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// get returns a token, or "" on machines without a service account.
func (a *Account) get(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked {
		client, err := a.find(ctx)
		if err != nil {
			return "", words(err)
		}
		if a.client, a.asked = client, true; client == nil {
			a.log.Debug("gs: this machine has no service account; asking without credentials")
		}
	}
	if a.client == nil || a.token.Fresh() {
		return a.token.Text, nil
	}
	text, err := a.client.GetWithContext(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(scope))
	if err != nil {
		return "", words(err)
	}
	a.token, err = origin.ParseToken([]byte(text))
	return a.token.Text, err
}

// find returns the metadata service if the machine has a service account with scopes, and nil otherwise.
func (a *Account) find(ctx context.Context) (*metadata.Client, error) {
	if !a.onGoogle(ctx) {
		return nil, nil
	}
	m := metadata.NewClient(a.local)
	scopes, err := m.ScopesWithContext(ctx, "default")
	var undefined metadata.NotDefinedError
	if errors.As(err, &undefined) || err == nil && strings.Join(scopes, "") == "" {
		return nil, nil
	}
	return m, err
}

// onGoogle reports whether the machine runs in Google's cloud. The library's own function races a name server against the
// metadata service and believes the faster one.
func (a *Account) onGoogle(ctx context.Context) bool {
	if a.certain || os.Getenv("GCE_METADATA_HOST") != "" {
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		return false
	}
	resp, err := a.local.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.Header.Get("Metadata-Flavor") == "Google"
}

// words returns an error of the metadata library without the text that the service sent.
func words(err error) error {
	var status *metadata.Error
	if errors.As(err, &status) {
		return fmt.Errorf("status %d %s of the metadata service", status.Code, http.StatusText(status.Code))
	}
	return fmt.Errorf("ask the metadata service: %w", origin.Transport(err, true))
}
