// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// imds answers as the metadata service is documented to.
type imds struct {
	sessions bool
	role     string
	tokens   int
	asked    []string
}

func (s *imds) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	answer := func(code int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
	if r.Method == http.MethodPut {
		if !s.sessions {
			return answer(http.StatusForbidden, "")
		}
		s.tokens++
		return answer(http.StatusOK, fmt.Sprint("token", s.tokens))
	}
	if s.sessions && r.Header.Get("X-Aws-Ec2-Metadata-Token") != fmt.Sprint("token", s.tokens) {
		return answer(http.StatusUnauthorized, "")
	}
	switch r.URL.Path {
	case "/latest/meta-data/placement/region":
		return answer(http.StatusOK, "eu-west-1\n")
	case "/latest/meta-data/iam/security-credentials/":
		return answer(http.StatusOK, s.role)
	case "/latest/meta-data/iam/security-credentials/role":
		return answer(http.StatusOK, fmt.Sprintf(`{"Code":"Success","AccessKeyId":"id","SecretAccessKey":"key","Token":"session","Expiration":%q}`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	case "/2019-10-01/user-data":
		return answer(http.StatusOK, "user data")
	}
	return answer(http.StatusNotFound, "")
}

func TestSession(t *testing.T) {
	for _, sessions := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			service := &imds{sessions: sessions, role: "role\n"}
			c := New(NewService(&http.Client{Transport: service}).Get)
			if got, err := c.Get(t.Context(), "2019-10-01/user-data"); err != nil || string(got) != "user data" {
				t.Errorf("user data: %q, %v", got, err)
			}
			if got, err := c.Region(t.Context()); err != nil || got != "eu-west-1" {
				t.Errorf("region: %q, %v", got, err)
			}
			for range 2 {
				if got, err := c.Credentials(t.Context()); err != nil || got.SessionToken != "session" {
					t.Errorf("credentials: %v", err)
				}
			}
			if _, err := c.Get(t.Context(), "latest/none"); !errors.Is(err, Status(http.StatusNotFound)) {
				t.Errorf("missing: %v", err)
			}
			if len(service.asked) != 6 {
				t.Errorf("the requests are %v, want one for a token and one for each item", service.asked)
			}
			time.Sleep(tokenTTL)
			if _, err := c.Get(t.Context(), "2019-10-01/user-data"); err != nil || sessions && service.tokens != 2 {
				t.Errorf("after the end of a session: %v with %d tokens", err, service.tokens)
			}
			service.tokens++ // the service forgets the session
			if _, err := c.Get(t.Context(), "2019-10-01/user-data"); sessions && !errors.Is(err, Status(http.StatusUnauthorized)) {
				t.Errorf("in a session that is over: %v", err)
			}
			if _, err := c.Get(t.Context(), "2019-10-01/user-data"); err != nil {
				t.Errorf("in the session after it: %v", err)
			}
		})
	}
}

func TestNoRole(t *testing.T) {
	c := New(NewService(&http.Client{Transport: &imds{sessions: true}}).Get)
	if _, err := c.Credentials(t.Context()); !errors.Is(err, Status(http.StatusNotFound)) {
		t.Errorf("error %v, want status 404", err)
	}
}
