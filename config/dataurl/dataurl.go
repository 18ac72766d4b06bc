// SPDX-License-Identifier: Apache-2.0

// Package dataurl reads data URLs by the grammar of RFC 2397 as Ignition has it:
//
//	data:[type/subtype][;name=value]...[;base64],payload
package dataurl

import (
	"encoding/base64"
	"strconv"
	"strings"
)

const scheme = "data:"

// Problems for which callers have a hint.
const (
	NoComma      = "it has no comma before the data"
	BadCharacter = "it has a character that must be escaped"
	BadBase64    = "its base64 is broken"
	BadType      = "what precedes the data is not a media type"

	brokenParameter = "it has a broken parameter"
)

// Check checks a data URL. It returns the offset of the wrong byte, or -1, and the problem, which is empty if there is none.
func Check(source string) (at int, problem string) {
	from, packed, problem := payload(source)
	switch {
	case problem != "":
		return controlAt(source), problem
	case packed:
		return checkBase64(source[from:], from)
	}
	return checkPercent(source[from:], from)
}

// Decode returns the payload of a data URL; ok is false if Check finds a problem.
func Decode(source string) (data []byte, ok bool) {
	if _, problem := Check(source); problem != "" {
		return nil, false
	}
	from, packed, _ := payload(source)
	if packed {
		data, err := base64.StdEncoding.DecodeString(source[from:])
		return data, err == nil
	}
	data = make([]byte, 0, len(source)-from)
	for rest := source[from:]; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return append(data, rest...), true
		}
		data = append(append(data, rest[:i]...), hexDigit(rest[i+1])<<4|hexDigit(rest[i+2]))
		rest = rest[i+3:]
	}
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// payload returns where the payload begins, and whether it is base64.
func payload(source string) (from int, packed bool, problem string) {
	rest, ok := strings.CutPrefix(source, scheme)
	if !ok {
		return 0, false, NoComma
	}
	if strings.HasPrefix(rest, ",") {
		return len(scheme) + 1, false, ""
	}
	i, problem := mediaType(rest)
	if problem != "" {
		return 0, false, problem
	}
	for rest[i] == ';' {
		name := token(rest[i+1:])
		i += 1 + len(name)
		switch {
		case name == "base64" && i < len(rest) && rest[i] == ',':
			packed = true
		case name == "" || i >= len(rest) || rest[i] != '=':
			return 0, false, brokenParameter
		default:
			n := paramValue(rest[i+1:])
			if n == 0 {
				return 0, false, brokenParameter
			}
			i += 1 + n
		}
		if i >= len(rest) {
			return 0, false, NoComma
		}
	}
	if rest[i] != ',' {
		return 0, false, NoComma
	}
	return len(scheme) + i + 1, packed, ""
}

// controlAt finds a control character, which no URL may contain.
func controlAt(source string) int {
	return strings.IndexFunc(source, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// mediaType reads the type, if there is one, and returns the offset of what follows it: a semicolon or comma.
func mediaType(rest string) (int, string) {
	main := token(rest)
	if main == "" {
		if rest == "" {
			return 0, NoComma
		}
		if rest[0] != ';' {
			return 0, "it begins with neither a media type nor a comma"
		}
		return 0, ""
	}
	if len(main) == len(rest) || rest[len(main)] != '/' && rest[len(main)] != ',' && rest[len(main)] != ';' {
		return 0, NoComma
	}
	if rest[len(main)] != '/' {
		return 0, BadType
	}
	if !knownType(main) {
		return 0, "its media type is not known"
	}
	sub := token(rest[len(main)+1:])
	i := len(main) + 1 + len(sub)
	if i >= len(rest) || rest[i] != ';' && rest[i] != ',' {
		return 0, NoComma
	}
	return i, ""
}

// knownType reports whether a media type begins with a type of RFC 2045, or is a private one.
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
			return base + i, BadCharacter
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return base + i, "it has a % without two hexadecimal digits"
		}
		i += 2
	}
	return 0, ""
}

// validEscapes reports whether every % has two hexadecimal digits.
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

// checkBase64 checks data in base64; base is its offset within the source. Like decoders, it accepts
// any value in the unused bits of the last digit.
func checkBase64(s string, base int) (int, string) {
	digits := strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(digits) {
		if !base64Digit[digits[i]] {
			return base + i, BadBase64
		}
	}
	if len(s)%4 != 0 || len(digits)%4 == 1 {
		return -1, BadBase64
	}
	return 0, ""
}
