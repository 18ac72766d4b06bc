// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// resourceRules are about what is fetched, and how.
var resourceRules = []Rule{
	{ID: "V101", Since: from31, Check: mergeSource, About: "`ignition.config.merge[].source` is given and not empty."},
	{ID: "V102", Check: flawedSource, About: "A source has a scheme that the version allows."},
	{ID: "V103", Check: authoritySource, About: "The source of a certificate authority is given and not empty."},
	{ID: "V104", Check: flawedSource, About: "A source is a URL. One with `http`, `https` or `tftp` names a host and, if any, a port from 1 to 65535."},
	{ID: "V105", Kind: Accepts, About: "An empty source is an empty payload, if a source is optional."},
	{ID: "V106", Check: flawedSource, About: "A `data` URL can be decoded."},
	{ID: "V107", Check: flawedSource, About: "A `versionId` of an `s3` or `arn` URL is not empty."},
	{ID: "V108", Since: from34, Check: flawedSource, About: "An `arn` names an object of S3, or one below an access point."},
	{ID: "V110", Check: compression, About: "`compression` is `gzip` or empty."},
	{ID: "V111", Check: hashNeedsSource, About: "`verification.hash` needs a source. In 3.0.0 this holds only for the contents of files."},
	{ID: "V112", Check: flawedHash, About: "`verification.hash` is a function and a digest with `-` between them."},
	{ID: "V113", Check: flawedHash, About: "The hash function is `sha512` or, from 3.1.0, `sha256`."},
	{ID: "V114", Check: flawedHash, About: "The digest has as many digits as its function makes."},
	{ID: "V121", Since: from31, Check: headersNeedHTTP, About: "`httpHeaders` need an `http` or `https` source."},
	{ID: "V122", Since: from31, Check: headerName, About: "A header has a name, which is a token of RFC 9110."},
	{ID: "V123", Since: from31, Check: headerValue, About: "The value of a header is unset or not empty, and has no control characters."},
	{ID: "V130", Since: from31, Check: proxyURL, About: "A proxy is a URL."},
	{ID: "V131", Since: from31, Check: proxyURL, About: "The scheme of a proxy is `http` or `https`."},
	{ID: "V132", Since: from31, Severity: diag.Warning, Check: proxyURL, About: "The proxy for `https` is reached by `https`."},
	{ID: "V140", Kind: Accepts, About: "Timeouts may have any value."},
}

func mergeSource(c *Context, config *types.Config) {
	for i := range config.Ignition.Config.Merge {
		if !set(config.Ignition.Config.Merge[i].Source) {
			c.Report("the config to merge has no source", "give a URL, or remove the entry", "ignition", "config", "merge", i)
		}
	}
}

func authoritySource(c *Context, config *types.Config) {
	const hint = "give a URL, or remove the entry"
	list := config.Ignition.Security.TLS.CertificateAuthorities
	for i := range list {
		at := where{list: inAuthorities, i: i}
		switch {
		case set(list[i].Source):
		case c.Version < spec.V3_1:
			c.Report("the certificate authority has no source", hint, at.steps("source")...)
		default:
			c.Report("the certificate authority has no source", hint, at.steps()...)
		}
	}
}

// sourceFlaw is a source that breaks one of the rules.
type sourceFlaw struct {
	at            where
	code          string
	summary, hint string
}

// flaws checks all sources once; the rules about them report their share.
func (c *Context) flaws() []sourceFlaw {
	if c.scanned {
		return c.sources
	}
	c.scanned = true
	eachResource(c.config, func(r *types.Resource, at where) {
		if !set(r.Source) {
			return
		}
		if code, summary, hint := checkSource(*r.Source, c.Version); code != "" {
			c.sources = append(c.sources, sourceFlaw{at, code, summary, hint})
		}
	})
	return c.sources
}

// flawedSource reports the sources that break the running rule. From 3.1.0 on, those in lists of references are
// reported at the entry too.
func flawedSource(c *Context, _ *types.Config) {
	for _, f := range c.flaws() {
		if f.code != c.rule.ID {
			continue
		}
		c.Report(f.summary, f.hint, f.at.steps("source")...)
		if c.Version >= spec.V3_1 && (f.at.list == inMerge || f.at.list == inAuthorities) {
			c.Report(f.summary, f.hint, f.at.steps()...)
		}
	}
}

func compression(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) {
		if set(r.Compression) && *r.Compression != "gzip" {
			c.Report("the compression "+shown(*r.Compression)+" is not known", "use gzip, or remove compression", at.steps("compression")...)
		}
	})
}

func hashNeedsSource(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) {
		if r.Verification.Hash == nil || r.Source != nil {
			return
		}
		if c.Version >= spec.V3_1 || at.list == inContents || at.list == inAppend {
			c.Report("there is a hash, but no source", "add the source, or remove the hash",
				at.steps("verification", "hash")...)
		}
	})
}

// flawedHash reports hashes that break the running rule.
func flawedHash(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) {
		if r.Verification.Hash == nil {
			return
		}
		if code, summary, hint := checkHash(*r.Verification.Hash, c.Version); code == c.rule.ID {
			c.Report(summary, hint, at.steps("verification", "hash")...)
		}
	})
}

func checkHash(hash string, v spec.Version) (code, summary, hint string) {
	function, digest, ok := strings.Cut(hash, "-")
	if !ok {
		return "V112", "the hash has no function", "write it as sha512-, followed by hexadecimal digits"
	}
	digits, known := map[string]int{"sha512": 128, "sha256": 64}[function]
	switch {
	case known && function == "sha256" && v < spec.V3_1:
		return "V113", "sha256 is not known in version " + v.String(), "use sha512, or spec version 3.1.0 or later"
	case !known && strings.Contains(strings.ToLower(function), "sha256") && v >= spec.V3_1:
		return "V113", "the hash function " + shown(function) + " is not known", "write it as sha256"
	case !known:
		return "V113", "the hash function " + shown(function) + " is not known", "write sha512-DIGEST; sha256 needs spec version 3.1.0 or later"
	case len(digest) != digits:
		return "V114", fmt.Sprintf("the digest has %d characters; %s has %d", len(digest), function, digits), ""
	}
	return "", "", ""
}

func headersNeedHTTP(c *Context, config *types.Config) {
	eachResource(config, func(r *types.Resource, at where) {
		if len(r.HTTPHeaders) == 0 {
			return
		}
		if r.Source != nil {
			if u, err := url.Parse(*r.Source); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
				return
			}
		}
		c.Report("request headers need an http or https source", "remove httpHeaders, or change the source", at.steps("httpHeaders")...)
	})
}

func headerName(c *Context, config *types.Config) {
	eachHeader(config, func(h *types.HTTPHeader, at where, i int) {
		switch {
		case h.Name == "":
			c.Report("the header has no name", "add name", at.steps("httpHeaders", i, "name")...)
		case !isToken(h.Name): // not shown: it may be a value in the wrong place
			c.Report("the name of the header has a character that no header name has",
				"names have letters, digits and dashes", at.steps("httpHeaders", i, "name")...)
		}
	})
}

func headerValue(c *Context, config *types.Config) {
	eachHeader(config, func(h *types.HTTPHeader, at where, i int) {
		if h.Value != nil && *h.Value == "" {
			c.Report("the value of the header is empty", "leave value out to remove a header that another config sets",
				at.steps("httpHeaders", i, "value")...)
		} else if h.Value != nil && strings.ContainsFunc(*h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			c.Report("the value of the header has a control character", "", at.steps("httpHeaders", i, "value")...)
		}
	})
}

// isToken reports whether a text is a token of RFC 9110, which names of headers are.
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) })
}

func eachHeader(config *types.Config, f func(h *types.HTTPHeader, at where, i int)) {
	eachResource(config, func(r *types.Resource, at where) {
		for i := range r.HTTPHeaders {
			f(&r.HTTPHeaders[i], at, i)
		}
	})
}

// proxyURL reports proxies that break the running rule.
func proxyURL(c *Context, config *types.Config) {
	p := &config.Ignition.Proxy
	for _, m := range []struct {
		name  string
		value *string
	}{{"httpProxy", p.HTTPProxy}, {"httpsProxy", p.HTTPSProxy}} {
		if m.value == nil {
			continue
		}
		u, err := url.Parse(*m.value)
		code, summary, hint := "", "", ""
		switch {
		case err != nil:
			code, summary, hint = "V130", "the proxy is not a URL", "write it as http://HOST:PORT"
		case u.Scheme != "http" && u.Scheme != "https":
			code, summary, hint = "V131", "the proxy is neither an http nor an https URL", "write it as http://HOST:PORT"
		case m.name == "httpsProxy" && u.Scheme == "http":
			code, summary, hint = "V132", "https requests go to their proxy by http", "use an https URL if the proxy has one"
		}
		if code == c.rule.ID {
			c.Report(summary, hint, "ignition", "proxy", m.name)
		}
	}
}
