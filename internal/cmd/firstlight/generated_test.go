// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// TestPersonalityPages checks that the programs under names of their own have manual pages with all that their help shows.
func TestPersonalityPages(t *testing.T) {
	pages := manPages()
	for _, p := range personalities() {
		page := pages[p.name+".1"]
		help, _, _ := run(t, "", p.name, "--help")
		for _, flag := range regexp.MustCompile(`(?m)^ +.*?(--[a-z-]+)`).FindAllStringSubmatch(help, -1) {
			if !strings.Contains(page, strings.ReplaceAll(flag[1], "-", `\-`)) {
				t.Errorf("%s.1 has no %s", p.name, flag[1])
			}
		}
		for _, section := range []string{"NAME\n" + strings.ReplaceAll(p.name, "-", `\-`), "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(page, ".SH "+section) {
				t.Errorf("%s.1 has no section %s", p.name, section)
			}
		}
		if !strings.Contains(pages["firstlight.1"], strings.ReplaceAll(p.name, "-", `\-`)) {
			t.Errorf("firstlight.1 does not name %s", p.name)
		}
	}
}
