// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

const (
	address     = "http://169.254.169.254/"
	tokenTTL    = 6 * time.Hour
	largest     = 1 << 20 // bytes of one item; user data has 16 KiB at most
	tokenItem   = "latest/api/token"
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
)

// A Service is the metadata service, asked in sessions (IMDSv2) where it has them. It may be used concurrently.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
type Service struct {
	http *http.Client

	mu    sync.Mutex
	token string
	renew time.Time // when the token is not used any more
}

// NewService returns the service. The HTTP client must use no proxy and follow no redirects.
func NewService(client *http.Client) *Service { return &Service{http: client} }

// Get reads one item, with the token of a session where the service has sessions.
func (s *Service) Get(ctx context.Context, item string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.renew) {
		if err := s.login(ctx); err != nil {
			return nil, err
		}
	}
	header := http.Header{}
	if s.token != "" {
		header.Set(tokenHeader, s.token)
	}
	text, err := s.ask(ctx, http.MethodGet, item, header)
	if err == Status(http.StatusUnauthorized) { // the session is over: the next request begins another
		s.renew = time.Time{}
	}
	return text, err
}

// login begins a session. A service without sessions is asked without a token (IMDSv1).
func (s *Service) login(ctx context.Context) error {
	text, err := s.ask(ctx, http.MethodPut, tokenItem, http.Header{tokenHeader + "-Ttl-Seconds": {fmt.Sprint(int(tokenTTL.Seconds()))}})
	var status Status
	if err != nil && !(errors.As(err, &status) && status >= 400 && status < 500) {
		return err
	}
	s.token, s.renew = string(text), time.Now().Add(tokenTTL-early)
	return nil
}

// ask makes one request.
func (s *Service) ask(ctx context.Context, method, item string, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address+item, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := s.http.Do(req)
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
