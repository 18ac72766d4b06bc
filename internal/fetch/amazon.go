// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// amazon is what the metadata service of EC2 told, and where buckets turned out to be.
type amazon struct {
	ec2     ec2
	mu      sync.Mutex
	region  string            // of the machine
	buckets map[string]string // bucket -> region
}

// A partition is one of the worlds of AWS that know nothing of each other.
type partition struct {
	name, prefix string // of its regions
	hint         string // region that knows the buckets of all others
	suffix       string // of its hosts
	dual         bool   // whether its hosts have IPv6
}

// partitions is the table of them; the last one is for all regions that no other claims.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
func partitions() []partition {
	return []partition{
		{"aws-cn", "cn-", "cn-north-1", "amazonaws.com.cn", true},
		{"aws-us-gov", "us-gov-", "us-gov-west-1", "amazonaws.com", true},
		{"aws-iso", "us-iso-", "", "c2s.ic.gov", false},
		{"aws-iso-b", "us-isob-", "", "sc2s.sgov.gov", false},
		{"aws-iso-e", "eu-isoe-", "", "cloud.adc-e.uk", false},
		{"aws-iso-f", "us-isof-", "", "csp.hci.ic.gov", false},
		{"aws", "", "us-east-1", "amazonaws.com", true},
	}
}

// partitionOf returns the partition of a name, or one without a hint.
func partitionOf(name string) partition {
	for _, p := range partitions() {
		if p.name == name {
			return p
		}
	}
	return partition{}
}

// partitionAt returns the partition of a region.
func partitionAt(region string) partition {
	var last partition
	for _, last = range partitions() {
		if strings.HasPrefix(region, last.prefix) {
			break
		}
	}
	return last
}

// unredirected returns the client in force, following no redirects: a signature is for one host.
func (c *Client) unredirected() *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := *c.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// get returns the credentials of the machine's role; nil where machines have no roles. A failure that may heal is that of a
// metadata service which does not answer, or not well.
func (a *amazon) get(ctx context.Context, c *Client) (*aws.Credentials, *failure) {
	if c.o.Platform != "aws" {
		return nil, nil
	}
	credentials, err := a.ec2.credentials(ctx, c.local())
	if err == nil {
		return &credentials, nil
	}
	f := &failure{class: classGone, near: true, err: fmt.Errorf("get credentials of the machine's role: %w", err)}
	if errors.Is(err, ec2Status(http.StatusNotFound)) {
		f.class = classFinal
		f.err = errors.New("the machine has no role")
	}
	return nil, f
}

// regionOf returns the region to look for a bucket in first: where it was, else where its ARN hints at, else the machine's
// own.
func (a *amazon) regionOf(ctx context.Context, c *Client, bucket, hint string) string {
	a.mu.Lock()
	known, own := a.buckets[bucket], a.region
	a.mu.Unlock()
	switch {
	case known != "":
		return known
	case hint != "":
		return hint
	case own == "" && c.o.Platform == "aws":
		var err error
		if own, err = a.ec2.region(ctx, c.local()); err != nil {
			c.o.Log.Info("the region of this machine is unknown, which costs one more request: " + err.Error())
		}
		a.mu.Lock()
		a.region = own
		a.mu.Unlock()
	}
	if own == "" {
		own = "us-east-1"
	}
	return own
}

// learn remembers where a bucket is.
func (a *amazon) learn(bucket, region string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.buckets == nil {
		a.buckets = map[string]string{}
	}
	a.buckets[bucket] = region
}
