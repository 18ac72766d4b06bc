// SPDX-License-Identifier: Apache-2.0

// Package vm boots real guests: Debian with its own kernel, systemd, udev and dracut, in QEMU's software emulation.
//
// It builds a guest once and keeps it in a cache outside the project; a guest never touches the machine it runs on. The
// invariant: all results come from the guest itself, after its boot or on its serial console.
package vm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Guest is the set of files that guests boot with.
type Guest struct {
	Kernel, Initramfs, Root string // files; Root is never written to
	Packed                  string // the initramfs as dracut made it
	engine, scripts         string // the program of this build; directory of the scripts for guests
}

// programs that are needed to build and boot a guest, by Debian package.
var programs = map[string]string{
	"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "debootstrap": "debootstrap",
	"sgdisk": "gdisk", "mke2fs": "e2fsprogs", "zstd": "zstd", "swtpm": "swtpm", "jose": "jose", "/usr/libexec/tangd": "tang",
	"genisoimage": "genisoimage", "mcopy": "mtools", "mkfs.vfat": "dosfstools",
}

// virtiofsd shares a directory with a guest. QEMU had the program until 7.2; since then it is a package of its own, with other
// options. The last argument ends with the directory.
var virtiofsd = []struct {
	program, pkg string
	args         []string
}{
	{"/usr/libexec/virtiofsd", "virtiofsd", []string{"--fd=3", "--shared-dir="}},
	{"/usr/lib/qemu/virtiofsd", "qemu-system-common", []string{"--fd=3", "-o", "source="}},
}

// share returns the program that shares a directory, and its arguments.
func share(dir string) (program string, args []string, err error) {
	for _, v := range virtiofsd {
		if _, err := os.Stat(v.program); err == nil {
			args := slices.Clone(v.args)
			args[len(args)-1] += dir
			return v.program, args, nil
		}
	}
	return "", nil, errors.New("no virtiofsd is installed")
}

// Unable returns the reason why no guest can run here, or "".
func Unable() string {
	if os.Geteuid() != 0 {
		return "guests are built by root (debootstrap, chroot)"
	}
	var missing []string
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	if _, _, err := share("/"); err != nil {
		missing = append(missing, virtiofsd[0].pkg+" or "+virtiofsd[1].pkg)
	}
	if len(missing) > 0 {
		return "missing packages: " + strings.Join(missing, " ")
	}
	return ""
}

// top returns the project's directory.
func top() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	return filepath.Dir(strings.TrimSpace(string(out))), err
}

// cacheDir is the directory that keeps guests between runs.
func cacheDir() string {
	if d := os.Getenv("FIRSTLIGHT_CACHE"); d != "" {
		return d
	}
	if d := os.Getenv("XDG_CACHE_HOME"); d != "" {
		return filepath.Join(d, "firstlight")
	}
	return "/var/cache/firstlight"
}

// release is the Debian release of guests.
func release() string {
	if r := os.Getenv("FIRSTLIGHT_RELEASE"); r != "" {
		return r
	}
	return "bookworm"
}

// An Extra is what a guest has in addition to the common one.
type Extra struct {
	Packages []string // of Debian
	Dracut   []string // arguments of dracut
}

// key identifies the addition in names of files; the common guest has none.
func (e Extra) key() string {
	if len(e.Packages)+len(e.Dracut) == 0 {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", e.Packages, e.Dracut))
	return "-" + hex.EncodeToString(sum[:6])
}

// Prepare builds the engine and, if the cache has none for the current module and scripts, the guest. Progress goes to log.
func Prepare(log io.Writer, extra Extra) (Guest, error) {
	dir, err := top()
	if err != nil {
		return Guest{}, fmt.Errorf("find the project: %w", err)
	}
	engine, err := buildEngine(dir)
	if err != nil {
		return Guest{}, err
	}
	scripts, modules := filepath.Join(dir, "tests/vm/guest"), filepath.Join(dir, "dracut")
	treeKey, err := digest(filepath.Join(scripts, "mktree"))
	if err != nil {
		return Guest{}, err
	}
	bootKey, err := digest(modules, filepath.Join(scripts, "mkguest"), filepath.Join(scripts, "agent"),
		filepath.Join(scripts, "agent.service"), filepath.Join(scripts, "wired.network"))
	if err != nil {
		return Guest{}, err
	}
	unlock, err := lock(cacheDir())
	if err != nil {
		return Guest{}, err
	}
	defer unlock()
	tree := filepath.Join(cacheDir(), release()+"-"+treeKey)
	if _, err := os.Stat(tree); err != nil {
		fmt.Fprintln(log, "downloading Debian", release(), "(some minutes, once) to", tree)
		if err := run(filepath.Join(scripts, "mktree"), tree, release()); err != nil {
			return Guest{}, fmt.Errorf("download the guest: %w", err)
		}
	}
	boot := tree + "-" + bootKey + extra.key()
	if _, err := os.Stat(boot); err != nil {
		fmt.Fprintln(log, "building a guest in", boot)
		if err := makeGuest(scripts, tree, boot, modules, engine, extra); err != nil {
			return Guest{}, err
		}
	}
	g := Guest{Kernel: filepath.Join(boot, "vmlinuz"), Root: filepath.Join(boot, "root.qcow2"), engine: engine, scripts: scripts}
	g.Packed = filepath.Join(boot, "initramfs")
	g.Initramfs, err = withEngine(g.Packed, engine)
	return g, err
}

// buildEngine compiles the engine as it is shipped.
func buildEngine(dir string) (string, error) {
	cmd := exec.Command(filepath.Join(dir, "build"))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the engine: %w\n%s", err, out)
	}
	return filepath.Join(dir, "bin/ignition"), nil
}

// makeGuest runs mkguest with a copy of the dracut directory that has the engine.
func makeGuest(scripts, tree, boot, modules, engine string, extra Extra) error {
	work, err := os.MkdirTemp("", "dracut-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, os.DirFS(modules)); err != nil {
		return fmt.Errorf("copy dracut modules: %w", err)
	}
	data, err := os.ReadFile(engine)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, "30ignition/ignition"), data, 0o755); err != nil {
		return err
	}
	args := append([]string{tree, boot, work, strings.Join(extra.Packages, " ")}, extra.Dracut...)
	if err := run(filepath.Join(scripts, "mkguest"), args...); err != nil {
		return fmt.Errorf("build the guest: %w", err)
	}
	return nil
}

// run runs a script; its error has the end of the script's output.
func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out[max(0, len(out)-4000):])
	}
	return nil
}

// withEngine returns an initramfs in which the engine of this build replaces the one it was built with: the kernel unpacks
// concatenated archives in order, later files over earlier ones (Linux Documentation/driver-api/early-userspace). It is not
// compressed: an emulated processor takes seconds to unpack it.
func withEngine(initramfs, engine string) (string, error) {
	binary, err := os.ReadFile(engine)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(binary)
	name := initramfs + "-" + hex.EncodeToString(sum[:8])
	now := time.Now()
	if os.Chtimes(name, now, now) == nil {
		return name, nil
	}
	if err := prune(initramfs+"-*", now.Add(-unused)); err != nil {
		return "", err
	}
	base, err := exec.Command("zstd", "-dcq", initramfs).Output()
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", initramfs, err)
	}
	whole := append(base, make([]byte, (4-len(base)%4)%4)...)
	whole = append(whole, cpio("usr/bin/ignition", binary)...)
	if err := os.WriteFile(name+".new", whole, 0o644); err != nil {
		return "", err
	}
	return name, os.Rename(name+".new", name)
}

// WithFiles writes an initramfs with the files of a directory, if it exists, in addition to those of another initramfs.
func WithFiles(initramfs, name, dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return initramfs, nil
	}
	whole, err := os.ReadFile(initramfs)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		mode, data := 0o040755, []byte(nil)
		if !d.IsDir() {
			mode = 0o100755
			data, err = os.ReadFile(p)
			if d.Type()&fs.ModeSymlink != 0 {
				var target string
				mode = 0o120777
				target, err = os.Readlink(p)
				data = []byte(target)
			}
		}
		cpioEntry(&b, rel, mode, data)
		return err
	})
	if err != nil {
		return "", err
	}
	cpioEntry(&b, "TRAILER!!!", 0, nil)
	whole = append(whole, make([]byte, (4-len(whole)%4)%4)...)
	return name, os.WriteFile(name, append(whole, b.Bytes()...), 0o644)
}

// unused is the age at which a file of the cache counts as unused. Other runs, with other engines, share the cache.
const unused = 6 * time.Hour

// prune removes the files of a pattern that were not used since a time.
func prune(pattern string, since time.Time) error {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.ModTime().After(since) {
			continue
		}
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("tidy the cache: %w", err)
		}
	}
	return nil
}

// cpio returns an archive of one executable in the "newc" format (cpio(5)).
func cpio(name string, data []byte) []byte {
	var b bytes.Buffer
	cpioEntry(&b, name, 0o100755, data)
	cpioEntry(&b, "TRAILER!!!", 0, nil)
	return b.Bytes()
}

// cpioEntry appends an entry to an archive; data is the target of a symbolic link.
func cpioEntry(b *bytes.Buffer, name string, mode int, data []byte) {
	fmt.Fprintf(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	b.WriteString(name + "\x00")
	b.Write(make([]byte, (4-b.Len()%4)%4))
	b.Write(data)
	b.Write(make([]byte, (4-b.Len()%4)%4))
}

// digest identifies files and trees by name and content.
func digest(paths ...string) (string, error) {
	h := sha256.New()
	for _, p := range paths {
		err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			fmt.Fprintf(h, "%s %d\n", strings.TrimPrefix(name, p), len(data))
			h.Write(data)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("identify the guest: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
}

// lock prevents two runs from building the same guest.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	return func() { f.Close() }, nil
}
