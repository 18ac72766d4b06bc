// SPDX-License-Identifier: Apache-2.0

// Package s3 reads objects of S3 and of its access points, each by one signed GET.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
	httporigin "github.com/firstlight-boot/firstlight/internal/fetch/origin/http"
)

// ErrARN is wrapped by errors about ARNs that do not name an object of S3.
var ErrARN = errors.New("the ARN does not name an object in S3")

// An Object is an object of S3. Its region may be unknown: S3's refusal has the bucket's region.
type Object struct {
	machine     *Machine
	client      *httporigin.Client
	bucket, key string
	version     string
	access      accessPoint // empty: the URL names a bucket
	hint        string      // region to ask first; empty: the machine's, or else us-east-1
	region      string      // found out
}

// An accessPoint is a name for a bucket with its own policies. Its region is part of the name.
type accessPoint struct{ name, account string }

// New returns the origin of s3://BUCKET/KEY.
func New(m *Machine, c *httporigin.Client, u *url.URL) (*Object, error) {
	key := strings.TrimLeft(u.Path, "/")
	if u.Host == "" || key == "" {
		return nil, fmt.Errorf("%w: an s3: URL needs a bucket and a key", origin.ErrURL)
	}
	return &Object{machine: m, client: c, bucket: u.Host, key: key, version: u.Query().Get("versionId")}, nil
}

// accessPath splits the part after the account in the ARN of an object behind an access point: accesspoint/NAME/object/KEY.
func accessPath(resource string) (name, key string, ok bool) {
	rest, ok := strings.CutPrefix(resource, "accesspoint/")
	name, key, found := strings.Cut(rest, "/object/")
	return name, key, ok && found && key != "" && isName(name, 3, 50)
}

// isName reports whether a text has a valid length and only lower-case letters, digits and dashes.
func isName(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most &&
		!strings.ContainsFunc(text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}

// NewARN returns the origin of arn:PARTITION:s3:::BUCKET/KEY and of
// arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY.
func NewARN(m *Machine, c *httporigin.Client, u *url.URL) (*Object, error) {
	a, err := arn.Parse("arn:" + u.Opaque)
	if err != nil || a.Service != "s3" {
		return nil, ErrARN
	}
	o := &Object{machine: m, client: c, version: u.Query().Get("versionId"), hint: partitionOf(a.Partition).hint}
	if name, key, ok := accessPath(a.Resource); ok {
		if !isLabel(a.Region) || !isLabel(a.AccountID) {
			return nil, fmt.Errorf("%w: an access point needs a region and an account; multi-region access points are not supported", ErrARN)
		}
		o.access, o.key, o.region = accessPoint{name, a.AccountID}, key, a.Region
		return o, nil
	}
	var found bool
	if o.bucket, o.key, found = strings.Cut(a.Resource, "/"); !found || o.bucket == "" || o.key == "" || a.Region != "" || a.AccountID != "" {
		return nil, fmt.Errorf("%w: expected BUCKET/KEY, or accesspoint/NAME/object/KEY with region and account", ErrARN)
	}
	return o, nil
}

// elsewhere is the refusal that names the region of the bucket.
type elsewhere struct{ region string }

func (e *elsewhere) Error() string { return "the bucket is in region " + e.region }

// Open asks as the machine's role and, if it has none, without credentials.
func (o *Object) Open(ctx context.Context, from origin.Mark) (*origin.Stream, error) {
	if o.region == "" {
		o.region = o.machine.regionOf(ctx, o.bucket, o.hint)
	}
	credentials, err := o.machine.credentials(ctx)
	if err == nil {
		return o.find(ctx, from, credentials)
	}
	o.machine.log.Info("GET error: " + err.Error() + "; asking without credentials")
	s, anonymous := o.find(ctx, from, nil)
	if anonymous != nil && err.Class.Temporary() && !origin.Temporary(anonymous) {
		return nil, err // the role may appear later
	}
	var f *origin.Failure
	if errors.As(anonymous, &f) {
		f.Err = fmt.Errorf("%w; as the machine's role: %w", f.Err, err.Err)
	}
	return s, anonymous
}

// find asks the most likely region of the bucket, and follows S3 to the right one.
func (o *Object) find(ctx context.Context, from origin.Mark, credentials *aws.Credentials) (*origin.Stream, error) {
	for hop := 0; ; hop++ {
		s, err := o.at(credentials).Open(ctx, from)
		var moved *elsewhere
		if !errors.As(err, &moved) {
			if err == nil && o.bucket != "" {
				o.machine.learn(o.bucket, o.region)
			}
			return s, err
		}
		if hop == 2 {
			return nil, fmt.Errorf("%w: it keeps naming other regions", origin.ErrFailed)
		}
		o.region = moved.region
	}
}

// emptyDigest is the SHA-256 of the empty request body.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// at returns the object's origin at its region, with credentials unless they are nil.
func (o *Object) at(credentials *aws.Credentials) *httporigin.Origin {
	get := &httporigin.Origin{Client: o.client, URL: o.address(), Refusal: o.refusal, Fixed: true}
	if credentials == nil {
		return get
	}
	get.Header = http.Header{"X-Amz-Content-Sha256": {emptyDigest}}
	get.Authorize = func(ctx context.Context, req *http.Request) error {
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 escapes once
		if err := signer.SignHTTP(ctx, *credentials, req, emptyDigest, "s3", o.region, time.Now()); err != nil {
			return fmt.Errorf("sign the request: %w", err)
		}
		return nil
	}
	return get
}

// hostable reports whether a bucket's name can be the first label of its host. With a dot, the host would not match the
// certificate.
func hostable(bucket string) bool {
	return isName(bucket, 3, 63) && bucket[0] != '-' && bucket[len(bucket)-1] != '-'
}

// isLabel reports whether a text can be a label of a host name.
func isLabel(text string) bool { return isName(text, 1, 63) && text[0] != '-' }

// isRegion reports whether a text has the form of a region's name, such as us-gov-west-1.
func isRegion(text string) bool {
	last := text[max(0, len(text)-1):]
	return isLabel(text) && strings.Count(text, "-") >= 2 && "0" <= last && last <= "9"
}

// address returns the URL of the object at a region.
// https://docs.aws.amazon.com/AmazonS3/latest/API/dual-stack-endpoints.html
func (o *Object) address() *url.URL {
	p := partitionAt(o.region)
	middle := "." + o.region + "." + p.suffix
	if p.dual {
		middle = ".dualstack" + middle
	}
	u := &url.URL{Scheme: "https", Path: "/" + o.key}
	switch {
	case o.access.name != "":
		u.Host = o.access.name + "-" + o.access.account + ".s3-accesspoint" + middle
	case hostable(o.bucket):
		u.Host = o.bucket + ".s3" + middle
	default:
		u.Host = "s3" + middle
		u.Path = "/" + o.bucket + u.Path
	}
	u.RawPath = escape(u.Path)
	if o.version != "" {
		u.RawQuery = "versionId=" + url.QueryEscape(o.version)
	}
	return u
}

// escape escapes a path as signatures require: all bytes but letters, digits, "-._~" and "/".
func escape(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c == '/' || c == '-' || c == '.' || c == '_' || c == '~' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// element returns the text of the first element with a name in the short document of a refusal.
func element(document, name string) string {
	_, rest, _ := strings.Cut(document, "<"+name+">")
	text, _, found := strings.Cut(rest, "</"+name+">")
	if !found || len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r > '~' || r < '-' }) {
		return ""
	}
	return text
}

// isCode reports whether a text is an error code of S3 that helps people. Other texts are not shown, because a server could
// echo the keys of the request.
func isCode(text string) bool {
	switch text {
	case "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId",
		"InvalidArgument", "InvalidObjectState", "InvalidRequest", "InvalidToken", "MethodNotAllowed", "NoSuchAccessPoint", "NoSuchBucket", "NoSuchKey",
		"NoSuchVersion", "NotSignedUp", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired", "UnauthorizedAccess":
		return true
	}
	return false
}

// refusal classifies answers without the object.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (o *Object) refusal(resp *http.Response, text []byte) error {
	region := resp.Header.Get("X-Amz-Bucket-Region")
	if region == "" {
		region = element(string(text), "Region")
	}
	if region != o.region && isRegion(region) && o.access.name == "" {
		return &elsewhere{region}
	}
	code := element(string(text), "Code")
	if !isCode(code) || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return nil
	}
	class := origin.ErrFailed
	if resp.StatusCode == http.StatusNotFound {
		class = origin.ErrNotFound
	}
	return &origin.Failure{Err: fmt.Errorf("%w: status %d %s: %s", class, resp.StatusCode, http.StatusText(resp.StatusCode), code)}
}
