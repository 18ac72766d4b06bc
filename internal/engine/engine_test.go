// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/op"
)

func TestSummary(t *testing.T) {
	p := progress{Source: "qemu (fw_cfg opt/com.coreos/config)"}
	p.count(types.Config{Storage: types.Storage{
		Disks: make([]types.Disk, 1), Filesystems: make([]types.Filesystem, 2), Links: make([]types.Link, 1),
	}, Passwd: types.Passwd{Users: make([]types.User, 1)}})
	p.add("fetch-offline", 120*time.Millisecond, 0)
	p.add("disks", 2*time.Second, 0)
	want := "firstlight: provisioned from qemu (fw_cfg opt/com.coreos/config): 1 disk, 2 filesystems, 0 files, 1 link, " +
		"1 user, 0 units; 2.12 s (fetch-offline 0.12, disks 2.00)"
	if got := p.summary(); got != want {
		t.Errorf("got:  %s\nwant: %s", got, want)
	}
}

func TestSeal(t *testing.T) {
	root := t.TempDir()
	bootID := filepath.Join(t.TempDir(), "boot_id")
	if err := os.WriteFile(bootID, []byte("some-boot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() *Seal {
		t.Helper()
		s, err := readSeal(root, true)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := read(); s != nil {
		t.Fatalf("a new root is sealed: %+v", s)
	}
	r := &run{o: Options{Root: root}, distro: Distro{BootIDPath: bootID}}
	if err := r.seal("digest"); err != nil {
		t.Fatal(err)
	}
	if s := read(); s == nil || s.Config != "digest" || s.BootID != "some-boot" {
		t.Fatalf("the seal reads %+v", s)
	}
	cleared := filepath.Join(root, sealDir, clearedFile)
	if err := os.WriteFile(cleared, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := read(); s != nil {
		t.Fatal("a flag met with a cleared seal was set on purpose")
	}
	if s, err := readSeal(root, false); s == nil || err != nil {
		t.Fatalf("with ignition.firstboot=auto the seal alone decides: %+v, %v", s, err)
	}
	if err := errors.Join(r.lift(), r.seal("again")); err != nil {
		t.Fatal(err)
	}
	if s := read(); s == nil || s.Config != "again" {
		t.Fatalf("the machine was provisioned again, the seal reads %+v", s)
	}
}

func TestSealIsNotGuessed(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, sealDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, sealDir, sealFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSeal(root, true); err == nil {
		t.Error("a broken seal was read as none")
	}
}

// TestBlock checks what the console of a failed boot ends with.
func TestBlock(t *testing.T) {
	const text = "{\"ignition\":{\"version\":\"3.4.0\"},\n\"storage\":{\"files\":[{\"path\":\"etc/x\"}]}}"
	_, report := config.Parse(diag.NewSource("fw_cfg opt/com.coreos/config", []byte(text)))
	for _, c := range []struct {
		name    string
		err     error
		touched bool
		want    []string
	}{
		{"invalid config", &acquire.InvalidError{Source: "fw_cfg opt/com.coreos/config", Report: report}, false,
			[]string{"fw_cfg opt/com.coreos/config:2:29", "($.storage.files.0.path)", "Nothing was written to any disk"}},
		{"step", fmt.Errorf("files: %w", &apply.StepError{
			Step: op.Step{Op: op.SetKernelArguments{Present: []string{"a"}}, Path: "$.kernelArguments",
				Origin: diag.Place{File: "c.ign", Line: 3, Column: 7}},
			Err: errors.New("it broke"),
		}), true, []string{`what   make kernel arguments ["a"] present`, "where  c.ign:3:7 ($.kernelArguments)", "cause  it broke",
			"The machine has been changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &run{o: Options{Stage: "files"}, progress: progress{Touched: c.touched}}
			block := r.block(findings(c.err))
			for _, w := range c.want {
				if !strings.Contains(block, w) {
					t.Errorf("the block lacks %q:\n%s", w, block)
				}
			}
		})
	}
}
