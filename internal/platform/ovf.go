// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// ovfNamespace is the XML namespace of OVF environments (DMTF DSP0243, section 11).
const ovfNamespace = "http://schemas.dmtf.org/ovf/environment/1"

// errXML is the error for an environment that is not well-formed. It shows no part of the text, which may hold passwords.
var errXML = errors.New("it is not well-formed XML")

// An ovfProperty is one property of an OVF environment, with the position of its element.
type ovfProperty struct {
	key, value string
	from, to   int
	exact      bool // element, section and key are in the namespace of the standard
}

// A name is an XML name with its prefix resolved.
type name struct{ space, local string }

// An element is an open XML element.
type element struct {
	name
	raw      string            // as written, to match the end tag
	prefixes map[string]string // declared here or around it
	property int               // its index among the properties, or -1
}

// ovfProperties reads the properties of an environment by their local names, in any namespace. It reads only this format:
// the XML package of the standard library would take a fifth of the size that all platforms may add to the engine.
func ovfProperties(text string) ([]ovfProperty, error) {
	var list []ovfProperty
	var open []element
	for at := 0; ; {
		next := strings.IndexByte(text[at:], '<')
		if next < 0 {
			break
		}
		at += next
		end, err := markupEnd(text, at)
		if err != nil {
			return nil, err
		}
		tag := text[at:end]
		switch {
		case tag[1] == '?' || tag[1] == '!':
		case tag[1] == '/':
			if len(open) == 0 || strings.TrimSpace(tag[2:len(tag)-1]) != open[len(open)-1].raw {
				return nil, errXML
			}
			list = closed(list, open[len(open)-1], end)
			open = open[:len(open)-1]
		default:
			e, p, err := readTag(tag, open)
			if err != nil {
				return nil, err
			}
			if e.property = -1; e.local == "Property" && len(open) > 0 && open[len(open)-1].local == "PropertySection" {
				p.from, p.exact = at, p.exact && e.space == ovfNamespace && open[len(open)-1].space == ovfNamespace
				e.property = len(list)
				list = append(list, p)
			}
			if strings.HasSuffix(tag, "/>") {
				list = closed(list, e, end)
			} else {
				open = append(open, e)
			}
		}
		at = end
	}
	if len(open) > 0 {
		return nil, errXML
	}
	return list, nil
}

// closed records where a property ends.
func closed(list []ovfProperty, e element, end int) []ovfProperty {
	if e.property >= 0 {
		list[e.property].to = end
	}
	return list
}

// markupEnd returns the end of the markup that begins at a position.
func markupEnd(text string, at int) (int, error) {
	for _, kind := range []struct{ start, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if strings.HasPrefix(text[at:], kind.start) {
			n := strings.Index(text[at+len(kind.start):], kind.end)
			if n < 0 {
				return 0, errXML
			}
			return at + len(kind.start) + n + len(kind.end), nil
		}
	}
	quote := byte(0)
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>' && i > at+1:
			return i + 1, nil
		}
	}
	return 0, errXML
}

// readTag reads a start tag and returns the element. If it is a property, it returns the property that its attributes
// describe.
func readTag(tag string, open []element) (element, ovfProperty, error) {
	inner := strings.TrimSuffix(strings.TrimSuffix(tag[1:], ">"), "/")
	raw, rest := cutName(inner)
	e := element{raw: raw, prefixes: map[string]string{}}
	if len(open) > 0 {
		e.prefixes = open[len(open)-1].prefixes
	}
	var p ovfProperty
	var attributes [][2]string
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		key, after, found := strings.Cut(rest, "=")
		after = strings.TrimSpace(after)
		if !found || after == "" || after[0] != '"' && after[0] != '\'' {
			return e, p, errXML
		}
		n := strings.IndexByte(after[1:], after[0])
		if n < 0 {
			return e, p, errXML
		}
		attributes = append(attributes, [2]string{strings.TrimSpace(key), unescapeXML(after[1 : 1+n])})
		rest = after[n+2:]
	}
	e.prefixes = declare(e.prefixes, attributes)
	e.name = resolve(raw, e.prefixes, true)
	for _, a := range attributes {
		switch n := resolve(a[0], e.prefixes, false); n.local {
		case "key":
			p.key, p.exact = a[1], n.space == ovfNamespace
		case "value":
			p.value = a[1]
		}
	}
	return e, p, nil
}

// declare adds the namespaces that attributes declare.
func declare(prefixes map[string]string, attributes [][2]string) map[string]string {
	var own map[string]string
	for _, a := range attributes {
		prefix, declares := strings.CutPrefix(a[0], "xmlns")
		if !declares || prefix != "" && prefix[0] != ':' {
			continue
		}
		if own == nil {
			own = map[string]string{}
			for k, v := range prefixes {
				own[k] = v
			}
		}
		own[strings.TrimPrefix(prefix, ":")] = a[1]
	}
	if own == nil {
		return prefixes
	}
	return own
}

// resolve returns a name with its namespace. Only elements are in the default namespace (Namespaces in XML, section 6.2).
func resolve(raw string, prefixes map[string]string, isElement bool) name {
	prefix, local, found := strings.Cut(raw, ":")
	switch {
	case found:
		return name{prefixes[prefix], local}
	case isElement:
		return name{prefixes[""], raw}
	}
	return name{"", raw}
}

func cutName(text string) (first, rest string) {
	if i := strings.IndexAny(text, " \t\r\n"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// unescapeXML replaces the references of an attribute's value.
func unescapeXML(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		reference, rest, ended := strings.Cut(after, ";")
		if !ended {
			b.WriteString("&" + after)
			return b.String()
		}
		text = rest
		digits, numeric := strings.CutPrefix(reference, "#")
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		if r, err := strconv.ParseUint(digits, base, 21); numeric && err == nil {
			b.WriteRune(rune(r))
			continue
		}
		switch reference {
		case "amp":
			b.WriteByte('&')
		case "lt":
			b.WriteByte('<')
		case "gt":
			b.WriteByte('>')
		case "quot":
			b.WriteByte('"')
		case "apos":
			b.WriteByte('\'')
		default:
			b.WriteString("&" + reference + ";")
		}
	}
}

// withoutProperties returns an environment without the properties that hold a config. The rest stays byte for byte the same.
func withoutProperties(text string) (string, error) {
	list, err := ovfProperties(text)
	if err != nil {
		return "", err
	}
	for _, p := range slices.Backward(list) {
		if p.exact && (p.key == "guestinfo."+vmwareData || p.key == "guestinfo."+vmwareEncoding) {
			text = text[:p.from] + text[p.to:]
		}
	}
	return text, nil
}
