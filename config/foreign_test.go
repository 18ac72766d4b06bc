// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/diag"
)

func pack(t testing.TB, size int, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for ; size > 0; size -= len(zeros) {
		w.Write(zeros)
	}
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGunzip(t *testing.T) {
	const limit = 2 << 20
	one := pack(t, 0, "one")
	for _, c := range []struct {
		name string
		text []byte
		want string
		fail error
	}{
		{"plain", []byte("{}"), "{}", nil},
		{"empty", nil, "", nil},
		{"packed", one, "one", nil},
		{"two members", append(bytes.Clone(one), pack(t, 0, "two")...), "onetwo", nil},
		{"padded", append(bytes.Clone(one), 0, 0, 0), "one", nil},
		{"cut off", one[:len(one)-5], "", errGzip},
		{"text behind it", append(bytes.Clone(one), "more"...), "", errGzip},
		{"magic only", []byte{0x1f, 0x8b, 8}, "", errGzip},
		{"bomb", pack(t, limit, "x"), "", ErrTooLarge},
	} {
		got, err := gunzip(c.text, limit)
		if string(got) != c.want || !errors.Is(err, c.fail) {
			t.Errorf("%s: %d bytes, error %v", c.name, len(got), err)
		}
	}
}

// TestForeign checks that user data which is not a config is named for what it is, by Parse.
func TestForeign(t *testing.T) {
	for text, want := range map[string]string{
		"#cloud-config\nhostname: a\n":     "this is a cloud-config for cloud-init, not an Ignition config",
		"#!/bin/sh\n":                      "this is a shell script (/bin/sh), not an Ignition config",
		`{"ignitionVersion": 1}`:           "the config has no version: this is a config of version 1",
		`{"ignition":{"version":"2.3.0"}}`: `config version "2.3.0" is not supported: this is a config of version 2`,
		`{"ignition": {"version": "3.4.0"`: "ends too early",
	} {
		_, report := Parse(diag.NewSource("f", []byte(text)))
		if len(report) != 1 || !strings.Contains(report[0].Summary, want) || report[0].Hint == "" || strings.Contains(report[0].Hint, "no comments") {
			t.Errorf("%q: %+v", text, report)
		}
	}
}
