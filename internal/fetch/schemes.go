// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin/azure"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin/data"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin/gcs"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin/s3"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin/tftp"
)

// A scheme is one row of the table of URL schemes.
type scheme struct {
	network bool // an offline client returns ErrNeedNet
	origin  func(*Client, *httporigin.Client, *url.URL, Request) (origin.Origin, error)
}

// schemes is the table of URL schemes. The empty scheme is for the empty URL, which is an empty payload.
func schemes() map[string]scheme {
	return map[string]scheme{
		"":      {origin: empty},
		"data":  {origin: inline},
		"http":  {network: true, origin: web},
		"https": {network: true, origin: web},
		"tftp":  {network: true, origin: tftpFile},
		"gs":    {network: true, origin: gcsObject},
		"s3":    {network: true, origin: s3Object},
		"arn":   {network: true, origin: s3ARN},
	}
}

// NeedsNetwork reports whether a URL can be fetched only over the network.
func NeedsNetwork(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.Scheme != "" && u.Scheme != "data"
}

// origin returns the origin of a request's payload.
func (c *Client) origin(r Request) (origin.Origin, error) {
	if strings.HasPrefix(r.URL, "data:") { // most URLs by far, and the longest
		return data.New(r.URL)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, ErrURL
	}
	s, ok := schemes()[u.Scheme]
	if !ok || u.Scheme == "" && r.URL != "" {
		return nil, fmt.Errorf("%w: %s", ErrScheme, origin.Named(u.Scheme, "it is none of http, https, data, tftp, s3, arn and gs"))
	}
	if s.network && c.o.Offline {
		return nil, ErrNeedNet
	}
	c.mu.Lock()
	client := c.http
	c.mu.Unlock()
	return s.origin(c, client, u, r)
}

func empty(*Client, *httporigin.Client, *url.URL, Request) (origin.Origin, error) {
	return origin.Inline(nil), nil
}

func inline(_ *Client, _ *httporigin.Client, _ *url.URL, r Request) (origin.Origin, error) {
	return data.New(r.URL)
}

// web returns the origin of an http: or https: URL, which may be a blob of Azure.
func web(c *Client, client *httporigin.Client, u *url.URL, r Request) (origin.Origin, error) {
	plain, err := httporigin.New(client, u, r.Headers)
	if err != nil {
		return nil, err
	}
	if c.o.Platform == "azure" && azure.IsBlob(u) {
		return azure.New(c.clouds.azure, plain), nil
	}
	return plain, nil
}

func tftpFile(_ *Client, _ *httporigin.Client, u *url.URL, _ Request) (origin.Origin, error) {
	return tftp.New(u)
}

func gcsObject(c *Client, client *httporigin.Client, u *url.URL, _ Request) (origin.Origin, error) {
	return gcs.New(c.clouds.google, client, u)
}

func s3Object(c *Client, client *httporigin.Client, u *url.URL, r Request) (origin.Origin, error) {
	if r.Compression != "" {
		return nil, errPacked
	}
	return s3.New(c.clouds.aws, client, u)
}

func s3ARN(c *Client, client *httporigin.Client, u *url.URL, r Request) (origin.Origin, error) {
	if r.Compression != "" {
		return nil, errPacked
	}
	return s3.NewARN(c.clouds.aws, client, u)
}

var errPacked = fmt.Errorf("%w: objects of S3 cannot be decompressed", ErrCompression)

// DataURL returns a payload as a data: URL.
func DataURL(payload []byte) string { return data.URL(payload) }

// clouds is a client's knowledge of the machine's cloud.
type clouds struct {
	aws    *s3.Machine
	google *gcs.Account
	azure  *azure.Identity
}

func newClouds(o Options) clouds {
	local := httporigin.LinkLocal(o.Dial)
	c := clouds{google: gcs.NewAccount(o.Google, o.Platform, o.Log), azure: azure.NewIdentity(local, o.AzureClientID)}
	c.aws = s3.NewMachine(nil, o.Log)
	if o.Platform == "aws" && o.EC2 != nil {
		c.aws = s3.NewMachine(ec2.New(o.EC2), o.Log)
	}
	return c
}
