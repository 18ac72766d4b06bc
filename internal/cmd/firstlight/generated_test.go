// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	for shell, script := range shells() {
		for _, p := range completedPrograms() {
			files[filepath.Join(completionDir, p.name+"."+shell)] = script(p)
		}
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

// completionCases are command lines with what each shell offers for their last word.
var completionCases = []struct {
	line string
	want string
}{
	{line: "firstlight val", want: "validate"},
	{line: "firstlight validate --fo", want: "--format"},
	{line: "firstlight validate --format s", want: "sarif"},
	{line: "firstlight validate x.ign --strict --fo", want: "--format"},
	{line: "firstlight validate --files-dir s", want: "sub"},
	{line: "firstlight validate s", want: "some.bu sub"},
	{line: "firstlight help ver", want: "version"},
	{line: "firstlight completion z", want: "zsh"},
	{line: "butane --p", want: "--pretty"},
	{line: "butane --files-dir s", want: "sub"},
	{line: "butane -d s", want: "sub"},
	{line: "butane -o s", want: "some.bu sub"},
	{line: "butane --color=a", want: "always auto"},
	{line: "butane --color s", want: "some.bu sub"},
	{line: "butane s", want: "some.bu sub"},
	{line: "ignition-validate --f", want: "--format"},
	{line: "ignition-validate --format j", want: "json"},
	{line: "ignition-validate --format=j", want: "json"},
	{line: "ignition-validate s", want: "some.bu sub"},
}

// TestCompletion completes command lines in the shells.
func TestCompletion(t *testing.T) {
	scripts, dir := t.TempDir(), t.TempDir()
	for shell, script := range shells() {
		for _, p := range completedPrograms() {
			if err := os.WriteFile(filepath.Join(scripts, p.name+"."+shell), []byte(script(p)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "some.bu"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, complete := range map[string]func(script, line string) []string{"bash": inBash, "zsh": inZsh, "fish": inFish} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip(shell + " is missing")
			}
			home := t.TempDir() // zsh keeps a cache there
			for _, c := range completionCases {
				program, _, _ := strings.Cut(c.line, " ")
				args := complete(filepath.Join(scripts, program+"."+shell), c.line)
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+home, "TERM=dumb")
				out, err := cmd.CombinedOutput()
				got := strings.Fields(string(out))
				for i := range got {
					got[i] = strings.TrimSuffix(got[i], "/") // bash adds it when it inserts the word
				}
				// fish 4 also lists words that contain the letters elsewhere. It offers those only if no word begins with them.
				last := c.line[strings.LastIndexAny(c.line, " =")+1:]
				got = slices.DeleteFunc(got, func(word string) bool { return shell == "fish" && !strings.HasPrefix(word, last) })
				slices.Sort(got)
				got = slices.Compact(got)
				if err != nil || strings.Join(got, " ") != c.want {
					t.Errorf("%s: got %q (%v), want %q", c.line, got, err, c.want)
				}
			}
		})
	}
}

// inBash returns a command that prints the completions of the last word of a line. Like readline, it makes a word of an equals sign.
func inBash(script, line string) []string {
	const complete = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}"; printf '%s\n' "${COMPREPLY[@]}"`
	return append([]string{"bash", "-c", complete, script}, strings.Fields(strings.ReplaceAll(line, "=", " = "))...)
}

// inFish returns a command that prints the completions of the last word of a line, without their descriptions.
func inFish(script, line string) []string {
	const complete = `source $argv[1]; complete -C $argv[2] | string replace -r '\t.*' '' | string replace -r '.*=' ''; true`
	return []string{"fish", "--no-config", "-c", complete, script, line}
}

// inZsh returns a command that prints the completions of the last word of a line. zsh completes only in its editor, so the
// command types the line into another zsh in a terminal, whose compadd prints what matches.
func inZsh(script, line string) []string {
	const complete = `
zmodload zsh/zpty
export ZDOTDIR=$HOME
cat >$HOME/.zshrc <<END
PS1= PS2=; autoload -U compinit; compinit -u; bindkey '^I' complete-word
compadd() {
	[[ \${@[1,(i)(-|--)]} == *-[OAD]\ * ]] && { builtin compadd "\$@"; return }
	local -a hits; builtin compadd -A hits "\$@"; print -rl -- \${hits/#/HIT:}
	builtin compadd "\$@"
}
offer() { source $1 }
compdef offer ${2%% *}
finish() { print -r -- LAST; exit }; comppostfuncs=(finish)
END
zpty z zsh -i
zpty -w -n z $2$'\t'
zpty -r z out '*LAST*'
print -rl -- ${${(M)${(f)${out//$'\r'/}}:#*HIT:*}#*HIT:}
`
	return []string{"zsh", "-f", "-c", complete, "zsh", script, line}
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
