// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestResume: a files stage that failed in the middle goes on when it is run again, and does not stumble over what it has done
// itself. The next boot does nothing.
func TestResume(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("setting owners needs root")
	}
	var there atomic.Bool
	fetched := func() {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			http.NotFound(w, r)
			return
		}
		fetched()
		fmt.Fprint(w, "page")
	}))
	defer server.Close()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("cmdline", "quiet")
	write("root/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	write("root/etc/group", "root:x:0:\n")
	write("root/etc/shadow", "root:*:1::::::\n")
	write("root/etc/motd", "welcome\n")
	write("config.ign", `{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"core","homeDir":"/home/core"}]},"storage":{"files":[
		{"path":"/etc/motd","append":[{"source":"data:,once%0A"}]},{"path":"/new","contents":{"source":"data:,x"}},
		{"path":"/page","contents":{"source":"`+server.URL+`/"}}]}}`)
	var out bytes.Buffer
	stage := func(name string) int {
		out.Reset()
		return Run(context.Background(), Options{
			Platform: "file", Stage: name, Root: root, ConfigCache: filepath.Join(dir, "run/ignition.json"),
			StateFile: filepath.Join(dir, "run/state"), NeedNet: filepath.Join(dir, "run/neednet"), LogToStdout: true,
			Stdout: &out, Stderr: &out,
			Getenv: func(name string) string {
				return map[string]string{
					"IGNITION_CONFIG_FILE":         filepath.Join(dir, "config.ign"),
					"IGNITION_KERNEL_CMDLINE_PATH": filepath.Join(dir, "cmdline"),
				}[name]
			},
		})
	}
	if exit := stage("fetch"); exit != ExitOK {
		t.Fatalf("fetch: exit %d:\n%s", exit, &out)
	}
	if exit := stage("files"); exit != ExitFailed || !strings.Contains(out.String(), "not found") {
		t.Fatalf("without the page: exit %d:\n%s", exit, &out)
	}
	there.Store(true)
	before := filepath.Join(dir, "before")
	fetched = func() { // the root as a power cut at this moment would leave it
		if err := os.CopyFS(before, os.DirFS(root)); err != nil {
			t.Error(err)
		}
	}
	if exit := stage("files"); exit != ExitOK {
		t.Fatalf("before the cut: exit %d:\n%s", exit, &out)
	}
	fetched = func() {}
	if err := errors.Join(os.RemoveAll(root), os.CopyFS(root, os.DirFS(before))); err != nil {
		t.Fatal(err)
	}
	if exit := stage("files"); exit != ExitOK || !strings.Contains(out.String(), "resuming files") {
		t.Fatalf("with the page: exit %d:\n%s", exit, &out)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/.ignition-result.json")); err != nil || strings.Contains(string(text), "previousReport") {
		t.Errorf("the result of a run that was cut short counts as an earlier one: %v\n%s", err, text)
	}
	if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil { // as in the next boot
		t.Fatal(err)
	}
	if exit := stage("fetch"); exit != ExitOK {
		t.Fatalf("fetch again: exit %d:\n%s", exit, &out)
	}
	if exit := stage("files"); exit != ExitOK || !strings.Contains(out.String(), "already provisioned") {
		t.Fatalf("in the next boot: exit %d:\n%s", exit, &out)
	}
	for name, want := range map[string]string{"etc/motd": "welcome\nonce\n", "new": "x", "page": "page"} {
		if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	passwd, _ := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if strings.Count(string(passwd), "\ncore:") != 1 {
		t.Errorf("the accounts are %q", passwd)
	}
}
