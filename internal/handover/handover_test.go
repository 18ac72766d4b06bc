// SPDX-License-Identifier: Apache-2.0

package handover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
)

func TestSummary(t *testing.T) {
	p := Progress{Source: "qemu (fw_cfg opt/com.coreos/config)"}
	p.Count(types.Config{Storage: types.Storage{
		Disks: make([]types.Disk, 1), Filesystems: make([]types.Filesystem, 2), Links: make([]types.Link, 1),
	}, Passwd: types.Passwd{Users: make([]types.User, 1)}})
	p.Add("fetch-offline", 120*time.Millisecond, 0)
	p.Add("disks", 2*time.Second, 0)
	want := "firstlight: provisioned from qemu (fw_cfg opt/com.coreos/config): 1 disk, 2 filesystems, 0 files, 1 link, " +
		"1 user, 0 units; 2.12 s (fetch-offline 0.12, disks 2.00)"
	if got := p.Summary(); got != want {
		t.Errorf("got:  %s\nwant: %s", got, want)
	}
}

// TestState: what was kept is there after the file was read back, by name in the facts and by handle among the payloads.
func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "state")
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s.KeepKey("data", []byte("secret"))
	s.KeepKey("bound", []byte("x"))
	s.KeepKey("bound", nil)
	s.KeepVolumeKeyFiles(map[string][]byte{"/etc/zkey/k": []byte("card")})
	s.KeepDirectories([]string{"/home/core/data"})
	mode, pool := 0o640, "data:,pool"
	s.ProviderFiles = []types.File{{Node: types.Node{Path: "/var/lib/pool"}, Contents: types.Resource{Source: &pool}, Mode: &mode}}
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file has mode %v, %v", info.Mode(), err)
	}
	if s, err = Load(path); err != nil {
		t.Fatal(err)
	}
	f, loads := s.Facts(), s.Payloads()
	if !slices.Equal(f.Keys, []string{"data"}) || !slices.Equal(f.VolumeKeyFiles, []string{"/etc/zkey/k"}) ||
		!slices.Equal(f.HomeParts, []string{"/home/core/data"}) || len(f.PlatformFiles) != 1 || f.PlatformFiles[0].Mode != mode {
		t.Errorf("the facts are %+v", f)
	}
	for handle, want := range map[op.Handle]string{
		op.VolumeKey("data"): "data:;base64,c2VjcmV0", op.LeftFile("/etc/zkey/k"): "data:;base64,Y2FyZA==", op.LeftFile("/var/lib/pool"): pool,
	} {
		if loads[handle].Source != want {
			t.Errorf("%s is %q, want %q", handle, loads[handle].Source, want)
		}
	}
}

// TestBroken: a file that is not whole is an error that names it, and not an empty state.
func TestBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte(`{"luks`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("state: %v", err)
	}
	if _, err := LoadProgress(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("progress: %v", err)
	}
}
