// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// reference is the release of util-linux whose libblkid the probe is measured by.
const reference = "2.41"

// utilLinux runs programs of util-linux: the installed ones, or those of a newer release in a directory of its own, with the
// linker and the libraries they came with.
type utilLinux struct {
	root  string // "" for the installed ones
	debug bool   // have libblkid print what it does
}

var fetched = sync.OnceValues(findUtilLinux)

// needReference returns programs of the reference release. Without it, on a machine that cannot get it, the test is skipped.
func needReference(t *testing.T) utilLinux {
	t.Helper()
	u, err := fetched()
	if err != nil {
		t.Skipf("libblkid %s is not to be had: %v", reference, err)
	}
	return u
}

// findUtilLinux prefers installed programs, then those fetched earlier, then fetches them.
func findUtilLinux() (utilLinux, error) {
	if (utilLinux{}).isReference() {
		return utilLinux{}, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return utilLinux{}, fmt.Errorf("find a directory to keep it in: %w", err)
	}
	kept := utilLinux{root: filepath.Join(cache, "firstlight", "util-linux-"+reference)}
	if kept.isReference() {
		return kept, nil
	}
	if err := os.MkdirAll(filepath.Dir(kept.root), 0o755); err != nil {
		return utilLinux{}, fmt.Errorf("make the cache: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(kept.root), "fetching-")
	if err != nil {
		return utilLinux{}, fmt.Errorf("make the cache: %w", err)
	}
	defer os.RemoveAll(work)
	if err := fetch(work); err != nil {
		return utilLinux{}, err
	}
	if got := (utilLinux{root: filepath.Join(work, "root")}); !got.isReference() {
		return utilLinux{}, errors.New("Debian's trixie has another release")
	}
	if err := errors.Join(os.RemoveAll(kept.root), os.Rename(filepath.Join(work, "root"), kept.root)); err != nil {
		return utilLinux{}, fmt.Errorf("keep it: %w", err)
	}
	return kept, nil
}

// fetch unpacks what blkid of Debian's trixie needs, from the mirror that this machine's apt uses. Nothing is installed.
func fetch(work string) error {
	mirror, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian").Output()
	first, _, _ := strings.Cut(string(mirror), "\n")
	if err != nil || first == "" {
		return fmt.Errorf("ask apt for its mirror: %w", err)
	}
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "root", "debs"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
	}
	sources := "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + first + " trixie main\n"
	if err := errors.Join(os.WriteFile(filepath.Join(work, "sources.list"), []byte(sources), 0o644), os.WriteFile(filepath.Join(work, "status"), nil, 0o644)); err != nil {
		return fmt.Errorf("write the list of sources: %w", err)
	}
	options := []string{"-qq"}
	for _, o := range []string{"Dir::Etc::sourcelist=" + work + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::State::lists=" + work + "/lists",
		"Dir::Cache=" + work + "/cache", "Dir::State::status=" + work + "/status", "Acquire::Languages=none", "APT::Sandbox::User="} {
		options = append(options, "-o", o)
	}
	for _, command := range [][]string{{"update"}, {"download", "util-linux", "libblkid1", "libc6", "libsmartcols1", "libuuid1", "libmount1", "libselinux1",
		"libpcre2-8-0", "libtinfo6", "libeconf0"}} {
		cmd := exec.Command("apt-get", append(options, command...)...)
		cmd.Dir = filepath.Join(work, "debs")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", command[0], err, out)
		}
	}
	debs, err := filepath.Glob(filepath.Join(work, "debs", "*.deb"))
	for _, deb := range debs {
		err = errors.Join(err, exec.Command("dpkg-deb", "-x", deb, filepath.Join(work, "root")).Run())
	}
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}

// try runs a program and returns its standard output.
func (u utilLinux) try(program string, args ...string) (string, error) {
	line := []string{program}
	if u.root != "" {
		linker, err := filepath.Glob(filepath.Join(u.root, "usr/lib/*/ld-linux*"))
		if err != nil || len(linker) == 0 {
			return "", errors.New("it has no dynamic linker")
		}
		found := filepath.Join(u.root, "usr/sbin", program)
		if _, err := os.Stat(found); err != nil {
			found = filepath.Join(u.root, "usr/bin", program)
		}
		line = []string{linker[0], "--library-path", filepath.Dir(linker[0]), found}
	}
	if u.debug {
		line = append([]string{"env", "LIBBLKID_DEBUG=lowprobe"}, line...)
	}
	line = append(line, args...)
	return try(line[0], line[1:]...)
}

func (u utilLinux) isReference() bool {
	out, err := u.try("blkid", "-V")
	return err == nil && strings.Contains(out, "libblkid "+reference)
}
