// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// service answers as the metadata service is documented to, with credentials that last for an hour.
type service struct {
	role, code string
	asked      []string
}

func (s *service) get(_ context.Context, item string) ([]byte, error) {
	s.asked = append(s.asked, item)
	switch item {
	case "latest/meta-data/placement/region":
		return []byte("eu-west-1\n"), nil
	case "latest/meta-data/iam/security-credentials/":
		return []byte(s.role), nil
	case "latest/meta-data/iam/security-credentials/the%20role":
		return fmt.Appendf(nil, `{"Code":%q,"AccessKeyID":"id","SecretAccessKey":"key","Token":"session","Expiration":%q}`,
			s.code, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), nil
	case "latest/meta-data/iam/security-credentials/malformed":
		return []byte("{"), nil
	}
	return nil, Status(http.StatusNotFound)
}

// Credentials and region are asked for once, and credentials again before they expire.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{role: "the role\n", code: "Success"}
		c := New(s.get)
		for range 2 {
			if got, err := c.Region(t.Context()); err != nil || got != "eu-west-1" {
				t.Errorf("region: %q, %v", got, err)
			}
			if got, err := c.Credentials(t.Context()); err != nil || got.SessionToken != "session" || got.AccessKeyID != "id" || got.SecretAccessKey != "key" {
				t.Errorf("credentials: %v", err)
			}
		}
		if len(s.asked) != 3 {
			t.Errorf("the requests are %v, want one for the region and two for the credentials", s.asked)
		}
		time.Sleep(time.Hour - early)
		if _, err := c.Credentials(t.Context()); err != nil || len(s.asked) != 5 {
			t.Errorf("shortly before they end: %v after %v", err, s.asked)
		}
	})
}

// Answers without credentials lead to different errors.
func TestNoCredentials(t *testing.T) {
	for role, want := range map[string]string{
		"":          "status 404 Not Found of the metadata service",
		"other":     "status 404 Not Found of the metadata service",
		"malformed": "the credentials of the metadata service are malformed",
		"the role":  `the metadata service has no credentials: "Failed"`,
	} {
		s := &service{role: role, code: "Failed"}
		if _, err := New(s.get).Credentials(t.Context()); err == nil || err.Error() != want {
			t.Errorf("role %q: error %v, want %s", role, err, want)
		}
	}
	broken := errors.New("no route")
	c := New(func(context.Context, string) ([]byte, error) { return nil, broken })
	if _, err := c.Credentials(t.Context()); !errors.Is(err, broken) {
		t.Errorf("credentials: %v, want %v", err, broken)
	}
	if _, err := c.Region(t.Context()); !errors.Is(err, broken) {
		t.Errorf("region: %v, want %v", err, broken)
	}
}
