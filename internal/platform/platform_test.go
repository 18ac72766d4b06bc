// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTable(t *testing.T) {
	if !slices.IsSorted(IDs()) {
		t.Errorf("ids are not sorted: %v", IDs())
	}
	for _, p := range All() {
		if p.Fetch == nil {
			t.Errorf("%s has no source", p.ID)
		}
	}
}

func TestFetch(t *testing.T) {
	const dir = "sys/firmware/qemu_fw_cfg/"
	const key = dir + "by_name/opt/com.coreos/config/"
	loaded := ""
	for _, c := range []struct {
		name, platform string
		files          fstest.MapFS
		env            map[string]string
		want, fail     string
	}{
		{name: "qemu", platform: "qemu", files: fstest.MapFS{key + "size": entry("3\n"), key + "raw": entry("abc")}, want: "abc"},
		{name: "qemu without the key", platform: "qemu", files: fstest.MapFS{dir + "rev": entry("1")}},
		{name: "qemu, entry too long", platform: "qemu", fail: "more than the 2 bytes",
			files: fstest.MapFS{key + "size": entry("2"), key + "raw": entry("abc")}},
		{name: "qemu, entry too short", platform: "qemu", fail: "ends after 3 of 4 bytes",
			files: fstest.MapFS{key + "size": entry("4"), key + "raw": entry("abc")}},
		{name: "qemu, absurd size", platform: "qemu", fail: "a config may have",
			files: fstest.MapFS{key + "size": entry("99999999999"), key + "raw": entry("abc")}},
		{name: "qemu without driver", platform: "qemu", fail: "load the driver", files: fstest.MapFS{}},
		{name: "metal", platform: "metal"},
		{name: "file", platform: "file", files: fstest.MapFS{"config.ign": entry("x")}, want: "x"},
		{name: "file elsewhere", platform: "file", files: fstest.MapFS{"c": entry("y")},
			env: map[string]string{"IGNITION_CONFIG_FILE": "c"}, want: "y"},
		{name: "no file", platform: "file", files: fstest.MapFS{}, fail: "not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ok := Find(c.platform)
			if !ok {
				t.Fatal("no such platform")
			}
			found, err := p.Fetch(t.Context(), Env{
				FS:     c.files,
				Getenv: func(k string) string { return c.env[k] },
				Module: func(_ context.Context, name string) error { loaded = name; return errors.New("no module") },
				Read:   func(_ context.Context, p string) ([]byte, error) { return fs.ReadFile(c.files, p) },
				Log:    slog.New(slog.DiscardHandler),
			})
			if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
				t.Fatalf("error %v, want one with %q", err, c.fail)
			}
			if c.fail == "" && string(found.Data) != c.want {
				t.Errorf("got %q, want %q", found.Data, c.want)
			}
		})
	}
	if loaded != "qemu_fw_cfg" {
		t.Errorf("loaded module %q", loaded)
	}
}

func entry(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
