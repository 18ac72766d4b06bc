// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/firstlight-boot/firstlight/internal/apply"
)

// TestTrouble runs on filesystems that are full, have no inodes left, or are read-only: the error names the entry of the
// config and a remedy, and no partial file appears.
func TestTrouble(t *testing.T) {
	if os.Getenv("FIRSTLIGHT_OWN_MOUNTS") == "" {
		again(t)
		return
	}
	big := strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		name, options, config, err, hint, path string
		readOnly                               bool
	}{
		{"full", "size=2m", `{"storage":{"files":[{"path":"/small","contents":{"source":"data:,x"}},
			{"path":"/d/big","contents":{"source":"data:,` + big + `"}}]}}`,
			"no space left on device", "make the filesystem larger", "$.storage.files.1", false},
		{"full while appending", "size=2m", `{"storage":{"files":[{"path":"/there","append":[{"source":"data:,` + big + `"}]}]}}`,
			"no space left on device", "make the filesystem larger", "$.storage.files.0", false},
		{"no inodes", "nr_inodes=8", `{"storage":{"directories":[{"path":"/a/b/c/d/e/f/g/h/i/j"}]}}`,
			"no space left on device", "no inodes left", "$.storage.directories.0", false},
		{"no inodes for a file", "nr_inodes=3", `{"storage":{"files":[{"path":"/f","contents":{"source":"data:,x"}},{"path":"/g"},{"path":"/h"}]}}`,
			"no space left on device", "no inodes left", "$.storage.files.", false},
		{"no inodes for an account", "nr_inodes=5", `{"passwd":{"groups":[{"name":"team"}]}}`,
			"no space left on device", "no inodes left", "$.passwd", false},
		{"read-only", "size=2m", `{"storage":{"files":[{"path":"/f","contents":{"source":"data:,x"}}]}}`,
			"read-only file system", "mount the filesystem that holds it read-write", "$.storage.files.0", true},
		{"read-only directory", "size=2m", `{"storage":{"directories":[{"path":"/f"}]}}`,
			"read-only file system", "read-write", "$.storage.directories.0", true},
		{"read-only unit", "size=2m", `{"systemd":{"units":[{"name":"a.service","contents":"[Service]\n"}]}}`,
			"read-only file system", "read-write", "$.systemd.units.0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			if err := unix.Mount("none", m.dir, "tmpfs", 0, c.options); err != nil {
				t.Fatal(err)
			}
			defer unix.Unmount(m.dir, unix.MNT_DETACH)
			m.grow(t, "f /there text")
			if strings.Contains(c.name, "account") {
				m.grow(t, "f /etc/group root:x:0:\\n")
			}
			before := tree(t, m.dir)
			if c.readOnly {
				if err := unix.Mount("none", m.dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
					t.Fatal(err)
				}
			}
			doc, err := parse(c.config)
			if err != nil {
				t.Fatal(err)
			}
			err = m.run(doc)
			var step *apply.StepError
			var hint interface{ Hint() string }
			if !errors.As(err, &step) || !errors.As(err, &hint) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), c.err) || !strings.Contains(hint.Hint(), c.hint) ||
				!strings.HasPrefix(step.Step.Path, c.path) || step.Step.Origin.Line == 0 {
				t.Errorf("got %.300v; %s; %s; %v", err, hint.Hint(), step.Step.Path, step.Step.Origin)
			}
			for _, l := range changes(before, tree(t, m.dir)) {
				if strings.Contains(l, "/big") || strings.Contains(l, "/tmp") || strings.Contains(l, " /there") {
					t.Errorf("left: %.200s", l)
				}
			}
		})
	}
}

// again runs this test again in a private mount namespace, so that its mounts are invisible to others.
func again(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("a mount namespace needs unshare")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "FIRSTLIGHT_OWN_MOUNTS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "--- PASS"); n < 2 {
		t.Errorf("nothing was tested (%s): %s", runtime.Version(), out)
	}
}

// TestHostileSwap runs the stage while another process exchanges its directories for links out of the root.
func TestHostileSwap(t *testing.T) {
	m := newMachine(t)
	outside := filepath.Join(filepath.Dir(m.dir), "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "f"), []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, outside)
	m.grow(t, "d /a/b\nd /x\nl /evil "+outside+"\nf /a/b/there text")
	var files []string
	for i := range 50 {
		files = append(files, fmt.Sprintf(`{"path":"/a/b/f%d","contents":{"source":"data:,x"},"mode":511,"user":{"id":7}}`, i))
	}
	doc, err := parse(`{"storage":{"directories":[{"path":"/a/b/d","overwrite":true,"user":{"id":9}}],"files":[` + strings.Join(files, ",") +
		`,{"path":"/a/b/there","append":[{"source":"data:,y"}]}],"links":[{"path":"/a/b/l","target":"x"}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(m.dir, "a"), unix.AT_FDCWD, filepath.Join(m.dir, "evil"), unix.RENAME_EXCHANGE)
			}
		}
	}()
	for range 20 {
		_ = m.run(doc) // usually fails
		m.forget(t)
	}
	close(stop)
	<-stopped
	if diff := changes(before, tree(t, outside)); len(diff) > 0 {
		t.Errorf("outside changed: %v", diff)
	}
}
