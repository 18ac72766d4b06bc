// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the manual pages and completions")

const (
	manDir        = "../../../docs/man"
	completionDir = "../../../docs/completion"
)

// TestGenerated compares the manual pages and completions in the tree with the table of commands.
func TestGenerated(t *testing.T) {
	files := map[string]string{}
	for name, text := range manPages() {
		files[filepath.Join(manDir, name)] = text
	}
	for shell, script := range completions() {
		files[filepath.Join(completionDir, "firstlight."+shell)] = script()
	}
	for file, want := range files {
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is out of date; run go test ./internal/cmd/firstlight -update\n%s", file, diff)
		}
	}
	for _, dir := range []string{manDir, completionDir} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, ok := files[filepath.Join(dir, e.Name())]; !ok {
				t.Errorf("%s/%s is not generated any more", dir, e.Name())
			}
		}
	}
}

// TestBashCompletion completes command lines in bash.
func TestBashCompletion(t *testing.T) {
	script := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(script, []byte(bashCompletion()), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"firstlight val":                       "validate",
		"firstlight validate --fo":             "--format",
		"firstlight validate --format s":       "sarif",
		"firstlight validate x.ign --strict -": "--help --files-dir --format --strict",
		"firstlight help ver":                  "version",
		"firstlight completion z":              "zsh",
	} {
		const complete = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _firstlight; echo "${COMPREPLY[*]}"`
		out, err := exec.Command("bash", append([]string{"-c", complete, script}, strings.Fields(line)...)...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: got %q (%v), want %q", line, got, err, want)
		}
	}
}
