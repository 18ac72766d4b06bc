// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A command is a command that a page shows outside of sessions.
type command struct {
	page, text string
	inline     bool // within a sentence or a table, possibly without its arguments
}

// isOurs matches commands of the programs that people run.
var isOurs = regexp.MustCompile(`^(bin/)?(firstlight|butane|ignition-validate) [a-z-]`)

// isOther matches commands of other programs: of this tree, and those used together with ours.
var isOther = regexp.MustCompile(`^(\./build|go test|echo|cp|mkdir|cat|sha512sum|openssl|\(cd) ?`)

// commands returns the commands in the pages and in the help of the programs.
func commands(t *testing.T, bin string) []command {
	t.Helper()
	var all []command
	for _, page := range allPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fence, inFence := "", false
		for line := range strings.Lines(string(text)) {
			kind, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
			switch {
			case isFence:
				fence, inFence = kind, !inFence
			case inFence && (fence == "" || fence == "sh"), !inFence && strings.HasPrefix(line, "    "):
				all = append(all, command{page, withoutComment(line), false})
			case !inFence:
				for i, part := range strings.Split(line, "`") {
					if i%2 == 1 && isOurs.MatchString(part) {
						all = append(all, command{page, part, true})
					}
				}
			}
		}
	}
	for _, name := range []string{"validate", "build", "convert", "facts", "plan"} {
		help, _ := session(t, bin, "firstlight help "+name)
		for line := range strings.Lines(help) {
			if strings.HasPrefix(line, "  firstlight ") {
				all = append(all, command{"the help of " + name, withoutComment(line), false})
			}
		}
	}
	return slices.DeleteFunc(all, func(c command) bool { return !isOurs.MatchString(c.text) && !isOther.MatchString(c.text) })
}

// withoutComment removes blanks and a comment after a command.
func withoutComment(line string) string {
	text, _, _ := strings.Cut(line, "  # ")
	return strings.TrimSpace(text)
}

// notRun has parts of commands that are not run here. Their flags are still compared with the help.
var notRun = map[string]string{
	"/run/ignition": "only a machine that was provisioned has the file",
	"--live":        "it reads the machine", "firstlight facts": "it reads the machine", "--watch": "it runs until it is interrupted",
	"openssl passwd": "it asks for a password", "./build": "its commands are compared with its help", "go test": "only its packages are looked up",
	"firstlight rearm": "it changes the machine", "firstlight apply": "the page says that it is missing",
}

// TestCommands runs every command that a page or a help text shows, in a directory with the files that the pages name. None may fail.
func TestCommands(t *testing.T) {
	bin := install(t)
	dir := workplace(t)
	help := map[string]string{}
	count := 0
	for _, c := range commands(t, bin) {
		words := strings.Fields(strings.TrimPrefix(c.text, "bin/"))
		if isOurs.MatchString(c.text) && !strings.Contains(notRun[words[0]+" "+words[1]], "missing") {
			checkFlags(t, bin, c, words, help)
		}
		if slices.ContainsFunc(keys(notRun), func(part string) bool { return strings.Contains(c.text, part) }) {
			checkLookedUp(t, c, words)
			continue
		}
		if c.inline && len(words) < 3 && words[0] == "firstlight" || c.inline && words[len(words)-1][0] == '-' || words[len(words)-1] == "COMMAND" {
			continue // the name of a command, not a command
		}
		count++
		cmd := exec.Command("sh", "-c", strings.TrimPrefix(c.text, "bin/"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 0 && !(strings.Contains(c.text, "firstlight plan") && (code == 2 || code == 3)) {
			t.Errorf("%s: %s: exit code %d\n%s", c.page, c.text, code, out)
		}
	}
	if count < 30 {
		t.Errorf("only %d commands were run", count)
	}
}

func keys(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// checkFlags compares the flags of a command with the help of its program.
func checkFlags(t *testing.T, bin string, c command, words []string, help map[string]string) {
	t.Helper()
	show := words[0] + " --help"
	if words[0] == "firstlight" {
		show = "firstlight help " + words[1]
		if words[1] == "help" || words[1] == "completion" {
			return
		}
	}
	if _, ok := help[show]; !ok {
		text, code := session(t, bin, show)
		if code != 0 {
			t.Errorf("%s: %s: the program does not know it", c.page, c.text)
		}
		help[show] = text
	}
	for _, w := range words[1:] {
		if name, _, _ := strings.Cut(w, "="); strings.HasPrefix(name, "--") && !strings.Contains(help[show], name+" ") && !strings.Contains(help[show], name+"\n") {
			t.Errorf("%s: %s: the help has no %s", c.page, c.text, name)
		}
	}
}

// checkLookedUp checks, for a command that is not run, that the things it names exist.
func checkLookedUp(t *testing.T, c command, words []string) {
	t.Helper()
	switch {
	case words[0] == "./build" && len(words) > 1:
		if help, _ := session(t, "", "./build help"); !strings.Contains(help, "./build "+words[1]) {
			t.Errorf("%s: %s: ./build help does not have it", c.page, c.text)
		}
	case words[0] == "go":
		for _, w := range words {
			if name, ok := strings.CutSuffix(w, "/..."); strings.HasPrefix(w, "./") {
				if _, err := os.Stat(filepath.Join(top, name)); err != nil {
					t.Errorf("%s: %s: %v (all below it: %v)", c.page, c.text, err, ok)
				}
			}
		}
	}
}

// workplace makes a directory with the files that the pages name.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	example := func(name string) string {
		text, err := os.ReadFile(filepath.Join(top, "docs/examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for to, from := range map[string]string{
		"web.bu": "data-disk.bu", "web.ign": "web.ign", "db.ign": "web.ign", "config.ign": "web.ign", "configs/web.bu": "web.bu", "old.ign": "ignition-2", "OLD": "ignition-2",
		"machine.json": "machine.json", "facts-disks.json": "machine.json",
	} {
		put(to, example(from))
	}
	for _, file := range examples(t) {
		put("docs/examples/"+filepath.Base(file), example(filepath.Base(file)))
	}
	put("files/motd", "hello\n")
	put("initramfs.img", "")
	put("user-data.yaml", "#cloud-config\nhostname: web\n")
	return dir
}
