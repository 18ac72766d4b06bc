// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
)

// schemes are the schemes of sources, with the first version that allows them. The order is that of messages.
var schemes = []struct {
	name  string
	since spec.Version
}{
	{"http", spec.V3_0}, {"https", spec.V3_0}, {"data", spec.V3_0}, {"tftp", spec.V3_0}, {"s3", spec.V3_0},
	{"gs", spec.V3_2}, {"arn", spec.V3_4},
}

// Schemes returns the schemes that a version allows.
func Schemes(v spec.Version) []string {
	var list []string
	for _, s := range schemes {
		if v >= s.since {
			list = append(list, s.name)
		}
	}
	return list
}

// checkSource returns the rule that a source breaks, if any. The source itself is not part of what it returns.
func checkSource(source string, v spec.Version) (code, summary, hint string) {
	if strings.HasPrefix(source, "data:") {
		if at, problem := checkDataURL(source); problem != "" {
			if at >= 0 && source[at] < ' ' {
				return "V104", "the source is not a URL: it has a control character", "write it as % and two hexadecimal digits"
			}
			return "V106", "the data URL cannot be decoded: " + problem, dataHint(problem)
		}
		return "", "", ""
	}
	u, err := url.Parse(source)
	if err != nil {
		return "V104", "the source is not a URL", "check the brackets, the escapes and the port"
	}
	if code, summary, hint = checkScheme(u.Scheme, source, v); code != "" {
		return code, summary, hint
	}
	switch u.Scheme {
	case "http", "https", "tftp":
		if problem := checkServer(u); problem != "" {
			return "V104", "the source cannot be fetched: " + problem, "write it as " + u.Scheme + "://HOST/PATH"
		}
	case "data":
		return "V106", "the scheme of a data URL is in upper case", "write it as data:"
	case "s3", "arn":
		if u.Scheme == "arn" {
			if problem := checkARN(u.Opaque); problem != "" {
				return "V108", "the arn does not name an object: " + problem,
					"write it as arn:aws:s3:::BUCKET/KEY or arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY"
			}
		}
		if ids, ok := u.Query()["versionId"]; ok && ids[0] == "" {
			return "V107", "versionId is empty", "give a version, or take ?versionId= away"
		}
	}
	return "", "", ""
}

// checkServer checks that a URL names a server to ask.
func checkServer(u *url.URL) string {
	if u.Opaque != "" || u.Hostname() == "" {
		return "it names no host"
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return "its port is not between 1 and 65535"
	}
	return ""
}

func checkScheme(scheme, source string, v spec.Version) (code, summary, hint string) {
	for _, s := range schemes {
		if s.name != scheme {
			continue
		}
		if v < s.since {
			return "V102", "sources with the scheme " + scheme + " are not known in version " + v.String(),
				"the scheme is known from version " + s.since.String() + " on"
		}
		return "", "", ""
	}
	hint = "use one of " + strings.Join(Schemes(v), ", ")
	switch {
	case scheme == "" && strings.HasPrefix(source, "/"):
		return "V102", "the source has no scheme", "a path is not a source: write the contents into a data URL, or give the URL of a server"
	case scheme == "":
		return "V102", "the source has no scheme", hint
	}
	return "V102", "the scheme " + shown(scheme) + " is not known", hint
}

// checkARN checks what follows "arn:".
func checkARN(rest string) string {
	const others = 5 // partition, service, region, account, resource
	fields := strings.SplitN(rest, ":", others)
	if len(fields) < others {
		return "it has fewer than six fields"
	}
	service, resource := fields[1], fields[4]
	switch {
	case service != "s3":
		return "its service is not s3"
	case !strings.Contains(resource, "/"):
		return "it has no key"
	case strings.HasPrefix(resource, "accesspoint/") && strings.Count(resource, "/") < 2:
		return "it has no key behind the access point"
	}
	return ""
}

// Problems of data URLs that a hint belongs to.
const (
	noComma      = "it has no comma before the data"
	badCharacter = "it has a character that must be escaped"
	badBase64    = "its base64 is broken"
)

func dataHint(problem string) string {
	switch problem {
	case noComma:
		return "write it as data:,TEXT"
	case badCharacter:
		return "write the character as % and two hexadecimal digits"
	case badBase64:
		return "the standard alphabet is needed, with = at the end"
	}
	return ""
}

// checkDataURL checks a data URL by the grammar of RFC 2397 as Ignition reads it. It returns the offset of the byte that
// is wrong, or -1, and what is wrong.
//
//	data:[type/subtype][;name=value]...[;base64],data
func checkDataURL(source string) (at int, problem string) {
	rest := source[len("data:"):]
	if i := strings.IndexByte(rest, ','); i == 0 {
		return checkPercent(rest[1:], len("data:,"))
	}
	i, problem := mediaType(rest)
	if problem != "" {
		return controlAt(source), problem
	}
	base64 := false
	for rest[i] == ';' {
		name := token(rest[i+1:])
		i += 1 + len(name)
		switch {
		case name == "base64" && i < len(rest) && rest[i] == ',':
			base64 = true
		case name == "" || i >= len(rest) || rest[i] != '=':
			return controlAt(source), "it has a broken parameter"
		default:
			n := paramValue(rest[i+1:])
			if n == 0 {
				return controlAt(source), "it has a broken parameter"
			}
			i += 1 + n
		}
		if i >= len(rest) {
			return -1, noComma
		}
	}
	if rest[i] != ',' {
		return controlAt(source), noComma
	}
	if base64 {
		return checkBase64(rest[i+1:], len("data:")+i+1)
	}
	return checkPercent(rest[i+1:], len("data:")+i+1)
}

// controlAt finds a control character, which makes a source no URL at all.
func controlAt(source string) int {
	return strings.IndexFunc(source, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// mediaType reads the type, if there is one, and returns the offset of what follows it: a semicolon or comma.
func mediaType(rest string) (int, string) {
	main := token(rest)
	if main == "" {
		if rest == "" {
			return 0, noComma
		}
		if rest[0] != ';' {
			return 0, "it begins with neither a media type nor a comma"
		}
		return 0, ""
	}
	if len(main) == len(rest) || rest[len(main)] != '/' {
		return 0, noComma
	}
	if !knownType(main) {
		return 0, "its media type is not known"
	}
	sub := token(rest[len(main)+1:])
	i := len(main) + 1 + len(sub)
	if i >= len(rest) || rest[i] != ';' && rest[i] != ',' {
		return 0, noComma
	}
	return i, ""
}

// knownType tells whether a media type begins with a type of RFC 2045, or is one of somebody's own.
func knownType(main string) bool {
	for _, t := range []string{"text", "image", "audio", "video", "application", "message", "multipart", "x-", "X-"} {
		if strings.HasPrefix(main, t) {
			return true
		}
	}
	return false
}

// token returns the token of RFC 2045 that a text begins with.
func token(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return s[:i]
		}
	}
	return s
}

// paramValue returns the length of a parameter's value, or 0 if there is none.
func paramValue(s string) int {
	if s == "" || s[0] != '"' {
		v := token(s)
		if !validEscapes(v) {
			return 0
		}
		return len(v)
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil || len(quoted) == len(`""`) || strings.IndexFunc(quoted, func(r rune) bool { return r >= 0x80 }) >= 0 {
		return 0
	}
	return len(quoted)
}

// plainData marks the bytes that stand for themselves in data without base64.
var plainData = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = !strings.ContainsRune("<>#\"{}|\\^[]`%", c)
	}
	return t
}()

// checkPercent checks data without base64; base is its offset within the source.
func checkPercent(s string, base int) (int, string) {
	for i := 0; i < len(s); i++ {
		if plainData[s[i]] {
			continue
		}
		if s[i] != '%' {
			return base + i, badCharacter
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return base + i, "it has a % without two hexadecimal digits"
		}
		i += 2
	}
	return 0, ""
}

// validEscapes tells whether every % has two hexadecimal digits.
func validEscapes(s string) bool {
	for i := range len(s) {
		if s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// base64Digit marks the standard alphabet.
var base64Digit = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = true
	}
	return t
}()

// checkBase64 checks data in base64; base is its offset within the source. As decoders do, it does not ask that
// the bits of the last digit which stand for nothing be zero.
func checkBase64(s string, base int) (int, string) {
	digits := strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(digits) {
		if !base64Digit[digits[i]] {
			return base + i, badBase64
		}
	}
	if len(s)%4 != 0 || len(digits)%4 == 1 {
		return -1, badBase64
	}
	return 0, ""
}

// SourceFlaw returns which part of a source is wrong, as offsets, for those who show it to its author. Both are 0 where all
// of it is, or nothing.
func SourceFlaw(source string, v spec.Version) (from, to int) {
	if strings.HasPrefix(source, "data:") {
		if at, problem := checkDataURL(source); problem != "" && at >= 0 && at < len(source) {
			return at, at + 1
		}
		return 0, 0
	}
	if code, _, _ := checkSource(source, v); code == "V102" {
		if scheme, _, ok := strings.Cut(source, ":"); ok {
			return 0, len(scheme)
		}
	}
	return 0, 0
}

// IsSource reports whether a text is a source that a version allows.
func IsSource(source string, v spec.Version) bool {
	code, _, _ := checkSource(source, v)
	return code == ""
}
