// SPDX-License-Identifier: Apache-2.0

package origin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// The machine's role, which is the gateway's root account.
const (
	roleKey    = "AKIDFIRSTLIGHT"
	roleSecret = "the/secret+of=the/role"
)

const (
	home    = "us-west-2" // the region of the buckets
	objects = ".s3.dualstack." + home + ".amazonaws.com"
	points  = ".s3-accesspoint.dualstack." + home + ".amazonaws.com"
)

// s3 runs versitygw, which verifies signatures, once for buckets and once for access points, over the same directory. Other
// regions answer, as S3 does, that the bucket is elsewhere.
func s3(t *testing.T, n *network) {
	program := installed(t, "versitygw")
	root, versions := t.TempDir(), t.TempDir()
	for _, domain := range []string{objects, points} {
		address, _ := port(t)
		cert, key := n.files("*"+domain, strings.TrimPrefix(domain, "."))
		start(t, address, nil, program, "--access", roleKey, "--secret", roleSecret, "--region", home, "--port", address, "--quiet",
			"--cert", cert, "--key", key, "--virtual-domain", domain[1:], "posix", "--versioning-dir", versions, root)
		n.routes[domain+":443"] = address
		n.routes[domain[1:]+":443"] = address
	}
	n.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", home)
		w.WriteHeader(http.StatusMovedPermanently)
		io.WriteString(w, "<Error><Code>PermanentRedirect</Code></Error>")
	}), true, "*.s3.dualstack.us-east-1.amazonaws.com")
}

// metadata runs the metadata service of a machine in a region of AWS, with sessions (IMDSv2), and a role unless none is true.
func metadata(t *testing.T, n *network, none bool) {
	values := map[string]any{
		"placement-region": home,
		"iam-security-credentials": map[string]any{
			"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": roleKey, "SecretAccessKey": roleSecret, "Token": "", // the gateway takes no token for permanent keys
			"LastUpdated": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "Expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		},
	}
	config := map[string]any{"metadata": map[string]any{"values": values}}
	if none {
		config["metadata"].(map[string]any)["paths"] = map[string]any{
			"iam-security-credentials-role": "/latest/meta-data/none", "iam-security-credentials": "/latest/meta-data/none/role",
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	address, number := port(t)
	start(t, address, nil, installed(t, "ec2-metadata-mock"), "--imdsv2", "--hostname", "127.0.0.1", "--port", number, "--config-file", file)
	n.routes["169.254.169.254:80"] = address
}

// TestS3 fetches objects with the role of the machine, and without one.
func TestS3(t *testing.T) {
	n := newNetwork(t)
	s3(t, n)
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/*"}]}`
	big := strings.Repeat("0123456789abcdef", 1<<19)
	n.s3put("private", "", "")
	n.s3put("private", "?versioning", `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>`)
	n.s3put("public", "", "")
	n.s3put("public", "?policy", policy)
	n.s3put("public", "config.ign", "payload")
	n.s3put("data-123456789012", "", "")
	n.s3put("data-123456789012", "config.ign", "behind an access point")
	old := n.s3put("private", "config.ign", "old payload").Get("X-Amz-Version-Id")
	n.s3put("private", "config.ign", "payload")
	n.s3put("private", "a%20dir/%C3%BC%2B%26%3D", "strange name")
	n.s3put("private", "big", big)
	sum := sha256.Sum256([]byte(big))

	const private, point = "s3://private/config.ign", "arn:aws:s3:us-west-2:123456789012:accesspoint/data/object/config.ign"
	t.Run("without a role", func(t *testing.T) {
		n.check(t, n.client("metal"),
			fetched{name: "public", req: fetch.Request{URL: "s3://public/config.ign"}, want: "payload"},
			fetched{name: "private", req: fetch.Request{URL: private}, err: fetch.ErrFailed, text: []string{private, "403", "AccessDenied"}},
			fetched{name: "gzip", req: fetch.Request{URL: private, Compression: "gzip"}, err: fetch.ErrCompression, text: []string{"S3"}},
		)
	})
	t.Run("with the machine's role", func(t *testing.T) {
		metadata(t, n, false)
		n.check(t, n.client("aws"),
			fetched{name: "private", req: fetch.Request{URL: private}, want: "payload"},
			fetched{name: "public", req: fetch.Request{URL: "s3://public/config.ign"}, want: "payload"},
			fetched{name: "version", req: fetch.Request{URL: private + "?versionId=" + old}, want: "old payload"},
			fetched{name: "name to be escaped", req: fetch.Request{URL: "s3://private/a%20dir/ü%2B%26="}, want: "strange name"},
			fetched{name: "large, with a hash", req: fetch.Request{URL: "s3://private/big", Hash: "sha256-" + hex.EncodeToString(sum[:])}, want: big},
			fetched{name: "ARN, by way of another region", req: fetch.Request{URL: "arn:aws:s3:::data-123456789012/config.ign"}, want: "behind an access point"},
			fetched{name: "ARN with a version", req: fetch.Request{URL: "arn:aws:s3:::private/config.ign?versionId=" + old}, want: "old payload"},
			fetched{name: "access point", req: fetch.Request{URL: point}, want: "behind an access point"},
			fetched{name: "missing", req: fetch.Request{URL: "s3://private/none"}, err: fetch.ErrNotFound, text: []string{"s3://private/none", "NoSuchKey"}},
			fetched{name: "no bucket", req: fetch.Request{URL: "s3://nowhere/config.ign"}, err: fetch.ErrNotFound, text: []string{"NoSuchBucket"}},
		)
	})
	t.Run("in AWS without a role", func(t *testing.T) {
		metadata(t, n, true)
		n.check(t, n.client("aws"),
			fetched{name: "public", req: fetch.Request{URL: "s3://public/config.ign"}, want: "payload"},
			fetched{name: "private", req: fetch.Request{URL: private}, err: fetch.ErrFailed, text: []string{"AccessDenied", "the machine has no role"}},
		)
	})
}

// s3put makes a bucket or an object, or sets a property of a bucket, and returns the headers of the answer.
func (n *network) s3put(bucket, what, payload string) http.Header {
	n.t.Helper()
	req, err := http.NewRequest(http.MethodPut, "https://"+bucket+objects+"/"+what, bytes.NewReader([]byte(payload)))
	if err != nil {
		n.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(payload))
	digest := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", digest)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: roleKey, SecretAccessKey: roleSecret}
	if err := signer.SignHTTP(n.t.Context(), keys, req, digest, "s3", home, time.Now()); err != nil {
		n.t.Fatal(err)
	}
	resp, err := n.http().Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		n.t.Fatal(fmt.Errorf("PUT %s/%s: %s: %s", bucket, what, resp.Status, text))
	}
	return resp.Header
}
