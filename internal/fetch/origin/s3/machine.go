// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/firstlight-boot/firstlight/internal/fetch/ec2"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// A Machine is a machine's knowledge of AWS: its role, its region, and the regions of buckets. It is safe for concurrent
// use.
type Machine struct {
	metadata *ec2.Client // nil: the machine is not in AWS
	log      *slog.Logger

	mu      sync.Mutex
	buckets map[string]string // bucket -> region
}

// NewMachine returns a machine in AWS, or elsewhere if there is no metadata service to ask.
func NewMachine(metadata *ec2.Client, log *slog.Logger) *Machine {
	return &Machine{metadata: metadata, log: log}
}

// A partition is a part of AWS that is isolated from the others.
type partition struct {
	name, prefix string // of its regions
	hint         string // region that knows the region of every bucket
	suffix       string // of its hosts
	dual         bool   // whether its hosts have IPv6
}

// partitions is the table of partitions. The last one is for all regions that match no other.
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

// credentials returns the credentials of the machine's role, or nil outside of AWS. The error is temporary if the metadata
// service does not answer properly.
func (m *Machine) credentials(ctx context.Context) (*aws.Credentials, *origin.Failure) {
	if m.metadata == nil {
		return nil, nil
	}
	c, err := m.metadata.Credentials(ctx)
	switch {
	case err == nil:
		return &aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	case errors.Is(err, ec2.Status(http.StatusNotFound)):
		return nil, &origin.Failure{LinkLocal: true, Err: errors.New("the machine has no role")}
	}
	return nil, &origin.Failure{Class: origin.ClassGone, LinkLocal: true, Err: fmt.Errorf("get credentials of the machine's role: %w", err)}
}

// regionOf returns the region to ask first about a bucket: its known region, else the hint of its ARN, else the machine's
// own.
func (m *Machine) regionOf(ctx context.Context, bucket, hint string) string {
	m.mu.Lock()
	known := m.buckets[bucket]
	m.mu.Unlock()
	switch {
	case known != "":
		return known
	case hint != "":
		return hint
	case m.metadata != nil:
		own, err := m.metadata.Region(ctx)
		if err == nil && isRegion(own) {
			return own
		} else if err != nil {
			m.log.Info("the region of this machine is unknown; S3 needs one more request: " + err.Error())
		}
	}
	return "us-east-1"
}

// learn records the region of a bucket.
func (m *Machine) learn(bucket, region string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buckets == nil {
		m.buckets = map[string]string{}
	}
	m.buckets[bucket] = region
}
