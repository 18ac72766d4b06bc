// SPDX-License-Identifier: Apache-2.0

// Package sniff recognizes what people hand over as user data instead of a config, and says what to do about it.
//
// It judges texts that were already found not to be a config, and never turns one into a config: a wrong guess costs a
// misleading message, nothing else. It shows no more of a text than the name of an interpreter, the title of a page, or the
// code of an error.
package sniff

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Foreign is a text that is not a config.
type Foreign struct {
	What   string // with its article: "a shell script (/bin/bash)"
	Do     string // an imperative
	Inside bool   // it may contain a config, or be one in another form
}

// Summary is the finding in one sentence.
func (f Foreign) Summary() string {
	if f.Inside {
		return "this is " + f.What + ", which cannot be read as it is"
	}
	return "this is " + f.What + ", not an Ignition config"
}

// Options say what the caller takes for a config.
type Options struct {
	YAML bool // Butane YAML is a config, so it is not named as something else
}

// Identify names a text that is not a config; ok is false if it recognizes nothing that people hand over by mistake.
func Identify(text []byte, o Options) (f Foreign, ok bool) {
	for _, kind := range []func([]byte, Options) (Foreign, bool){
		archive, encoding, page, cloudInit, script, mime, address, yaml, encoded,
	} {
		if f, ok := kind(text, o); ok {
			return f, true
		}
	}
	return Foreign{}, false
}

// encoding knows texts that are not UTF-8, or have more than text.
func encoding(text []byte, _ Options) (Foreign, bool) {
	const save = "save it as UTF-8 without a byte-order mark"
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return Foreign{"text that begins with a byte-order mark", save, true}, true
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")),
		len(text) >= 4 && (text[0] == 0) != (text[1] == 0) && (text[2] == 0) != (text[3] == 0):
		return Foreign{"UTF-16 text", save, true}, true
	case len(text) > 0 && text[len(text)-1] == 0:
		if len(bytes.Trim(text, "\x00")) == 0 {
			return Foreign{"nothing but NUL bytes", "write the config to the place, or leave the place empty", false}, true
		}
		return Foreign{"text with NUL bytes after it", "write it without padding; truncate -s removes it from a file", true}, true
	}
	return Foreign{}, false
}

// archive knows compressed data.
func archive(text []byte, _ Options) (Foreign, bool) {
	for _, a := range []struct{ magic, what string }{
		{"\x1f\x8b", "gzip data"}, {"\x28\xb5\x2f\xfd", "zstd data"}, {"\xfd7zXZ\x00", "xz data"}, {"BZh", "bzip2 data"},
		{"PK\x03\x04", "a zip archive"}, {"\x7fELF", "a program"},
	} {
		if bytes.HasPrefix(text, []byte(a.magic)) {
			return Foreign{a.what, "hand it over as it is, or compressed once with gzip", a.what != "a program"}, true
		}
	}
	return Foreign{}, false
}

// page knows what web servers answer with instead of a config.
func page(text []byte, _ Options) (Foreign, bool) {
	start := strings.ToLower(string(bytes.TrimSpace(head(text, 4096))))
	switch {
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"), strings.HasPrefix(start, "<head"):
		what := "a web page"
		if title := between(text, "<title", "</title>"); title != "" {
			what += " titled \"" + title + "\""
		}
		return Foreign{what, "check the URL: a portal, a login page or a proxy may have answered in place of the server", false}, true
	case strings.HasPrefix(start, "<?xml"), strings.HasPrefix(start, "<error"):
		if code := between(text, "<code", "</code>"); code != "" {
			return Foreign{"an XML error of a cloud, with code " + code, "check the URL, and that the machine may read the object", false}, true
		}
		return Foreign{"an XML document", "check the URL", false}, true
	}
	return Foreign{}, false
}

// between returns the text between a tag, in whatever letter case, and its end, made fit to print.
func between(text []byte, tag, end string) string {
	const most = 1 << 16
	raw := string(head(text, most))
	lower := strings.ToLower(raw)
	if len(lower) != len(raw) {
		return "" // letters whose other case is longer: the positions would not fit
	}
	from := strings.Index(lower, tag)
	if from < 0 {
		return ""
	}
	open := strings.IndexByte(lower[from:], '>')
	if open < 0 {
		return ""
	}
	from += open + 1
	to := strings.Index(lower[from:], end)
	if to < 0 {
		return ""
	}
	return printable(raw[from : from+to])
}

// printable returns a text on one line, without characters that a terminal would act on, and not too long.
func printable(text string) string {
	const most = 60
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

func head(text []byte, n int) []byte { return text[:min(n, len(text))] }

// firstLine returns the first line, without the space at its end.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(head(text, 4096), []byte("\n"))
	return strings.TrimRight(string(line), " \t\r")
}

// cloudInit knows the formats of cloud-init by their first line
// (https://docs.cloud-init.io/en/latest/explanation/format.html).
func cloudInit(text []byte, _ Options) (Foreign, bool) {
	const other = "write an Ignition config that does the same; cloud-init does not run in this boot"
	line := firstLine(text)
	switch {
	case strings.HasPrefix(line, "## template:"):
		return Foreign{"a template for cloud-init (" + printable(strings.TrimSpace(line[len("## template:"):])) + ")", other, false}, true
	case strings.HasPrefix(line, "#cloud-config-archive"):
		return Foreign{"a cloud-config archive for cloud-init", other, false}, true
	case strings.HasPrefix(line, "#cloud-config"):
		rest := bytes.TrimSpace(text[min(len(text), len(line)):])
		if bytes.HasPrefix(rest, []byte("{")) && bytes.Contains(head(rest, 4096), []byte(`"ignition"`)) {
			return Foreign{"an Ignition config after a line for cloud-init", "remove the line #cloud-config", true}, true
		}
		return Foreign{"a cloud-config for cloud-init", `translate it with "firstlight convert", which lists what it leaves out; cloud-init does not run in this boot`, false}, true
	}
	for _, k := range []string{"#cloud-boothook", "#include", "#part-handler", "#upstart-job"} {
		if strings.HasPrefix(line, k) {
			return Foreign{"user data for cloud-init (" + k + ")", other, false}, true
		}
	}
	return Foreign{}, false
}

// script knows programs by the line that names their interpreter.
func script(text []byte, _ Options) (Foreign, bool) {
	program, found := strings.CutPrefix(firstLine(text), "#!")
	if !found {
		return Foreign{}, false
	}
	what := "a script"
	if words := strings.Fields(program); len(words) > 0 {
		if name := words[0]; strings.HasSuffix(name, "sh") {
			what = "a shell script"
		}
		what += " (" + printable(words[0]) + ")"
	}
	return Foreign{what, "put the script into storage.files of a config, and add a systemd unit that runs it", false}, true
}

// mime knows messages with several parts, as cloud-init takes them.
func mime(text []byte, _ Options) (Foreign, bool) {
	for line := range strings.Lines(string(head(text, 4096))) {
		name, value, found := strings.Cut(strings.ToLower(line), ":")
		if !found || strings.ContainsAny(name, " \t\"{#") {
			return Foreign{}, false
		}
		if name == "mime-version" || name == "content-type" && strings.Contains(value, "multipart/") {
			return Foreign{"a MIME message with several parts for cloud-init", "hand over the config as it is, as the only user data", false}, true
		}
	}
	return Foreign{}, false
}

// address recognizes a text that is a URL, given instead of the config that the URL leads to.
func address(text []byte, _ Options) (Foreign, bool) {
	line := string(bytes.TrimSpace(head(text, 4096)))
	for _, scheme := range []string{"http://", "https://", "s3://", "gs://", "data:"} {
		if strings.HasPrefix(line, scheme) && len(text) < 4096 && !strings.ContainsAny(line, " \n{") {
			return Foreign{"a URL", `name it in a config: {"ignition":{"version":"3.4.0","config":{"replace":{"source":"URL"}}}}`, false}, true
		}
	}
	return Foreign{}, false
}

// yaml knows mappings in YAML: Butane's have a variant.
func yaml(text []byte, o Options) (Foreign, bool) {
	variant, mapping := "", false
	for line := range strings.Lines(string(head(text, 1<<16))) {
		if line[0] == ' ' || line[0] == '\t' || line[0] == '-' || strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		key, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !found || strings.ContainsAny(key, "{}[]\"'<>() ") || value != "" && value[0] != ' ' {
			break
		}
		mapping = true
		if key == "variant" {
			variant = printable(strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
	switch {
	case !mapping || variant != "" && o.YAML:
		return Foreign{}, false
	case variant != "":
		return Foreign{"Butane YAML (variant " + variant + ")", "translate it first: butane config.bu >config.ign", false}, true
	}
	return Foreign{"YAML without a variant", "begin it with variant: and version: if it is meant to be Butane YAML, such as variant: fcos, version: 1.5.0", false}, true
}

// encoded recognizes base64 by the data that it encodes.
func encoded(text []byte, o Options) (Foreign, bool) {
	clean := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, string(text))
	if len(clean) < 8 {
		return Foreign{}, false
	}
	inner, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(clean, "="))
	if err != nil {
		return Foreign{}, false
	}
	const do = "decode it first, as with base64 -d"
	if bytes.HasPrefix(bytes.TrimSpace(inner), []byte("{")) {
		return Foreign{"a config in base64", do, true}, true
	}
	if f, ok := Identify(inner, Options{}); ok {
		return Foreign{f.What + " in base64", do, f.Inside}, true
	}
	return Foreign{}, false
}

// Old recognizes configs of versions before 3.0.0, by the version that they state or by a member that only version 1
// has.
func Old(version string, members []string) (Foreign, bool) {
	switch {
	case version == "" && slices.Contains(members, "ignitionVersion"):
		return Foreign{"a config of version 1", "write a 3.x config: version 1 has another form, and nothing converts it", false}, true
	case strings.HasPrefix(version, "2."):
		return Foreign{"a config of version 2", "\"firstlight convert\" turns it into version 3; networkd units go into storage.files", false}, true
	}
	return Foreign{}, false
}
