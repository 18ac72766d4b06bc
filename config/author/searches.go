// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"strings"
)

// unknownAlias finds the alias that the message names.
func unknownAlias(text []byte, _ int, problem string) (int, int) {
	_, rest, _ := strings.Cut(problem, "'")
	name, _, _ := strings.Cut(rest, "'")
	alias := []byte("*" + name)
	for at := 0; name != ""; {
		i := bytes.Index(text[at:], alias)
		if i < 0 {
			break
		}
		if at += i + len(alias); at == len(text) || !wordByte(text[at]) {
			return at - len(alias), len(alias)
		}
	}
	return -1, 0
}

func wordByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// tabBelow finds a tab in the indentation of the line or of one of the next.
func tabBelow(text []byte, from int, _ string) (int, int) {
	const most = 3
	for range most {
		line, at := lineAt(text, from)
		if i, n := tabIndent(line); i >= 0 {
			return at + i, n
		}
		if from = at + len(line) + 1; from >= len(text) {
			break
		}
	}
	return -1, 0
}

// looseBlock finds the first line of a block of text that is not deeper than its key.
func looseBlock(text []byte, from int, _ string) (int, int) {
	const most = 50
	for range most {
		above := previous(text, from)
		if from == 0 {
			break
		}
		if i := bytes.LastIndexAny(above.text, "|>"); i > 0 && len(bytes.Trim(above.text[i+1:], "+-0123456789 ")) == 0 &&
			bytes.HasSuffix(bytes.TrimRight(above.text[:i], " "), []byte(":")) {
			line, _ := lineAt(text, from)
			if indentOf(line) > indentOf(above.text) {
				break
			}
			return from + indentOf(line), len(line) - indentOf(line)
		}
		from = above.from
	}
	return -1, 0
}

// besideMembers finds a line after a list item that is deeper than its dash, and not where its first member is.
func besideMembers(text []byte, from int, _ string) (int, int) {
	line, at := lineAt(text, from)
	above := previous(text, from)
	depth, dash := indentOf(line), indentOf(above.text)
	isItem := bytes.HasPrefix(above.text[min(dash, len(above.text)):], []byte("- "))
	if !isItem || depth == len(line) || line[depth] == '-' || depth <= dash {
		return -1, 0
	}
	if member := dash + 1 + indentOf(above.text[dash+1:]); depth == member {
		return -1, 0
	}
	return at + depth, len(line) - depth
}

func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// bareAlias finds a value that begins with a star or ampersand but is neither alias nor anchor.
func bareAlias(line []byte) (int, int) {
	for i := 1; i < len(line); i++ {
		if (line[i] == '*' || line[i] == '&') && strings.IndexByte(" [{,", line[i-1]) >= 0 && (i+1 == len(line) || !wordByte(line[i+1])) {
			return i, 1
		}
	}
	return -1, 0
}

// badEscape finds an escape that YAML does not have.
func badEscape(line []byte) (int, int) {
	for i := 0; i+1 < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		if i++; strings.IndexByte("0abt\tnvfre \"'/\\N_LPxuU", line[i]) < 0 {
			return i - 1, 2
		}
	}
	return -1, 0
}

// behindQuote finds text after a value in quotes.
func behindQuote(line []byte) (int, int) {
	for i := 1; i < len(line); i++ {
		if (line[i] != '"' && line[i] != '\'') || line[i-1] != ' ' {
			continue
		}
		end := i + quoted(line[i:])
		if rest := bytes.TrimLeft(line[end:], " "); len(rest) > 0 && strings.IndexByte("#:,]}", rest[0]) < 0 {
			return len(line) - len(rest), len(rest)
		}
		i = end
	}
	return -1, 0
}
