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

	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
)

// A boot is a target root, a config for the platform "file" and what the stages leave in between, in a directory.
type boot struct {
	t         *testing.T
	dir, root string
	out       bytes.Buffer // of the last stage
}

func newBoot(t *testing.T) *boot {
	t.Helper()
	dir := t.TempDir()
	b := &boot{t: t, dir: dir, root: filepath.Join(dir, "root")}
	b.write("cmdline", "quiet")
	b.write("root/etc/hostname", "host\n")
	return b
}

// write writes a file below the directory.
func (b *boot) write(name, text string) {
	b.t.Helper()
	name = filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// stage runs a stage and returns its exit code. Stages of one boot have the directory run in common.
func (b *boot) stage(run, name string) int {
	b.out.Reset()
	in := func(names ...string) string { return filepath.Join(append([]string{b.dir}, names...)...) }
	return Run(context.Background(), Options{
		Platform: "file", Stage: name, Root: b.root, ConfigCache: in(run, "ignition.json"), StateFile: in(run, "state"),
		NeedNet: in(run, "neednet"), LogToStdout: true, Stdout: &b.out, Stderr: &b.out,
		Getenv: func(name string) string {
			return map[string]string{
				"IGNITION_CONFIG_FILE": in("config.ign"), "IGNITION_KERNEL_CMDLINE_PATH": in("cmdline"), "IGNITION_SYSTEM_CONFIG_DIR": in("lib"),
			}[name]
		},
	})
}

// TestResume: a files stage that failed in the middle goes on when it is run again, and does not stumble over what it has done
// itself. The next boot does nothing.
func TestResume(t *testing.T) {
	needRoot(t, "setting owners")
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
	b := newBoot(t)
	dir, root, write, out := b.dir, b.root, b.write, &b.out
	stage := func(name string) int { return b.stage("run", name) }
	write("root/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	write("root/etc/group", "root:x:0:\n")
	write("root/etc/shadow", "root:*:1::::::\n")
	write("root/etc/motd", "welcome\n")
	write("config.ign", `{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"core","homeDir":"/home/core"}]},"storage":{"files":[
		{"path":"/etc/motd","append":[{"source":"data:,once%0A"}]},{"path":"/new","contents":{"source":"data:,x"}},
		{"path":"/page","contents":{"source":"`+server.URL+`/"}}]}}`)
	if exit := stage("fetch"); exit != ExitOK {
		t.Fatalf("fetch: exit %d:\n%s", exit, out)
	}
	if exit := stage("files"); exit != ExitFailed || !strings.Contains(out.String(), "not found") {
		t.Fatalf("without the page: exit %d:\n%s", exit, out)
	}
	there.Store(true)
	before := filepath.Join(dir, "before")
	fetched = func() { // the root as a power cut at this moment would leave it
		if err := os.CopyFS(before, os.DirFS(root)); err != nil {
			t.Error(err)
		}
	}
	if exit := stage("files"); exit != ExitOK {
		t.Fatalf("before the cut: exit %d:\n%s", exit, out)
	}
	fetched = func() {}
	if err := errors.Join(os.RemoveAll(root), os.CopyFS(root, os.DirFS(before))); err != nil {
		t.Fatal(err)
	}
	if exit := stage("files"); exit != ExitOK || !strings.Contains(out.String(), "resuming files") {
		t.Fatalf("with the page: exit %d:\n%s", exit, out)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/.ignition-result.json")); err != nil || strings.Contains(string(text), "previousReport") {
		t.Errorf("the result of a run that was cut short counts as an earlier one: %v\n%s", err, text)
	}
	if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil { // as in the next boot
		t.Fatal(err)
	}
	if exit := stage("fetch"); exit != ExitOK {
		t.Fatalf("fetch again: exit %d:\n%s", exit, out)
	}
	if exit := stage("files"); exit != ExitOK || !strings.Contains(out.String(), "already provisioned") {
		t.Fatalf("in the next boot: exit %d:\n%s", exit, out)
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

// TestSealedMeanwhile: a run that decided to provision, and finds when it has the lock that another run has finished since, does
// nothing.
func TestSealedMeanwhile(t *testing.T) {
	needRoot(t, "setting owners")
	var there atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	b := newBoot(t)
	root, stage, out := b.root, b.stage, &b.out
	b.write("config.ign", `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/new","overwrite":true,"contents":{"source":"data:,x"}},
		{"path":"/page","overwrite":true,"contents":{"source":"`+server.URL+`/"}}]}}`)
	for _, run := range []string{"one", "two"} {
		if exit := stage(run, "fetch"); exit != ExitOK {
			t.Fatalf("fetch: exit %d:\n%s", exit, out)
		}
	}
	if exit := stage("one", "files"); exit != ExitFailed { // it has decided by now
		t.Fatalf("without the page: exit %d:\n%s", exit, out)
	}
	there.Store(true)
	held := lockRoot(t, root)
	if exit := stage("two", "files"); exit != ExitFailed || !strings.Contains(out.String(), "another run of firstlight is using it") {
		t.Fatalf("a third run holds the lock: exit %d:\n%s", exit, out)
	}
	held.Close()
	if exit := stage("two", "files"); exit != ExitOK {
		t.Fatalf("the other run: exit %d:\n%s", exit, out)
	}
	changed := filepath.Join(root, "new")
	if err := os.WriteFile(changed, []byte("the user's"), 0o644); err != nil {
		t.Fatal(err)
	}
	exit := stage("one", "files")
	text, err := os.ReadFile(changed)
	if exit != ExitOK || err != nil || string(text) != "the user's" || !strings.Contains(out.String(), "already provisioned") {
		t.Errorf("exit %d, %q, %v:\n%s", exit, text, err, out)
	}
}

func lockRoot(t *testing.T, dir string) *os.File {
	t.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	held, err := seal.Lock(root)
	if err != nil {
		t.Fatal(err)
	}
	return held
}
