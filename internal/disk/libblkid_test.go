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

// reference is the release of util-linux with whose libblkid the probe is compared.
const reference = "2.41"

// utilLinux runs programs of util-linux: the installed ones, or those of a newer release in a separate directory, with its
// own linker and libraries.
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
		t.Skipf("libblkid %s is unavailable: %v", reference, err)
	}
	return u
}

// findUtilLinux prefers installed programs, then programs fetched earlier, and else fetches them.
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
	err = keep(kept.root, func(a archive, into string) error {
		if err := a.get("download", "util-linux", "libblkid1", "libc6", "libsmartcols1", "libuuid1", "libmount1", "libselinux1", "libpcre2-8-0", "libtinfo6", "libeconf0"); err != nil {
			return err
		}
		debs, err := filepath.Glob(filepath.Join(a.work, "*.deb"))
		for _, deb := range debs {
			err = errors.Join(err, exec.Command("dpkg-deb", "-x", deb, into).Run())
		}
		return err
	})
	if err == nil && !kept.isReference() {
		err = errors.New("Debian's trixie has another release")
	}
	return kept, err
}

var images = sync.OnceValues(findImages)

// findImages returns the directory of the images of util-linux's own tests, fetched once.
func findImages() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory to keep them in: %w", err)
	}
	dir := filepath.Join(cache, "firstlight", "util-linux-"+reference+"-images")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, keep(dir, func(a archive, into string) error {
		if err := a.get("source", "--download-only", "util-linux"); err != nil {
			return err
		}
		tars, err := filepath.Glob(filepath.Join(a.work, "*.orig.tar.xz"))
		for _, tar := range tars {
			err = errors.Join(err, exec.Command("tar", "-C", into, "-xJf", tar, "--wildcards", "--strip-components=4", "*/tests/ts/blkid/images-*/*.img.xz").Run())
		}
		return err
	})
}

// keep fills a directory completely, or not at all.
func keep(dir string, fill func(a archive, into string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "fetching-")
	if err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	defer os.RemoveAll(work)
	into := filepath.Join(work, "into")
	if err := os.Mkdir(into, 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	a, err := openArchive(work)
	if err != nil {
		return err
	}
	if err := fill(a, into); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return errors.Join(os.RemoveAll(dir), os.Rename(into, dir))
}

// archive is Debian's trixie, on the mirror that this machine's apt uses. Downloads go to a directory; nothing is installed.
type archive struct {
	work    string
	options []string
}

func openArchive(work string) (archive, error) {
	mirror, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian").Output()
	first, _, _ := strings.Cut(string(mirror), "\n")
	if err != nil || first == "" {
		return archive{}, fmt.Errorf("ask apt for its mirror: %w", err)
	}
	var sources string
	for _, kind := range []string{"deb", "deb-src"} {
		sources += kind + " [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + first + " trixie main\n"
	}
	a := archive{work, []string{"-qq"}}
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(work, dir), 0o755))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(work, "sources.list"), []byte(sources), 0o644), os.WriteFile(filepath.Join(work, "status"), nil, 0o644))
	if err != nil {
		return a, fmt.Errorf("prepare to fetch: %w", err)
	}
	for _, o := range []string{"Dir::Etc::sourcelist=" + work + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::State::lists=" + work + "/lists",
		"Dir::Cache=" + work + "/cache", "Dir::State::status=" + work + "/status", "Acquire::Languages=none", "APT::Sandbox::User="} {
		a.options = append(a.options, "-o", o)
	}
	return a, a.get("update")
}

// get runs apt-get.
func (a archive) get(command string, args ...string) error {
	cmd := exec.Command("apt-get", append(append(a.options[:len(a.options):len(a.options)], command), args...)...)
	cmd.Dir = a.work
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", command, err, out)
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
