// SPDX-License-Identifier: Apache-2.0

package sniff

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"
)

const config = `{"ignition": {"version": "3.4.0"}}`

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func wide(text string, order string) string {
	b := []byte(order)
	for _, u := range utf16.Encode([]rune(text)) {
		if order == "\xfe\xff" {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func coded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ name, text, what, do string }{
		{"cloud-config", "#cloud-config\nhostname: a\n", "a cloud-config for cloud-init", "firstlight convert"},
		{"cloud-config of Windows", "#cloud-config\r\nhostname: a\r\n", "a cloud-config for cloud-init", "firstlight convert"},
		{"a config behind the line", "#cloud-config\n" + config, "an Ignition config after a line for cloud-init", "remove the line"},
		{"archive", "#cloud-config-archive\n- a\n", "a cloud-config archive", "write"},
		{"jinja", "## template: jinja\n#cloud-config\nhostname: a\n", "a template for cloud-init (jinja)", "write"},
		{"boothook", "#cloud-boothook\n#!/bin/sh\n", "user data for cloud-init (#cloud-boothook)", "write"},
		{"include", "#include\nhttp://a\n", "user data for cloud-init (#include)", "write"},
		{"shell script", "#!/bin/bash\necho hi\n", "a shell script (/bin/bash)", "systemd unit"},
		{"script", "#!/usr/bin/env python3\n", "a script (/usr/bin/env)", "systemd unit"},
		{"mime", "Content-Type: multipart/mixed; boundary=\"B\"\nMIME-Version: 1.0\n\n--B\n", "a MIME message", "as the only user data"},
		{"mime, other order", "From: a\nMime-Version: 1.0\n\n", "a MIME message", "as the only user data"},
		{"butane", "variant: fcos\nversion: 1.5.0\n", "Butane YAML (variant fcos)", "butane config.bu"},
		{"butane behind a comment", "# mine\n---\nvariant: \"flatcar\"\nversion: 1.0.0\n", "Butane YAML (variant flatcar)", "butane"},
		{"yaml", "version: 1.5.0\nstorage:\n  files: []\n", "YAML without a variant", "begin it with variant:"},
		{"html", "<!DOCTYPE html>\n<html><head><Title> Please\nlog in </title></head></html>", `a web page titled "Please log in"`, "check the URL"},
		{"html without a title", "<html><body>no</body></html>", "a web page,", "check the URL"},
		{"xml error", "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "an XML error of a cloud, with code AccessDenied", "may read"},
		{"xml", "<?xml version=\"1.0\"?><a/>", "an XML document", "check"},
		{"base64", coded(config), "a config in base64", "base64 -d"},
		{"base64 in lines", coded(config)[:20] + "\n" + coded(config)[20:] + "\n", "a config in base64", "base64 -d"},
		{"base64 of gzip", coded(packed(config)), "gzip data in base64", "base64 -d"},
		{"base64 of a cloud-config", coded("#cloud-config\nhostname: a\n"), "a cloud-config for cloud-init in base64", "base64 -d"},
		{"gzip twice", packed(config), "gzip data", "once with gzip"},
		{"zstd", "\x28\xb5\x2f\xfd\x04\x58", "zstd data", "gzip"},
		{"utf-16", wide(config, "\xff\xfe"), "UTF-16 text", "save it as UTF-8"},
		{"utf-16, big endian", wide(config, "\xfe\xff"), "UTF-16 text", "save it as UTF-8"},
		{"utf-16 without mark", wide(config, ""), "UTF-16 text", "save it as UTF-8"},
		{"byte-order mark", "\xef\xbb\xbf" + config, "byte-order mark", "save it as UTF-8"},
		{"padding", config + "\x00\x00\x00", "text with NUL bytes after it", "without padding"},
		{"nothing but padding", "\x00\x00", "nothing but NUL bytes", "leave the place empty"},
		{"url", "https://example.com/config.ign\n", "a URL", "replace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, ok := Identify([]byte(c.text), Options{})
			if !ok || !strings.Contains(f.Summary()+",", c.what) || !strings.Contains(f.Do, c.do) {
				t.Errorf("got %v %q, %q; want %q, %q", ok, f.Summary(), f.Do, c.what, c.do)
			}
		})
	}
	for _, text := range []string{"", "{", config, `{"ignition": {"version": "3.4.0"`, "garbage", "\x01\x02", "[]", `{"a": "#cloud-config"}`, "null", "{a: 1}"} {
		if f, ok := Identify([]byte(text), Options{}); ok {
			t.Errorf("%q is taken for %s", text, f.What)
		}
	}
	if f, ok := Identify([]byte("variant: fcos\nversion: 1.5.0\n"), Options{YAML: true}); ok {
		t.Errorf("Butane YAML is a config for this caller, and called %s", f.What)
	}
}

// TestSecrets checks that no text is shown except the part that its kind names.
func TestSecrets(t *testing.T) {
	for _, text := range []string{
		"#cloud-config\npassword: hunter2\n", "#!/bin/sh\nP=hunter2\n", "password: hunter2\n", coded(`{"password": "hunter2"}`),
		"https://user:hunter2@example.com/x?sig=hunter2", "<html><title>x</title>hunter2",
	} {
		if f, _ := Identify([]byte(text), Options{}); strings.Contains(f.What+f.Do, "hunter2") {
			t.Errorf("%q shows its content: %q %q", text, f.What, f.Do)
		}
	}
}

func TestOld(t *testing.T) {
	if f, ok := Old("", []string{"ignitionVersion", "storage"}); !ok || !strings.Contains(f.What, "version 1") {
		t.Errorf("got %v", f)
	}
	if f, ok := Old("2.2.0", []string{"ignition", "networkd"}); !ok || !strings.Contains(f.What, "version 2") {
		t.Errorf("got %v", f)
	}
	if f, ok := Old("", []string{"ignition", "storage"}); ok {
		t.Errorf("got %v", f)
	}
}

func FuzzIdentify(f *testing.F) {
	for _, seed := range []string{"#cloud-config\n", "#!", "<title>", coded(packed(config)), wide(config, ""), "a: b\n", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, _ := Identify(text, Options{})
		for _, r := range got.What + got.Do {
			if r < ' ' || r == 0x7f {
				t.Errorf("prints the control character %q", r)
			}
		}
	})
}
