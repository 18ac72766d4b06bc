// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteFileInPlace: an output that cannot be replaced, because it is a pipe or mounted by itself as in a container, is written to.
func TestWriteFileInPlace(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		text, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		got <- string(text)
	}()
	if err := writeFile(pipe, content("text")); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "text" {
		t.Errorf("the pipe got %q", text)
	}
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	outer, inner := filepath.Join(dir, "outer"), filepath.Join(dir, "inner")
	for _, name := range []string{outer, inner} {
		if err := os.WriteFile(name, []byte("a longer old text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its mounts
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = unix.Mount(outer, inner, "", unix.MS_BIND, "")
		}
		if err == nil {
			err = writeFile(inner, content("text"))
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(outer); err != nil || string(text) != "text" {
		t.Errorf("the mounted file is %q, %v", text, err)
	}
}
