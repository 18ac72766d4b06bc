// SPDX-License-Identifier: Apache-2.0

package fetch

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

	"github.com/aws/aws-sdk-go-v2/aws"
)

// ec2 asks the metadata service of an EC2 instance. The SDK's client for it does no more, and is half a megabyte.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
type ec2 struct {
	mu      sync.Mutex
	token   string
	until   time.Time // of the token
	role    aws.Credentials
	hasRole bool
}

const (
	ec2Service  = "http://169.254.169.254/latest/"
	ec2TokenTTL = 6 * time.Hour
	ec2Answer   = 1 << 16 // bytes, at most
	// ec2Early is how long before it ends a token or key is not used any more.
	ec2Early = 5 * time.Minute
)

// ec2Status is an answer of the metadata service that is not 200.
type ec2Status int

func (s ec2Status) Error() string {
	return fmt.Sprintf("status %d %s of the metadata service", int(s), http.StatusText(int(s)))
}

// credentials returns those of the instance's role, from memory while they last.
func (e *ec2) credentials(ctx context.Context, client *http.Client) (aws.Credentials, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hasRole && time.Now().Before(e.role.Expires.Add(-ec2Early)) {
		return e.role, nil
	}
	const roles = "meta-data/iam/security-credentials/"
	names, err := e.get(ctx, client, roles)
	if err != nil {
		return aws.Credentials{}, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(names)), "\n")
	if name == "" {
		return aws.Credentials{}, ec2Status(http.StatusNotFound)
	}
	text, err := e.get(ctx, client, roles+url.PathEscape(name))
	if err != nil {
		return aws.Credentials{}, err
	}
	var answer struct {
		Code, AccessKeyID, SecretAccessKey, Token string
		Expiration                                time.Time
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return aws.Credentials{}, errors.New("the metadata service's credentials are malformed")
	}
	if answer.Code != "Success" {
		return aws.Credentials{}, fmt.Errorf("the metadata service has no credentials: %q", answer.Code)
	}
	e.hasRole = true
	e.role = aws.Credentials{
		AccessKeyID: answer.AccessKeyID, SecretAccessKey: answer.SecretAccessKey, SessionToken: answer.Token,
		CanExpire: true, Expires: answer.Expiration,
	}
	return e.role, nil
}

// region returns the region that the instance is in.
func (e *ec2) region(ctx context.Context, client *http.Client) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, err := e.get(ctx, client, "meta-data/placement/region")
	return strings.TrimSpace(string(text)), err
}

// get reads one item, with a session's token where the service hands them out.
func (e *ec2) get(ctx context.Context, client *http.Client, item string) ([]byte, error) {
	if time.Now().After(e.until.Add(-ec2Early)) {
		if err := e.login(ctx, client); err != nil {
			return nil, err
		}
	}
	header := http.Header{}
	if e.token != "" {
		header.Set("X-Aws-Ec2-Metadata-Token", e.token)
	}
	return askLocal(ctx, client, http.MethodGet, ec2Service+item, header)
}

// login begins a session. A service that has no sessions is asked without one (IMDSv1).
func (e *ec2) login(ctx context.Context, client *http.Client) error {
	text, err := askLocal(ctx, client, http.MethodPut, ec2Service+"api/token",
		http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {fmt.Sprint(int(ec2TokenTTL.Seconds()))}})
	var status ec2Status
	if err != nil && !(errors.As(err, &status) && status >= 400 && status < 500) {
		return err
	}
	e.token, e.until = string(text), time.Now().Add(ec2TokenTTL)
	return nil
}

// askLocal makes one request to the metadata service.
func askLocal(ctx context.Context, client *http.Client, method, address string, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err
		}
		return nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, ec2Status(resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, ec2Answer))
	if err != nil {
		return nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	return text, nil
}
