// SPDX-License-Identifier: Apache-2.0

// Package packaging tests the interfaces for distributions: the script build as packages call it, and the shell code of the
// dracut modules.
package packaging

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const top = "../.."

// TestInstall: a package adds a dracut module, replaces the kargs helper, and installs the programs that it compiled before.
// Nothing is compiled, as Go is missing.
func TestInstall(t *testing.T) {
	tree, bin, to := checkout(t), t.TempDir(), t.TempDir()
	write(t, tree+"/dracut/30ignition-distro/module-setup.sh", "# theirs\n")
	write(t, tree+"/dracut/30ignition/ignition-kargs-helper.sh", "# theirs\n")
	write(t, bin+"/ignition", "engine")
	write(t, bin+"/firstlight", "tool")
	env := []string{"PATH=" + withoutGo(t), "BIN_PATH=" + bin, "DESTDIR=" + to + "/"}
	for _, target := range []string{"install", "install-grub-for-bootupd"} {
		if out, err := inTree(tree, env, "./build", target); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	want := strings.Split(strings.TrimSpace(read(t, "testdata/installed.txt")), "\n")
	for from, below := range map[string]string{
		"/dracut/3*": "/usr/lib/dracut/modules.d/", "/dracut/host": "/usr/lib/systemd/system", "/docs/man": "/usr/share/man/man1",
	} {
		dirs, err := filepath.Glob(tree + from)
		if err != nil || len(dirs) == 0 {
			t.Fatal(from, err)
		}
		for _, dir := range dirs {
			to := below
			if strings.HasSuffix(below, "/") {
				to += filepath.Base(dir)
			}
			for _, file := range listed(t, dir) {
				want = append(want, to+file)
			}
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, listed(t, to)); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	const module = "/usr/lib/dracut/modules.d/30ignition/"
	if read(t, to+module+"ignition") != "engine" || read(t, to+module+"ignition-kargs-helper.sh") != "# theirs\n" || read(t, to+"/usr/bin/ignition-validate") != "tool" {
		t.Error("a file was installed from elsewhere")
	}
}

// listed lists the files below a directory: programs with a star, links with their targets, which must exist.
func listed(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := strings.TrimPrefix(name, dir)
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			if _, failed := os.Stat(name); err != nil || failed != nil {
				return errors.Join(err, failed)
			}
			line += " -> " + target
		} else if info.Mode()&0o111 != 0 {
			line += " *"
		}
		files = append(files, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// TestInstallNothing: without compiled programs, installing fails and leaves nothing.
func TestInstallNothing(t *testing.T) {
	tree, to := checkout(t), t.TempDir()
	out, err := inTree(tree, []string{"BIN_PATH=" + t.TempDir()}, "./build", "install", to)
	if err == nil || !strings.Contains(out, "run ./build first") {
		t.Errorf("%v\n%s", err, out)
	}
	if entries, err := os.ReadDir(to); err != nil || len(entries) > 0 {
		t.Errorf("%d entries (%v)", len(entries), err)
	}
}

// TestVersion: the version of a package, of a release, of a tag, and of a checkout without tags. No commit is in any of them.
func TestVersion(t *testing.T) {
	tree := checkout(t)
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", tree, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	version := func(env ...string) string {
		t.Helper()
		out, err := inTree(tree, env, "bash", "-c", `. <(sed -n '/^version() {/,/^}/p' build); version`)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(out)
	}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("version %q, want %q", got, want)
		}
	}
	git("init", "-q")
	check(version(), "0.0.0+0")
	git("add", "build")
	git("commit", "-qm", "a")
	check(version(), "0.0.0+1")
	git("tag", "v1.2.3")
	git("tag", "release-of-another-kind")
	check(version(), "1.2.3")
	git("commit", "-qm", "b", "--allow-empty")
	git("commit", "-qm", "c", "--allow-empty")
	check(version(), "1.2.3+2")
	write(t, tree+"/VERSION", "1.3.0\n")
	check(version(), "1.3.0")
	check(version("VERSION=v1.3.0-2.fc41"), "1.3.0-2.fc41")
}

// TestRelease: a release compiles without the network, without the modules of this machine, and without git, with the settings of
// a distribution. A setting that does not exist, or a bad value, ends the build.
func TestRelease(t *testing.T) {
	isolate := isolated(t)
	tree, bin := t.TempDir(), t.TempDir()
	if out, err := inTree(top, []string{"BIN_PATH=" + bin}, "./build", "dist"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(bin + "/firstlight-*.tar.gz")
	if err != nil || len(found) != 1 {
		t.Fatalf("%q %v", found, err)
	}
	if out, err := inTree(tree, nil, "tar", "-xzf", found[0], "--strip-components=1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "firstlight-" + strings.TrimSpace(read(t, tree+"/VERSION")) + ".tar.gz"; filepath.Base(found[0]) != want {
		t.Errorf("%s, want %s", found[0], want)
	}
	const settings = "-X github.com/coreos/ignition/v2/internal/distro."
	env := []string{"GOMODCACHE=" + t.TempDir(), "GOPROXY=off", "GOFLAGS=", "BIN_PATH=" + bin}
	for setting, fault := range map[string]string{"selinuxRelable=false": "selinuxRelable does not exist", "selinuxRelabel=no": `"no" is not true`} {
		out, err := inTree(tree, append(env, "GLDFLAGS="+settings+setting), isolate[0], append(isolate[1:], "./build")...)
		if err == nil || !strings.Contains(out, fault) {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
	}
	const flags = settings + "kernelCmdlinePath=/nowhere/cmdline -X github.com/firstlight-boot/firstlight/internal/engine.yamlConfigs=false"
	out, err := inTree(tree, append(env, "VERSION=2.27.0", "GLDFLAGS="+flags), isolate[0], append(isolate[1:], "./build")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, program := range []string{"ignition", "ignition-apply", "ignition-validate"} {
		if out, err := inTree(bin, nil, "./"+program, "--version"); err != nil || out != "Ignition 2.27.0\n" {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
	state := t.TempDir()
	out, err = inTree(bin, nil, "./ignition", "-platform=file", "-stage=fetch-offline", "-log-to-stdout", "-state-file="+state+"/state", "-neednet="+state+"/neednet", "-config-cache="+state+"/cache")
	if err == nil || !strings.Contains(out, "/nowhere/cmdline") {
		t.Errorf("the setting has no effect: %v\n%s", err, out)
	}
	refusesYAML(t, bin)
}

// refusesYAML checks that an engine which is linked to read no YAML says what YAML user data is and what to do, and reads JSON.
func refusesYAML(t *testing.T, bin string) {
	t.Helper()
	for text, want := range map[string][]string{
		"variant: fcos\nversion: 1.5.0\n":  {"this is Butane YAML (variant fcos), not an Ignition config", "translate it first: butane config.bu >config.ign"},
		`{"ignition":{"version":"3.4.0"}}`: nil,
	} {
		dir := t.TempDir()
		write(t, dir+"/config", text)
		write(t, dir+"/cmdline", "ignition.firstboot\n")
		env := []string{"IGNITION_CONFIG_FILE=" + dir + "/config", "IGNITION_KERNEL_CMDLINE_PATH=" + dir + "/cmdline"}
		out, err := inTree(bin, env, "./ignition", "-platform=file", "-stage=fetch", "-log-to-stdout", "-root="+dir, "-state-file="+dir+"/run/state", "-neednet="+dir+"/run/neednet", "-config-cache="+dir+"/run/cache")
		if (err == nil) != (want == nil) {
			t.Errorf("%s: %v\n%s", text, err, out)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", text, w, out)
			}
		}
	}
}

// TestScript: specs of distributions edit the line that calls the compiler, to make position-independent programs.
func TestScript(t *testing.T) {
	if !strings.Contains(read(t, top+"/build"), "go build -ldflags") {
		t.Error(`the script build has no "go build -ldflags", which specs look for`)
	}
}

// TestGoLine: go.mod asks for no newer Go than its modules do, so that importing our module needs no upgrade.
func TestGoLine(t *testing.T) {
	out, err := inTree(top, nil, "go", "list", "-m", "-f", "{{.GoVersion}} {{.Main}}", "all")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ours, theirs := "", ""
	for line := range strings.Lines(out) {
		version, isMain, _ := strings.Cut(strings.TrimSpace(line), " ")
		if isMain == "true" {
			ours = version
		} else if minor(version) > minor(theirs) {
			theirs = version
		}
	}
	if ours != theirs {
		t.Errorf("go.mod has go %s, its modules need go %s", ours, theirs)
	}
}

// minor returns the second number of a version as sortable text.
func minor(version string) string {
	m := regexp.MustCompile(`^1\.(\d+)`).FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	return strings.Repeat("0", 3-len(m[1])) + m[1]
}

// checkout copies the files that git tracks into a directory that is not a checkout.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const script = `{ git ls-files; git ls-files -o --exclude-standard; } | sort -u | while read -r f; do ! [ -e "$f" ] || echo "$f"; done |
		tar -cf - -T - | tar -xf - -C "$0"`
	if out, err := inTree(top, nil, "bash", "-c", script, dir); err != nil {
		t.Skipf("not a checkout: %v\n%s", err, out)
	}
	return dir
}

// inTree runs a command in a directory and returns its output.
func inTree(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// withoutGo returns a search path without Go.
func withoutGo(t *testing.T) string {
	t.Helper()
	farm := t.TempDir() // Debian installs Go into /usr/bin, with everything else
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		programs, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			if name := filepath.Base(p); name != "go" {
				_ = os.Symlink(p, filepath.Join(farm, name)) // the first of a name counts
			}
		}
	}
	return farm
}

// isolated returns the prefix that runs a command without network.
func isolated(t *testing.T) []string {
	t.Helper()
	for _, flags := range []string{"-n", "-rn"} {
		if exec.Command("unshare", flags, "true").Run() == nil {
			return []string{"unshare", flags}
		}
	}
	t.Skip("unshare cannot make a network namespace here")
	return nil
}
