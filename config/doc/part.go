// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// part returns the offsets in a string's source text of the bytes from and to of its value.
func part(raw []byte, value string, from, to int) (start, end int, ok bool) {
	switch {
	case raw[0] == '"':
		return quotedPart(raw, value, from, to)
	case raw[0] == '|':
		return blockPart(raw, value, from, to)
	}
	return from, to, string(raw) == value
}

// quotedPart is part for a string in double quotes.
func quotedPart(raw []byte, value string, from, to int) (start, end int, ok bool) {
	if len(raw) < 2 || raw[len(raw)-1] != '"' {
		return 0, 0, false
	}
	inner := string(raw[1 : len(raw)-1])
	decoded := 0
	start, end = -1, -1
	for i := 0; ; {
		if start < 0 && decoded >= from {
			start = i + 1
		}
		if end < 0 && decoded >= to {
			end = i + 1
		}
		if i >= len(inner) {
			break
		}
		if inner[i] == '\\' && i+1 < len(inner) {
			if inner[i+1] == 'u' && len(inner) < i+6 {
				return 0, 0, false
			}
			var r rune
			r, i = unescape(inner, i+1)
			decoded += utf8.RuneLen(r)
			continue
		}
		r, size := utf8.DecodeRuneInString(inner[i:])
		i += size
		decoded += utf8.RuneLen(r)
	}
	return start, end, decoded == len(value) && start >= 0 && end >= 0
}

// blockPart is part for a literal block of YAML: each line of the value is a line of the source, indented.
func blockPart(raw []byte, value string, from, to int) (start, end int, ok bool) {
	at := bytes.IndexByte(raw, '\n') + 1 // after the line of the indicator
	lineStart := 0                       // in the value
	for line := range strings.SplitAfterSeq(value, "\n") {
		if at <= 0 || at > len(raw) {
			return 0, 0, false
		}
		source := raw[at:]
		if n := bytes.IndexByte(source, '\n'); n >= 0 {
			source = source[:n]
		}
		text := strings.TrimSuffix(line, "\n")
		if from < lineStart+len(line) || from == lineStart+len(line) && !strings.HasSuffix(line, "\n") {
			indent := len(source) - len(text)
			if indent < 0 || !bytes.HasSuffix(source, []byte(text)) {
				return 0, 0, false
			}
			end := min(to-lineStart, len(text))
			return at + indent + from - lineStart, at + indent + max(end, from-lineStart), true
		}
		at += len(source) + 1
		lineStart += len(line)
	}
	return 0, 0, false
}
