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
	"strings"
	"sync"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
	"github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// scope is the smallest scope for reading objects.
const scope = "https://www.googleapis.com/auth/devstorage.read_only"

// An Account is the service account of a machine, if it has one, according to its metadata service. It is safe for
// concurrent use.
type Account struct {
	service *google.Client
	certain bool // the platform says that the machine is in Google's cloud
	log     *slog.Logger

	mu    sync.Mutex
	known bool // whether the machine has a service account
	has   bool
	token origin.Token
}

// NewAccount returns the account of a machine on a platform, by its metadata service; nil: the machine has no account.
func NewAccount(service *google.Client, platform string, log *slog.Logger) *Account {
	return &Account{service: service, certain: platform == "gcp", log: log, known: service == nil}
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
	if !a.known {
		has, err := a.exists(ctx)
		if err != nil {
			return "", words(err)
		}
		if a.has, a.known = has, true; !has {
			a.log.Debug("gs: this machine has no service account; asking without credentials")
		}
	}
	if !a.has || a.token.Fresh() {
		return a.token.Text, nil
	}
	text, err := a.service.Token(ctx, scope)
	if err != nil {
		return "", words(err)
	}
	a.token, err = origin.ParseToken(text)
	return a.token.Text, err
}

// exists reports whether the machine has a service account with scopes.
func (a *Account) exists(ctx context.Context) (bool, error) {
	if !a.certain && !a.service.Present(ctx) {
		return false, nil
	}
	scopes, err := a.service.Scopes(ctx)
	if errors.Is(err, metadata.ErrNotFound) {
		return false, nil
	}
	return err == nil && strings.Join(scopes, "") != "", err
}

// words says of an error that the metadata service is meant.
func words(err error) error {
	var status metadata.StatusError
	if errors.As(err, &status) {
		return fmt.Errorf("%w of the metadata service", status)
	}
	return fmt.Errorf("ask the metadata service: %w", origin.Transport(err, true))
}
