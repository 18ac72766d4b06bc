// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"bytes"
	"strings"
)

// An extent is a range of bytes.
type extent struct{ from, to int }

// secretKind says how much of a member's value is masked.
type secretKind int

const (
	wholeValue secretKind = iota + 1
	urlValue              // what follows the comma of a data URL; user, password and query of others
	headerList            // names and values of request headers below it
	unitText              // a text that is not a unit: contents in the wrong place
)

// secretMembers are the members whose values are not shown, in lower case and without underscores: those of configs,
// of the YAML form and of cloud-config, and settings of units.
var secretMembers = map[string]secretKind{
	"passwordhash": wholeValue, "inline": wholeValue, "value": wholeValue, "config": wholeValue, "content": wholeValue,
	"passwd": wholeValue, "password": wholeValue, "plaintextpasswd": wholeValue, "hashedpasswd": wholeValue, "passphrase": wholeValue,
	"source": urlValue, "url": urlValue, "httpproxy": urlValue, "httpsproxy": urlValue,
	"httpheaders": headerList, "contents": unitText, "keyfile": unitText, "thumbprint": wholeValue, "advertisement": wholeValue,
}

// secretSettings are the settings of units whose values are not shown.
var secretSettings = map[string]bool{"environment": true, "setcredential": true, "setcredentialencrypted": true}

// secrets finds the values of a document that must not be shown. It looks only at words, so it works on documents with syntax
// errors; in doubt it masks too much.
func secrets(text []byte) []extent {
	if !bytes.ContainsAny(text, "{:=[") {
		return []extent{{0, len(text)}} // there are no members, so this may be anything
	}
	m := masker{text: text}
	for i := 0; i < len(text); {
		if !wordByte(text[i]) {
			if i++; text[i-1] == '\n' {
				m.line = i
			}
			continue
		}
		end := i
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		if i > 0 && text[i-1] == '\\' {
			i++ // the letter of an escape
		}
		m.word(i, end)
		if i = end; len(m.list) > 0 && m.list[len(m.list)-1].to > i {
			i = m.list[len(m.list)-1].to // what is masked is skipped
			if n := bytes.LastIndexByte(text[end:i], '\n'); n >= 0 {
				m.line = end + n + 1
			}
		}
	}
	return m.list
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

type masker struct {
	text    []byte
	line    int // where the present line starts
	headers int // up to here members are those of request headers
	list    []extent
}

// word masks the value that follows a word, if it is that of a secret member.
func (m *masker) word(from, to int) {
	const longest = 32
	if to-from > longest {
		return
	}
	if bytes.Equal(m.text[from:to], []byte("BEGIN")) {
		m.privateKey(to)
		return
	}
	name := strings.ToLower(strings.ReplaceAll(string(m.text[from:to]), "_", ""))
	if secretSettings[name] && to < len(m.text) && m.text[to] == '=' {
		m.add(to+1, m.settingEnd(to+1))
		return
	}
	kind := secretMembers[name]
	if name == "name" && from < m.headers {
		kind = wholeValue
	}
	if kind == 0 {
		return
	}
	at, column, ok := m.valueOf(from, to)
	switch {
	case !ok:
	case kind == headerList && from < m.headers:
	case kind == headerList:
		m.headers = max(m.headers, m.containerEnd(at, column))
		if at < len(m.text) && m.text[at] == '{' {
			m.add(at+1, m.headers)
		}
	case at < len(m.text) && (m.text[at] == '{' || m.text[at] == '['):
		if kind != unitText && name != "config" && name != "passwd" { // of the wrong type; $.ignition.config, $.passwd and contents are objects
			m.add(at+1, m.containerEnd(at, column))
		}
	case kind == unitText && !m.unlikeUnit(at):
	case at < len(m.text) && column == inJSON && m.text[at] != '"' && m.text[at] != '\'':
		m.scalar(at)
	default:
		m.value(at, column, kind)
	}
}

// privateKey masks a private key in PEM, whatever member it stands in; at is behind BEGIN.
func (m *masker) privateKey(at int) {
	const longest = 40 // of the kind of key
	kind, _, found := bytes.Cut(m.text[at:min(len(m.text), at+longest)], []byte("PRIVATE KEY-----"))
	if !found || bytes.IndexByte(kind, '\n') >= 0 {
		return
	}
	from := at + len(kind) + len("PRIVATE KEY-----")
	to := bytes.Index(m.text[from:], []byte("-----END"))
	if to < 0 {
		to = len(m.text) - from
	}
	m.add(from, from+to)
}

func (m *masker) add(from, to int) {
	if from < to {
		m.list = append(m.list, extent{from, to})
	}
}

// inJSON is the column of a name that is in quotes: indentation means nothing there.
const inJSON = 1 << 30

// scalar masks a JSON number, true, false or null.
func (m *masker) scalar(at int) {
	end := at
	for end < len(m.text) && bytes.IndexByte([]byte(",{}[]\n"), m.text[end]) < 0 {
		end++
	}
	m.add(at, end)
}

// valueOf returns where the value of a member starts, and the column of the member's name.
func (m *masker) valueOf(from, to int) (at, column int, ok bool) {
	quoted := to < len(m.text) && (m.text[to] == '"' || m.text[to] == '\'')
	column = from - m.line
	if quoted {
		to++
		column = inJSON
	}
	at = m.skip(to, quoted)
	switch {
	case at < len(m.text) && m.text[at] == ':':
		return m.skip(at+1, quoted), column, true
	case quoted && at < len(m.text) && m.text[at] == '"': // the colon is missing
		return at, column, true
	}
	return 0, 0, false
}

// unlikeUnit reports whether a text in one line has nothing of a unit: neither a section nor a setting.
func (m *masker) unlikeUnit(at int) bool {
	if at >= len(m.text) || strings.IndexByte("\r\n|>{[", m.text[at]) >= 0 {
		return false
	}
	end := lineEnd(m.text, at)
	if c := m.text[at]; c == '"' || c == '\'' {
		end = m.stringEnd(at+1, c)
	}
	return !bytes.ContainsAny(m.text[at:end], "[=")
}

// skip skips white space; lines too, if the text is JSON.
func (m *masker) skip(at int, lines bool) int {
	for at < len(m.text) && (m.text[at] == ' ' || m.text[at] == '\t' || lines && (m.text[at] == '\n' || m.text[at] == '\r')) {
		at++
	}
	return at
}

// value masks one value. In YAML it may go on in lines that are deeper than the column of its name.
func (m *masker) value(at, column int, kind secretKind) {
	for at < len(m.text) && (m.text[at] == '&' || m.text[at] == '!') { // an anchor or a tag, or a text that somebody forgot to quote
		from := at
		for at < len(m.text) && m.text[at] > ' ' {
			at++
		}
		if !bytes.HasPrefix(m.text[from:at], []byte("!!")) {
			m.add(from+1, at)
		}
		at = m.skip(at, false)
	}
	if at >= len(m.text) {
		return
	}
	switch c := m.text[at]; c {
	case '{', '[':
	case '"', '\'':
		m.part(at+1, m.stringEnd(at+1, c), kind)
	case '|', '>':
		m.add(lineEnd(m.text, at), m.blockEnd(at, column))
	case '\n', '\r':
		next := m.skip(at, true)
		if !isContainer(m.text[next:]) {
			m.add(next, m.blockEnd(at, column))
		}
	default:
		end := lineEnd(m.text, at)
		if kind == urlValue {
			m.part(at, end, kind)
			at = end
		}
		m.add(at, max(end, m.blockEnd(at, column)))
	}
}

// isContainer reports whether lines of YAML are those of a mapping or list.
func isContainer(text []byte) bool {
	line := strings.TrimSpace(string(text[:lineEnd(text, 0)]))
	return line == "" || strings.HasPrefix(line, "- ") || line == "-" || strings.HasSuffix(line, ":") || strings.Contains(line, ": ")
}

// stringEnd returns where a string ends: at its quote, or at the end of the text.
func (m *masker) stringEnd(at int, quote byte) int {
	for ; at < len(m.text) && m.text[at] != quote; at++ {
		if m.text[at] == '\\' && quote == '"' {
			at++
		}
	}
	return min(at, len(m.text))
}

// settingEnd returns where the value of a unit's setting ends: at the end of the line, which in JSON is an escape, or at the
// end of the string.
func (m *masker) settingEnd(at int) int {
	literal := at < len(m.text) && m.text[at] == '"'
	for ; at < len(m.text) && m.text[at] != '\n'; at++ {
		switch {
		case literal:
		case m.text[at] == '"':
			return at
		case m.text[at] == '\\' && at+1 < len(m.text):
			if at++; m.text[at] == 'n' {
				return at - 1
			}
		}
	}
	return at
}

// blockEnd returns where a block of YAML ends: before the next line that is not deeper than a column.
func (m *masker) blockEnd(at, column int) int {
	end := lineEnd(m.text, at)
	for next := end; next < len(m.text); {
		next++
		lineStart := next
		next = lineEnd(m.text, lineStart)
		line := m.text[lineStart:next]
		blank := len(bytes.TrimSpace(line)) == 0
		if depth := len(line) - len(bytes.TrimLeft(line, " ")); !blank && depth <= column {
			break
		}
		if !blank {
			end = next
		}
	}
	return end
}

// containerEnd returns where a list ends: at its bracket, or in YAML where lines are less deep than its name.
func (m *masker) containerEnd(at, column int) int {
	if at < len(m.text) && (m.text[at] == '[' || m.text[at] == '{') {
		depth := 0
		for ; at < len(m.text); at++ {
			switch m.text[at] {
			case '"':
				at = m.stringEnd(at+1, '"')
			case '[', '{':
				depth++
			case ']', '}':
				if depth--; depth == 0 {
					return at
				}
			}
		}
		return len(m.text) // an open string may have led beyond
	}
	return m.blockEnd(at, column-1) // items of a list may stand in the column of its name
}

// part masks the secret part of a string.
func (m *masker) part(from, to int, kind secretKind) {
	if kind == urlValue {
		list := secretsOfURL(string(m.text[from:to]))
		if start := bytes.Index(m.text[from:to], []byte("://")); to == len(m.text) && start >= 0 && len(list) == 0 {
			list = []extent{{start + len("://"), to - from}} // cut off, maybe within the password
		}
		for _, e := range list {
			m.add(from+e.from, from+e.to)
		}
		return
	}
	m.add(from, to)
}

// secretsOfURL finds the secret parts of a source. A text that does not look like a URL may be contents in the wrong place.
func secretsOfURL(s string) []extent {
	scheme, rest, _ := strings.Cut(s, ":")
	all := []extent{{0, len(s)}}
	switch strings.ToLower(scheme) {
	case "data":
		const longestType = 100
		if comma := strings.IndexByte(s, ','); comma >= 0 && comma < longestType {
			return []extent{{comma + 1, len(s)}}
		}
		return []extent{{len("data:"), len(s)}}
	case "http", "https", "tftp", "s3", "gs", "arn", "ftp", "file":
	default:
		if strings.HasPrefix(s, "/") && !strings.ContainsAny(s, " \\") {
			return nil
		}
		return all
	}
	var list []extent
	start := len(scheme) + 1
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		begin := start + len(rest) - len(strings.TrimLeft(rest, "/"))
		list = append(list, extent{begin, start + at})
	}
	if query := strings.IndexAny(s, "?#"); query >= 0 {
		list = append(list, extent{query + 1, len(s)})
	}
	return list
}

// lineEnd returns the end of the line in which an offset is.
func lineEnd(text []byte, at int) int {
	if n := bytes.IndexByte(text[min(at, len(text)):], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}
