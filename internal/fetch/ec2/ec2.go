// SPDX-License-Identifier: Apache-2.0

// Package ec2 asks the metadata service of an EC2 instance, in sessions (IMDSv2) where the service has them. The SDK's client
// does no more, and is half a megabyte.
//
// There is one Client in the program, which the platform and the origin of S3 share, so that one token serves both. A later
// stage of the same boot continues the Session of the stage before it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

const (
	service     = "http://169.254.169.254/"
	tokenTTL    = 6 * time.Hour
	largest     = 1 << 20         // bytes of one item; user data has 16 KiB at most
	early       = 5 * time.Minute // how long before it ends a token or key is not used any more
	roles       = "latest/meta-data/iam/security-credentials/"
	tokenItem   = "latest/api/token"
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
)

// A Client asks the metadata service. It may be used concurrently.
type Client struct {
	http *http.Client

	mu       sync.Mutex
	session  Session
	role     Credentials
	hasRole  bool
	location string // region
}

// New returns a client. The HTTP client must use no proxy and follow no redirects.
func New(client *http.Client) *Client { return &Client{http: client} }

// A Session is what a token was handed out for.
type Session struct {
	Token string    // secret; empty: the service has no sessions (IMDSv1)
	Renew time.Time // when the token is not used any more
}

// Session returns the current session, to be continued by the client of a later stage. It is zero if nothing was asked yet.
func (c *Client) Session() Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Continue uses the session of an earlier stage as long as it lasts.
func (c *Client) Continue(s Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
}

// Credentials are those of an instance's role. All members but Expires are secret.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// A Status is an answer of the metadata service that is not 200.
type Status int

func (s Status) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s of the metadata service", int(s), http.StatusText(int(s))))
}

// Get reads one item by its path, such as "2019-10-01/user-data". A Status is returned for what is not there.
func (c *Client) Get(ctx context.Context, item string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.get(ctx, item)
}

// Credentials returns those of the instance's role, from memory while they last. Without a role the error is Status(404).
func (c *Client) Credentials(ctx context.Context) (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasRole && time.Now().Before(c.role.Expires.Add(-early)) {
		return c.role, nil
	}
	names, err := c.get(ctx, roles)
	if err != nil {
		return Credentials{}, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(names)), "\n")
	if name == "" {
		return Credentials{}, Status(http.StatusNotFound)
	}
	text, err := c.get(ctx, roles+url.PathEscape(name))
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

// Region returns the region that the instance is in.
func (c *Client) Region(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.location == "" {
		text, err := c.get(ctx, "latest/meta-data/placement/region")
		if err != nil {
			return "", err
		}
		c.location = strings.TrimSpace(string(text))
	}
	return c.location, nil
}

// get reads one item, with the token of a session where the service has sessions.
func (c *Client) get(ctx context.Context, item string) ([]byte, error) {
	if !time.Now().Before(c.session.Renew) {
		if err := c.login(ctx); err != nil {
			return nil, err
		}
	}
	header := http.Header{}
	if c.session.Token != "" {
		header.Set(tokenHeader, c.session.Token)
	}
	text, err := c.ask(ctx, http.MethodGet, item, header)
	if err == Status(http.StatusUnauthorized) { // the session is over: the next request begins another
		c.session = Session{}
	}
	return text, err
}

// login begins a session. A service without sessions is asked without a token (IMDSv1).
func (c *Client) login(ctx context.Context) error {
	text, err := c.ask(ctx, http.MethodPut, tokenItem, http.Header{tokenHeader + "-Ttl-Seconds": {fmt.Sprint(int(tokenTTL.Seconds()))}})
	var status Status
	if err != nil && !(errors.As(err, &status) && status >= 400 && status < 500) {
		return err
	}
	c.session = Session{string(text), time.Now().Add(tokenTTL - early)}
	return nil
}

// ask makes one request.
func (c *Client) ask(ctx context.Context, method, item string, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, service+item, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the metadata service: %w", origin.Transport(err, true))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, Status(resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, largest+1))
	if err != nil {
		return nil, fmt.Errorf("ask the metadata service: %w", origin.Words(err, true))
	}
	if len(text) > largest {
		return nil, fmt.Errorf("ask the metadata service: %w: more than %d bytes", origin.ErrTooLarge, largest)
	}
	return text, nil
}
