// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	remadeStart = base + "d /home\n"
	// remade has steps on the root, on the filesystem of /home, and on both.
	remade = `{"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["k"]}]},"storage":{
		"directories":[{"path":"/home/data/deep"},{"path":"/etc/made"}],
		"files":[{"path":"/home/core/file","user":{"name":"core"},"contents":{"source":"data:,text"}},
			{"path":"/home/log","contents":{"source":"data:,one"},"append":[{"source":"data:,two"}]},
			{"path":"/etc/log","append":[{"source":"data:,one"}]}],
		"links":[{"path":"/home/link","target":"/etc"}]}}`
)

// inNamespace runs a test in a private mount namespace, in another process, so that all of its threads see the same mounts.
func inNamespace(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	const variable = "FIRSTLIGHT_TEST_NAMESPACE"
	if os.Getenv(variable) != "" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("a mount namespace needs a privilege that this environment does not give: ", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// A volumeOf is the filesystem on /home in a test.
type volumeOf struct {
	name    string
	prepare func(t *testing.T, image string) // makes a new filesystem
	mount   func(t *testing.T, image, target string)
}

// program runs a program. Without the program the test is skipped; a program that fails fails the test.
func program(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func image(format string) volumeOf {
	return volumeOf{format, func(t *testing.T, image string) {
		if err := errors.Join(os.RemoveAll(image), os.WriteFile(image, nil, 0o600), os.Truncate(image, 320<<20)); err != nil {
			t.Fatal(err)
		}
		program(t, "mkfs."+format, "-q", image)
	}, func(t *testing.T, image, target string) {
		if _, err := os.Stat("/dev/loop-control"); err != nil {
			t.Skip("no loop devices")
		}
		program(t, "mount", "-o", "loop", "-t", format, image, target)
	}}
}

func (m *machine) mountHome(t *testing.T, v volumeOf, image string) {
	t.Helper()
	v.mount(t, image, filepath.Join(m.dir, "home"))
}

func (m *machine) unmountHome(t *testing.T) {
	t.Helper()
	if err := unix.Unmount(filepath.Join(m.dir, "home"), 0); err != nil {
		t.Fatal(err)
	}
}

// onVolume runs a stage on a root with a volume on /home, stopped after n changes; between is called before the second run. It
// returns the tree, and whether there were n changes.
func onVolume(t *testing.T, v volumeOf, n int, between func(m *machine, image string)) (nodes []string, stopped bool) {
	t.Helper()
	doc, err := parse(remade)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	image := filepath.Join(filepath.Dir(m.dir), "image")
	m.grow(t, remadeStart+"f /etc/log zero\n")
	v.prepare(t, image)
	m.mountHome(t, v, image)
	defer m.unmountHome(t)
	var made atomic.Int64
	m.before = func(string) error {
		if int(made.Add(1)) > n && n >= 0 {
			return errStopped
		}
		return nil
	}
	if err := m.run(doc); err != nil && !errors.Is(err, errStopped) {
		t.Fatal(err)
	} else if stopped = err != nil; stopped || between != nil {
		m.before = nil
		between(m, image)
		if err := m.run(doc); err != nil {
			t.Fatalf("stopped after %d changes, the second run: %v", n, err)
		}
	}
	for _, line := range tree(t, m.dir) {
		if line != "d /home/lost+found 0700 0:0" {
			nodes = append(nodes, line)
		}
	}
	return nodes, stopped
}

// everyStop stops a stage after every number of changes.
func everyStop(t *testing.T, v volumeOf, between func(m *machine, image string)) {
	want, _ := onVolume(t, v, -1, nil)
	stops := 0
	for n := 0; ; n++ {
		got, stopped := onVolume(t, v, n, between)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("stopped after %d changes: -want +got:\n%s", n, diff)
		}
		if !stopped {
			break
		}
		stops++
	}
	t.Logf("%d stops", stops)
}

// TestFilesystemMadeAgain: if a filesystem was recreated after a stopped run, its files are written again.
func TestFilesystemMadeAgain(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	memory := volumeOf{"tmpfs", func(*testing.T, string) {}, func(t *testing.T, _, target string) {
		if err := unix.Mount("tmpfs", target, "tmpfs", 0, "mode=755"); err != nil {
			t.Fatal(err)
		}
	}}
	for _, v := range []volumeOf{memory, image("ext4"), image("xfs")} {
		t.Run(v.name, func(t *testing.T) {
			if v.name != "tmpfs" { // one stop: making the filesystem takes a while
				want, _ := onVolume(t, v, -1, nil)
				got, _ := onVolume(t, v, 1000, func(m *machine, image string) {
					m.unmountHome(t)
					v.prepare(t, image)
					m.mountHome(t, v, image)
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
			everyStop(t, v, func(m *machine, image string) {
				m.unmountHome(t)
				m.mountHome(t, v, image)
			})
		})
	}
}

// TestFilesystemMountedAgain: if a filesystem was remounted after a stopped run, its steps are not repeated.
func TestFilesystemMountedAgain(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, v := range []volumeOf{image("ext4"), image("xfs")} {
		t.Run(v.name, func(t *testing.T) {
			want, _ := onVolume(t, v, -1, nil)
			for _, n := range []int{5, 20, 30, 1000} {
				got, _ := onVolume(t, v, n, func(m *machine, image string) {
					m.unmountHome(t)
					m.mountHome(t, v, image)
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("stopped after %d changes: -want +got:\n%s", n, diff)
				}
			}
		})
	}
}
