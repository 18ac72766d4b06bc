// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/compute/metadata"
)

// googleScope is the least that reading objects needs.
const googleScope = "https://www.googleapis.com/auth/devstorage.read_only"

// google is what the metadata service of Google's cloud told, if there is one.
type google struct {
	mu     sync.Mutex
	asked  bool // whether the machine has a service account was found out
	client *metadata.Client
	token  bearer
}

// A bearer is a token and when it ends.
type bearer struct {
	token string
	ends  time.Time
}

// fresh tells whether a token is good for some time yet.
func (b bearer) fresh() bool { return b.token != "" && time.Until(b.ends) > time.Minute }

// googleObject is the origin of a gs: URL, over the JSON API. Machines with a service account that has scopes ask
// in its name, all others without one.
func googleObject(c *Client, u *url.URL, _ Request) (origin, error) {
	object := strings.TrimLeft(u.Path, "/")
	if u.Host == "" || object == "" {
		return nil, fmt.Errorf("%w: a gs: URL needs a bucket and an object", ErrScheme)
	}
	target, err := url.Parse("https://storage.googleapis.com/storage/v1/b/" + url.PathEscape(u.Host) + "/o/" +
		url.PathEscape(object) + "?alt=media")
	if err != nil {
		return nil, err
	}
	s := c.site(target, http.Header{"Accept": {accept}})
	anonymous := s.request
	s.request = func(ctx context.Context) (*http.Request, error) {
		token, err := c.google.get(ctx, c)
		if err != nil {
			return nil, &failure{class: classGone, near: true, err: fmt.Errorf("get a token of the machine's service account: %w", err)}
		}
		req, err := anonymous(ctx)
		if err == nil && token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return req, err
	}
	return s, nil
}

// get returns a token, or an empty one on machines that have no service account.
func (g *google) get(ctx context.Context, c *Client) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.asked {
		client, err := googleAccount(ctx, c)
		if err != nil {
			return "", err
		}
		if g.client, g.asked = client, true; client == nil {
			c.o.Log.Debug("gs: this machine has no service account; asking without credentials")
		}
	}
	if g.client == nil || g.token.fresh() {
		return g.token.token, nil
	}
	text, err := g.client.GetWithContext(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(googleScope))
	if err != nil {
		return "", err
	}
	g.token, err = parseToken([]byte(text))
	return g.token.token, err
}

// googleAccount returns the metadata service if the machine has a service account with scopes, and nil otherwise.
func googleAccount(ctx context.Context, c *Client) (*metadata.Client, error) {
	local := c.local()
	if !onGoogle(ctx, c.o.Platform, local) {
		return nil, nil
	}
	m := metadata.NewClient(local)
	scopes, err := m.ScopesWithContext(ctx, "default")
	var undefined metadata.NotDefinedError
	if errors.As(err, &undefined) || err == nil && len(scopes) == 0 {
		return nil, nil
	}
	return m, err
}

// onGoogle tells whether the machine runs in Google's cloud. The library has a function for that, which lets an answer of a name
// server compete with the metadata service and believes the faster one.
func onGoogle(ctx context.Context, platform string, local *http.Client) bool {
	if platform == "gcp" || os.Getenv("GCE_METADATA_HOST") != "" {
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		return false
	}
	resp, err := local.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.Header.Get("Metadata-Flavor") == "Google"
}

// parseToken reads the answer of a token endpoint (RFC 6749, section 5.1). Azure writes the lifetime as a string.
func parseToken(text []byte) (bearer, error) {
	var answer struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"` // in seconds
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Token == "" {
		return bearer{}, errors.New("the metadata service sent something that is no token")
	}
	seconds, err := answer.Expires.Int64()
	if err != nil {
		return bearer{}, errors.New("the metadata service sent a token without a lifetime")
	}
	return bearer{answer.Token, time.Now().Add(time.Duration(seconds) * time.Second)}, nil
}
