// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// TestObjectAddress checks the host and path for an object's name. The signature covers the bytes of the path.
func TestObjectAddress(t *testing.T) {
	for _, c := range []struct{ name, region, want string }{
		{"s3://bucket/key", "us-east-1", "https://bucket.s3.dualstack.us-east-1.amazonaws.com/key"},
		{"s3://bucket//a/b%20c+d=e/ü?versionId=a+b", "eu-central-1",
			"https://bucket.s3.dualstack.eu-central-1.amazonaws.com/a/b%20c%2Bd%3De/%C3%BC?versionId=a+b"},
		{"s3://dotted.bucket/key", "us-east-1", "https://s3.dualstack.us-east-1.amazonaws.com/dotted.bucket/key"},
		{"s3://Upper/key", "us-east-1", "https://s3.dualstack.us-east-1.amazonaws.com/Upper/key"},
		{"s3://bucket/key", "cn-north-1", "https://bucket.s3.dualstack.cn-north-1.amazonaws.com.cn/key"},
		{"s3://bucket/key", "us-iso-east-1", "https://bucket.s3.us-iso-east-1.c2s.ic.gov/key"},
		{"arn:aws:s3:::bucket/a//b?versionId=v", "us-east-1", "https://bucket.s3.dualstack.us-east-1.amazonaws.com/a//b?versionId=v"},
		{"arn:aws-cn:s3:::bucket/key", "cn-north-1", "https://bucket.s3.dualstack.cn-north-1.amazonaws.com.cn/key"},
		{"arn:aws:s3:us-west-2:123456789012:accesspoint/data/object/a/b", "us-west-2",
			"https://data-123456789012.s3-accesspoint.dualstack.us-west-2.amazonaws.com/a/b"},
	} {
		o, err := objectOf(t, c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		o.region = c.region
		if got := o.address().String(); got != c.want {
			t.Errorf("%s is at %s, want %s", c.name, got, c.want)
		}
	}
}

func TestObjectNames(t *testing.T) {
	for _, c := range []struct {
		name string
		want error
	}{
		{"s3://bucket", origin.ErrURL},
		{"s3://bucket/", origin.ErrURL},
		{"s3:///key", origin.ErrURL},
		{"arn:aws:sqs:::bucket/key", ErrARN},
		{"arn:aws:s3", ErrARN},
		{"arn:aws:s3:::bucket", ErrARN},
		{"arn:aws:s3:::bucket/", ErrARN},
		{"arn:aws:s3:us-west-2:123456789012:accesspoint/data/key", ErrARN},
		{"arn:aws:s3:us-west-2:123456789012:accesspoint/data/object/", ErrARN},
		{"arn:aws:s3::123456789012:accesspoint/alias.mrap/object/key", ErrARN},
		{"arn:aws:s3::123456789012:accesspoint/data/object/key", ErrARN},
		{"arn:aws:s3:evil.example/:123456789012:accesspoint/data/object/key", ErrARN},
		{"arn:aws:s3:us-west-2:123456789012:outpost/o/accesspoint/data/object/key", ErrARN},
	} {
		if _, err := objectOf(t, c.name); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestObjectHints checks which region is asked first.
func TestObjectHints(t *testing.T) {
	for name, want := range map[string]string{
		"s3://bucket/key":                   "us-east-1",
		"arn:aws:s3:::bucket/key":           "us-east-1",
		"arn:aws-cn:s3:::bucket/key":        "cn-north-1",
		"arn:aws-us-gov:s3:::bucket/key":    "us-gov-west-1",
		"arn:aws-mars:s3:::bucket/key":      "us-east-1",
		"s3://known-from-an-earlier-object": "eu-west-3",
	} {
		o, err := objectOf(t, strings.TrimSuffix(name, "/key")+"/key")
		if err != nil {
			t.Fatal(err)
		}
		o.machine.learn("known-from-an-earlier-object", "eu-west-3")
		if got := o.machine.regionOf(t.Context(), o.bucket, o.hint); got != want {
			t.Errorf("%s is looked for in %s, want %s", name, got, want)
		}
	}
}

// TestObjectMoved checks that a fetch ends if servers keep naming other regions.
func TestObjectMoved(t *testing.T) {
	o, err := objectOf(t, "s3://bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	o.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		asked++
		region := "eu-west-1"
		if strings.Contains(r.URL.Host, region) {
			region = "eu-west-2"
		}
		return &http.Response{StatusCode: http.StatusMovedPermanently, Header: http.Header{"X-Amz-Bucket-Region": {region}}, Body: http.NoBody}, nil
	})
	if _, err := o.Open(t.Context(), origin.Mark{}); !errors.Is(err, origin.ErrFailed) || asked != 3 {
		t.Errorf("%v after %d requests", err, asked)
	}
}

// TestRefusal checks that the error of a refusal has its code, and no text that may be an echo.
func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
		class  error
		shown  string
	}{
		{403, "<Error><Code>AccessDenied</Code><Message>s3cret</Message></Error>", origin.ErrFailed, "status 403 Forbidden: AccessDenied"},
		{404, "<Error><Code>NoSuchKey</Code></Error>", origin.ErrNotFound, "status 404 Not Found: NoSuchKey"},
		{403, "<Error><Code>s3cret</Code></Error>", origin.ErrFailed, "status 403 Forbidden"},
		{403, "<Error><Code>" + strings.Repeat("secret", 99) + "</Code></Error>", origin.ErrFailed, "status 403 Forbidden"},
		{403, "s3cret", origin.ErrFailed, "status 403 Forbidden"},
		{404, "", origin.ErrNotFound, "status 404 Not Found"},
	} {
		o, err := objectOf(t, "s3://bucket/key")
		if err != nil {
			t.Fatal(err)
		}
		o.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.text))}, nil
		})
		_, err = o.Open(t.Context(), origin.Mark{})
		if !errors.Is(err, c.class) || !strings.HasSuffix(err.Error(), c.shown) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d %s: %v, want %q", c.status, c.text, err, c.shown)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func objectOf(t *testing.T, name string) (*Object, error) {
	t.Helper()
	u, err := url.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	client := &httporigin.Client{Limits: &httporigin.Limits{}, Agent: "Ignition/1", Log: log}
	if u.Scheme == "arn" {
		return NewARN(NewMachine(nil, log), client, u)
	}
	return New(NewMachine(nil, log), client, u)
}

// TestObjectSession checks that a role's session token is sent and signed.
func TestObjectSession(t *testing.T) {
	o, err := objectOf(t, "s3://bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	o.region = "us-east-1"
	var req *http.Request
	o.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		req = r
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	})
	if _, err := o.at(&aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "session"}).Open(t.Context(), origin.Mark{}); err != nil {
		t.Fatal(err)
	}
	signature := req.Header.Get("Authorization")
	if req.Header.Get("X-Amz-Security-Token") != "session" || !strings.Contains(signature, "x-amz-security-token") ||
		!strings.Contains(signature, "/us-east-1/s3/aws4_request") {
		t.Errorf("the headers are %v", req.Header)
	}
}
