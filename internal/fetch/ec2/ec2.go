// SPDX-License-Identifier: Apache-2.0

// Package ec2 gets from the metadata service of an EC2 instance what S3 needs: the credentials of its role, and its region.
// The SDK's packages for that would add half a megabyte.
package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

const (
	early = 5 * time.Minute // stop using a token or key this long before it expires
	roles = "latest/meta-data/iam/security-credentials/"
)

// A Get reads one item of the metadata service by its path, such as "2019-10-01/user-data". The error for a missing item is
// a Status.
type Get func(ctx context.Context, item string) ([]byte, error)

// A Client caches the credentials and the region of an instance. It is safe for concurrent use.
type Client struct {
	ask Get

	mu       sync.Mutex
	role     Credentials
	hasRole  bool
	location string // region
}

// New returns a client.
func New(ask Get) *Client { return &Client{ask: ask} }

// Credentials are the credentials of an instance's role. All members but Expires are secret.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// A Status is an answer of the metadata service other than 200.
type Status int

func (s Status) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s of the metadata service", int(s), http.StatusText(int(s))))
}

// Credentials returns the credentials of the instance's role, from memory while they are valid. Without a role the error is
// Status(404).
func (c *Client) Credentials(ctx context.Context) (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasRole && time.Now().Before(c.role.Expires.Add(-early)) {
		return c.role, nil
	}
	names, err := c.ask(ctx, roles)
	if err != nil {
		return Credentials{}, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(names)), "\n")
	if name == "" {
		return Credentials{}, Status(http.StatusNotFound)
	}
	text, err := c.ask(ctx, roles+url.PathEscape(name))
	if err != nil {
		return Credentials{}, err
	}
	var answer struct {
		Code, AccessKeyID, SecretAccessKey, Token string
		Expiration                                time.Time
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return Credentials{}, errors.New("the credentials of the metadata service are malformed")
	}
	if answer.Code != "Success" {
		return Credentials{}, fmt.Errorf("the metadata service has no credentials: %q", origin.Printable(answer.Code))
	}
	c.hasRole = true
	c.role = Credentials{answer.AccessKeyID, answer.SecretAccessKey, answer.Token, answer.Expiration}
	return c.role, nil
}

// Region returns the region of the instance.
func (c *Client) Region(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.location == "" {
		text, err := c.ask(ctx, "latest/meta-data/placement/region")
		if err != nil {
			return "", err
		}
		c.location = strings.TrimSpace(string(text))
	}
	return c.location, nil
}
