// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

// needRoot skips a test that only root can run. ./build test runs as root where it boots guests, and skips none.
func needRoot(t *testing.T, action string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip(action + " needs root")
	}
}

// inNamespace runs the test again in a mount namespace of its own, and reports whether this is the run in there.
func inNamespace(t *testing.T) bool {
	t.Helper()
	const mark = "FIRSTLIGHT_TEST_NAMESPACE"
	if os.Getenv(mark) != "" {
		return true
	}
	needRoot(t, "mounting")
	cmd := exec.Command("unshare", "-m", "--propagation", "private", os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// shell runs commands, and fails the test if one of them fails.
func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command("bash", "-ec", script)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPersist: where /etc is lost with the power, the seal is kept on the root filesystem, and the look from outside finds it.
func TestPersist(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for name, c := range map[string]struct{ words, etc, kept string }{
		"tmpfs":                   {"", `mount -t tmpfs etc "$R/etc"`, "etc/.firstlight"},
		"overlay on a tmpfs":      {"", `mount -t tmpfs up "$U"; mkdir "$U/u" "$U/w"; mount -t overlay o -o lowerdir="$R/etc",upperdir="$U/u",workdir="$U/w" "$R/etc"`, "etc/.firstlight"},
		"deployment":              {"ostree=/ostree/boot.1/os/c/0", `mkdir -p "$R/ostree/boot.1/os/c" "$R/ostree/deploy/os/deploy/h.0"; ln -s ../../../deploy/os/deploy/h.0 "$R/ostree/boot.1/os/c/0"; mount -t tmpfs etc "$R/etc"`, "ostree/deploy/os/var/lib/firstlight"},
		"a filesystem that stays": {"", `true`, "etc/.firstlight"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, bare := filepath.Join(dir, "root"), filepath.Join(dir, "bare")
			env := []string{"R=" + root, "U=" + filepath.Join(dir, "up"), "B=" + bare, "I=" + filepath.Join(dir, "image")}
			device := shell(t, `mkdir "$R" "$U" "$B"; truncate -s 8M "$I"; mkfs.ext4 -q "$I"; losetup -f --show "$I"`, env...)
			defer shell(t, "for m in \"$R\" \"$B\" \"$U\"; do umount -R \"$m\" 2>/dev/null || :; done; losetup -d "+device, env...)
			shell(t, `mount `+device+` "$R"; mkdir "$R/etc"; `+c.etc, env...)
			log := slog.New(slog.DiscardHandler)
			r := &run{cmdline: acquire.ParseCmdline("root=" + device + " " + c.words), log: log, host: &sys.Host{Log: log}, o: Options{Root: dir}}
			r.stage, _ = findStage("files")
			r.progress.Root = root
			shell(t, `mkdir "$R/../etc"; mount -t tmpfs etc "$R/../etc"`, env...)
			if err := r.persist(context.Background()); err != nil { // a rehearsal elsewhere
				t.Fatal(err)
			}
			shell(t, `umount "$R/../etc"; [ -z "$(ls "$R/etc")" ]`, env...)
			r.o.Root = root
			for range 2 { // the stages after it find it done
				if err := r.persist(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			target, err := rootfs.Open(root)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := seal.Open(target)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := seal.Draft(target, seal.Seal{Config: "c"})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(sealed.Replace(), opened.Close(), target.Close()); err != nil {
				t.Fatal(err)
			}
			shell(t, `umount -R "$R"; umount "$U" 2>/dev/null || :; mount `+device+` "$B"; ls "$B/`+c.kept+`/seal.json"; umount "$B"`, env...)
			r.stage, _ = findStage("disks")
			if found, known, err := r.look(context.Background()); err != nil || !known || found == nil || found.Config != "c" {
				t.Errorf("the look found %+v, known %t, %v", found, known, err)
			}
		})
	}
}
