// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/dataurl"
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
		if at, problem := dataurl.Check(source); problem != "" {
			if at >= 0 && source[at] < ' ' {
				hint := "write it as % and two hexadecimal digits"
				if strings.Contains(source[:at], ";base64,") {
					hint = "remove it: base64 -w0 FILE prints base64 without line breaks"
				}
				return "V104", "the source is not a URL: it has a control character", hint
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
			return "V107", "versionId is empty", "give a version, or remove ?versionId="
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
				laterVersion(s.since)
		}
		return "", "", ""
	}
	hint = "use one of " + strings.Join(Schemes(v), ", ")
	switch {
	case scheme == "" && strings.HasPrefix(source, "/"):
		return "V102", "the source has no scheme", "a path is not a source: write the contents into a data URL, or give the URL of a server"
	case scheme == "" || !strings.HasPrefix(source[len(scheme):], "://"): // the text before another colon may be a user's name
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
		return "it has no key after the access point"
	}
	return ""
}

func dataHint(problem string) string {
	switch problem {
	case dataurl.NoComma:
		return "write it as data:,TEXT"
	case dataurl.BadCharacter:
		return "write the character as % and two hexadecimal digits"
	case dataurl.BadBase64:
		return "add = at the end until the number of characters is a multiple of four; base64 -w0 FILE prints it so"
	case dataurl.BadType:
		return "write it as data:,TEXT or data:;base64,DATA"
	}
	return ""
}

// SourceFlaw returns the offsets of the wrong part of a source, for programs that show it to its author. Both are 0 if all
// of the source is wrong, or nothing.
func SourceFlaw(source string, v spec.Version) (from, to int) {
	if strings.HasPrefix(source, "data:") {
		if at, problem := dataurl.Check(source); problem != "" && at >= 0 && at < len(source) {
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

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
