// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"strings"
	"unicode/utf8"
)

// A layout is how many children the objects and lists of a text have, so that the parser allocates exactly that many. It is
// right up to the first syntax error; from there on, the parser needs none.
type layout struct {
	children []int32 // of each object and list, in the order of their opening brackets
	values   int     // all of them, as far as the text was read
}

// scan finds the layout of a text. It stops where it is sure of more values than a limit, and where the text is nested too deep. An
// opening bracket counts for a child that may turn out to be missing, so that is two more.
func scan(text string, limit int) layout {
	l := layout{values: 1}
	open := make([]int32, 0, 16) // indexes of objects and lists in progress
	empty := false               // nothing follows the last opening bracket yet
	for i := 0; i < len(text) && l.values <= limit+1; i++ {
		switch c := text[i]; {
		case c == ' ', c == '\t', c == '\n', c == '\r':
		case c == '"':
			empty = false
			i = skipString(text, i+1)
		case c == '[', c == '{':
			if len(open) == MaxDepth {
				return l
			}
			empty = true
			open = append(open, int32(len(l.children)))
			l.children = append(l.children, 1)
			l.values++
		case c == ']', c == '}':
			if len(open) == 0 {
				return l
			}
			if empty {
				l.children[open[len(open)-1]] = 0
				l.values--
			}
			empty = false
			open = open[:len(open)-1]
		case c == ',':
			if len(open) == 0 {
				return l
			}
			l.children[open[len(open)-1]]++
			l.values++
		case c < ' ', c >= utf8.RuneSelf:
			return l
		default:
			empty = false
		}
	}
	return l
}

// skipString returns the offset of the quote that closes a string, or the length of the text. A quote behind an odd number of
// backslashes does not close it.
func skipString(text string, at int) int {
	for from := at; ; {
		n := strings.IndexByte(text[at:], '"')
		if n < 0 {
			return len(text)
		}
		at += n
		slashes := at
		for slashes > from && text[slashes-1] == '\\' {
			slashes--
		}
		if (at-slashes)%2 == 0 {
			return at
		}
		at++
		from = at
	}
}
